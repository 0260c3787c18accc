"""The field interface: B at one position, and sums and multiples of fields."""

import abc
import math
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxcr.annotations import checked
from jaxcr.arrays import Scalar, Vector
from jaxcr.checks import check_size, is_concrete
from jaxcr.untrusted.sizes import most_memory


class Lattice(eqx.Module):
    """The cells of a gridded field: where its samples sit.

    Sample ``i`` sits at ``origin + (i + 1/2) spacing`` (pc).
    """

    origin: Vector
    spacing: Vector
    shape: tuple[int, int, int] = eqx.field(static=True)

    def centers(self) -> Float[Array, "nx ny nz xyz=3"]:
        """Return the position of every sample in pc."""
        # On the host where the numbers are known, not eleven programs; one would round otherwise.
        known = is_concrete(self.origin, self.spacing)
        origin, spacing = (np.asarray(x) if known else x for x in (self.origin, self.spacing))
        xp = np if known else jnp
        axes = [
            origin[i] + (xp.arange(n, dtype=origin.dtype) + 0.5) * spacing[i]
            for i, n in enumerate(self.shape)
        ]
        return jnp.asarray(xp.stack(xp.meshgrid(*axes, indexing="ij"), axis=-1))


class Field(eqx.Module):
    """A static magnetic field: call it with one position (pc) to get B (µG).

    Fields add (``+``) and scale (``*`` by a number), and every array in them is differentiable.
    """

    @abc.abstractmethod
    def __call__(self, position: Vector) -> Vector:
        """Return B in µG at ``position`` in pc."""

    @abc.abstractmethod
    def max_strength(self) -> Scalar:
        """Return an upper bound of |B| in µG, from which automatic steps are chosen."""

    @abc.abstractmethod
    def lattice(self) -> Lattice | None:
        """Return the cells behind the field, or ``None`` when it has no grid."""

    def __add__(self, other: "Field") -> "SumField":
        if not isinstance(other, Field):
            return NotImplemented
        return SumField(self, other)

    def __mul__(self, factor: Any) -> "ScaledField":
        if isinstance(factor, Field):
            return NotImplemented
        return ScaledField(self, factor)

    __rmul__ = __mul__


class SumField(Field):
    """The sum of two fields."""

    first: Field
    second: Field

    @checked
    def __call__(self, position: Vector) -> Vector:
        """Return the sum of both fields at ``position``."""
        return self.first(position) + self.second(position)

    def max_strength(self) -> Scalar:
        """Return the sum of both bounds."""
        first, second = self.first.max_strength(), self.second.max_strength()
        return first + second.astype(first.dtype)

    def lattice(self) -> Lattice | None:
        """Return the lattice with more cells on an axis, which is known before tracing."""
        found = [x for x in (self.first.lattice(), self.second.lattice()) if x is not None]
        return min(found, key=lambda x: -max(x.shape)) if found else None


class ScaledField(Field):
    """A field times a number, for example the amplitude of turbulence."""

    field: Field
    factor: Scalar

    @checked
    def __call__(self, position: Vector) -> Vector:
        """Return the multiple of the field at ``position``."""
        return self.factor.astype(position.dtype) * self.field(position)

    def max_strength(self) -> Scalar:
        """Return the bound of the field times |factor|."""
        bound = self.field.max_strength()
        return jnp.abs(self.factor.astype(bound.dtype)) * bound

    def lattice(self) -> Lattice | None:
        """Return the lattice of the field."""
        return self.field.lattice()


def sample_field(field: Field, lattice: Lattice) -> Float[Array, "nx ny nz xyz=3"]:
    """Return B in µG at every sample of ``lattice``, in batches that bound the memory."""
    remedy = "Give a lattice of fewer cells."
    check_size(
        "sample_field: lattice", 24.0 * math.prod(lattice.shape), most_memory(), remedy=remedy
    )
    centers = lattice.centers().reshape(-1, 3)
    return _in_batches(field, centers).reshape(*lattice.shape, 3)


@eqx.filter_jit
def _in_batches(
    field: Field, positions: Float[Array, "sample xyz=3"]
) -> Float[Array, "sample xyz=3"]:
    """Return B at many positions.

    They are an argument: computed in one program with their cells, XLA rounds the cell of a sample
    in two ways, and where it is an integer takes the offset in one cell and the coefficients of
    another.
    """
    return jax.lax.map(field, positions, batch_size=65536)
