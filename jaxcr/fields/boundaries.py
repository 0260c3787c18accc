"""What a gridded field does outside its box."""

import abc
from typing import Literal

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Int, Shaped

from jaxcr.arrays import Scalar, Vector


class Boundary(eqx.Module):
    """How samples continue beyond the box: as padding, and as places in the padded grid.

    Cell coordinates count samples: sample ``i`` sits at ``i``, the box ends at ``-1/2`` and
    ``n - 1/2``.
    """

    @property
    @abc.abstractmethod
    def is_periodic(self) -> bool:
        """Whether the padded grid repeats, so that a filter may go round in circles."""

    @abc.abstractmethod
    def pad(
        self, samples: Shaped[Array, "nx ny nz xyz=3"], before: int, after: int
    ) -> Shaped[Array, "px py pz xyz=3"]:
        """Return ``samples`` with so many layers added before and after each axis."""

    @abc.abstractmethod
    def layers(self, before: int, after: int) -> int:
        """Return how many layers ``pad`` adds to an axis."""

    @abc.abstractmethod
    def fold(self, cell: Vector, shape: tuple[int, int, int]) -> Vector:
        """Return the cell coordinate at which the field is read for ``cell``."""

    @abc.abstractmethod
    def wrap(self, index: Int[Array, "xyz=3"], shape: tuple[int, int, int]) -> Int[Array, "xyz=3"]:
        """Return the sample below a folded coordinate as an index into the box."""

    @abc.abstractmethod
    def share(self, cell: Vector, shape: tuple[int, int, int]) -> Scalar | None:
        """Return the factor on the field at ``cell``, or ``None`` when it is one everywhere."""


class Periodic(Boundary):
    """The box repeats without end in every direction, without being copied."""

    @property
    def is_periodic(self) -> bool:
        """True."""
        return True

    def pad(
        self, samples: Shaped[Array, "nx ny nz xyz=3"], before: int, after: int
    ) -> Shaped[Array, "px py pz xyz=3"]:
        """Return ``samples`` with the opposite faces appended."""
        return jnp.pad(samples, (*[(before, after)] * 3, (0, 0)), mode="wrap")

    def layers(self, before: int, after: int) -> int:
        """Return those asked for."""
        return before + after

    def fold(self, cell: Vector, shape: tuple[int, int, int]) -> Vector:
        """Return ``cell``: the integer below it is what wraps, without loss of digits."""
        return cell

    def wrap(self, index: Int[Array, "xyz=3"], shape: tuple[int, int, int]) -> Int[Array, "xyz=3"]:
        """Return ``index`` modulo the shape (a mask where that is a power of two: no division)."""
        if all(n & (n - 1) == 0 for n in shape):
            return index & jnp.array([n - 1 for n in shape], dtype=index.dtype)
        return index % jnp.array(shape, dtype=index.dtype)

    def share(self, cell: Vector, shape: tuple[int, int, int]) -> Scalar | None:
        """Return ``None``."""
        return None


class _Single(Boundary):
    """One box: layers continue it by a rule, one more before than the stencil needs."""

    mode: eqx.AbstractClassVar[Literal["edge", "symmetric"]]

    @property
    def is_periodic(self) -> bool:
        """False."""
        return False

    def pad(
        self, samples: Shaped[Array, "nx ny nz xyz=3"], before: int, after: int
    ) -> Shaped[Array, "px py pz xyz=3"]:
        """Return ``samples`` continued by the rule; half a cell before the first needs one more."""
        return jnp.pad(samples, (*[(before + 1, after)] * 3, (0, 0)), mode=self.mode)

    def layers(self, before: int, after: int) -> int:
        """Return one more than asked for."""
        return before + after + 1

    def wrap(self, index: Int[Array, "xyz=3"], shape: tuple[int, int, int]) -> Int[Array, "xyz=3"]:
        """Return ``index`` past the layer more, kept inside the padded grid."""
        return jnp.clip(index + 1, 0, jnp.array(shape, dtype=index.dtype))

    def share(self, cell: Vector, shape: tuple[int, int, int]) -> Scalar | None:
        """Return ``None``."""
        return None


class Clamped(_Single):
    """Outside, the value at the nearest point among the samples: continuous, constant along rays.

    Its divergence does not vanish outside.
    """

    mode = "edge"

    def fold(self, cell: Vector, shape: tuple[int, int, int]) -> Vector:
        """Return the nearest point between the first and the last sample."""
        return jnp.clip(cell, 0, jnp.array(shape, cell.dtype) - 1)


class Mirrored(_Single):
    """The box and its mirror images at every face, all three components as they are.

    The component across a face has a kink there, so that its divergence does not vanish.
    """

    mode = "symmetric"

    def fold(self, cell: Vector, shape: tuple[int, int, int]) -> Vector:
        """Return the point of the box whose image ``cell`` is."""
        size = jnp.array(shape, cell.dtype)
        along = jnp.mod(cell + 0.5, 2 * size)
        return jnp.minimum(along, 2 * size - along) - 0.5


class ZeroOutside(_Single):
    """No field beyond the faces of the box; up to them the outermost samples continue."""

    mode = "edge"

    def fold(self, cell: Vector, shape: tuple[int, int, int]) -> Vector:
        """Return the nearest point of the box."""
        return jnp.clip(cell, -0.5, jnp.array(shape, cell.dtype) - 0.5)

    def share(self, cell: Vector, shape: tuple[int, int, int]) -> Scalar | None:
        """Return 1 inside the box and 0 outside."""
        inside = jnp.all((cell >= -0.5) & (cell <= jnp.array(shape, cell.dtype) - 0.5))
        return inside.astype(cell.dtype)
