"""What a gridded field does outside its box."""

import abc

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Int, Shaped


class Boundary(eqx.Module):
    """How samples continue beyond the box: as padding, and as an index into the padded grid."""

    @abc.abstractmethod
    def pad(
        self, samples: Shaped[Array, "nx ny nz xyz=3"], before: int, after: int
    ) -> Shaped[Array, "px py pz xyz=3"]:
        """Return ``samples`` with so many layers added before and after each axis."""

    @abc.abstractmethod
    def wrap(self, index: Int[Array, "xyz=3"], shape: tuple[int, int, int]) -> Int[Array, "xyz=3"]:
        """Return the index inside the box that stands for ``index``."""


class Periodic(Boundary):
    """The box repeats without end in every direction, without being copied."""

    def pad(
        self, samples: Shaped[Array, "nx ny nz xyz=3"], before: int, after: int
    ) -> Shaped[Array, "px py pz xyz=3"]:
        """Return ``samples`` with the opposite faces appended."""
        return jnp.pad(samples, (*[(before, after)] * 3, (0, 0)), mode="wrap")

    def wrap(self, index: Int[Array, "xyz=3"], shape: tuple[int, int, int]) -> Int[Array, "xyz=3"]:
        """Return ``index`` modulo the shape (a mask where that is a power of two: no division)."""
        if all(n & (n - 1) == 0 for n in shape):
            return index & jnp.array([n - 1 for n in shape], dtype=index.dtype)
        return index % jnp.array(shape, dtype=index.dtype)
