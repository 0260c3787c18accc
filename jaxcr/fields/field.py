"""The field interface: B at one position; sums and multiples of fields; fields in time."""

import abc
import math
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxcr.annotations import checked
from jaxcr.arrays import Scalar, ScalarLike, Vector
from jaxcr.checks import argument_error, as_float, check_size, is_concrete
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
    """A magnetic field: call it with one position (pc) to get B (µG).

    Fields add (``+``) and scale (``*`` by a number), and every array in them is differentiable.
    One that changes in time is called as it stands at time 0, where orbits start.
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

    @property
    def varies(self) -> bool:
        """Whether the field, or one within it, changes in time: known before tracing."""
        return any(_in_time(x) for x in jax.tree.leaves(self, is_leaf=_in_time))

    def at_time(self, time: ScalarLike) -> "Field":
        """Return the field as it stands at a time (times c, in pc); a static one is itself."""
        if not self.varies:
            return self
        time = as_float(time)
        return jax.tree.map(lambda x: x.freeze(time) if _in_time(x) else x, self, is_leaf=_in_time)

    def __add__(self, other: "Field") -> "SumField":
        if not isinstance(other, Field):
            return NotImplemented
        return SumField(self, other)

    def __mul__(self, factor: Any) -> "ScaledField":
        if isinstance(factor, Field):
            return NotImplemented
        return ScaledField(self, factor)

    __rmul__ = __mul__


class FieldInTime(Field):
    """A field that changes in time: a leaf says how it stands at a time."""

    @abc.abstractmethod
    def freeze(self, time: Scalar) -> Field:
        """Return the static field at a time (times c, in pc)."""

    @checked
    def __call__(self, position: Vector) -> Vector:
        """Return the field at ``position`` and time 0."""
        return self.freeze(jnp.zeros((), position.dtype))(position)


def _in_time(node: Any) -> bool:
    return isinstance(node, FieldInTime)


def check_static(name: str, field: Field, why: str = "") -> None:
    """Raise for a field that changes in time; the message begins with ``name``, and says why."""
    if field.varies:
        raise argument_error(
            name,
            expected="a static field",
            got="one that changes in time",
            remedy=f"{why}Freeze it, field.at_time(0.0); trace and trace_ensemble follow it.",
        )


class MovedField(Field):
    """A field with positions counted from an origin."""

    field: Field
    origin: Vector

    def __call__(self, position: Vector) -> Vector:
        """Return the field at the origin plus ``position``."""
        return self.field(self.origin.astype(position.dtype) + position)

    def max_strength(self) -> Scalar:
        """Return the bound of the field."""
        return self.field.max_strength()

    def lattice(self) -> Lattice | None:
        """Return the lattice of the field, its origin counted from this one."""
        found = self.field.lattice()
        if found is None:
            return None
        return Lattice(
            found.origin - self.origin.astype(found.origin.dtype), found.spacing, found.shape
        )


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
