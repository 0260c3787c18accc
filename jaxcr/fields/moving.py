"""Plasma that moves: its electric field, fields that it carries along, snapshots in time."""

from collections.abc import Sequence

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from jaxcr.annotations import checked
from jaxcr.arrays import Scalar, Vector
from jaxcr.checks import argument_error, check_positive, check_range, check_shape, is_concrete
from jaxcr.fields.field import Field, FieldInTime, Lattice, MovedField, check_static
from jaxcr.fields.grid import GridField, outside_samples
from jaxcr.vectors import cross


class MotionalField(Field):
    """The electric field of a plasma that conducts perfectly, E = -u × B.

    Parameters
    ----------
    velocity
        u over the speed of light: a ``GridField`` of a simulation's velocities, a
        ``UniformField``. In code units with B/sqrt(4 pi) and density rho the Alfvén speed is
        B/sqrt(rho): multiply by the real one over c and divide by that.
    magnetic
        B in µG.

    Raises
    ------
    ValueError
        When the velocity reaches that of light.

    Notes
    -----
    In µG over the speed of light, as ``electric`` of ``orbits.trace`` and ``trace_ensemble``.
    u and B are interpolated, then multiplied: E · B = 0 everywhere, to round-off.
    """

    velocity: Field
    magnetic: Field

    def __init__(self, velocity: Field, magnetic: Field):
        speed = velocity.max_strength()
        remedy = "Divide the velocity by the speed of light in its own unit."
        check_range("MotionalField: velocity", speed, 0.0, 1.0, ends="[)", remedy=remedy)
        self.velocity, self.magnetic = velocity, magnetic

    @checked
    def __call__(self, position: Vector) -> Vector:
        """Return E/c in µG at ``position`` in pc."""
        return cross(self.magnetic(position), self.velocity(position))

    def max_strength(self) -> Scalar:
        """Return the product of both bounds."""
        strength = self.magnetic.max_strength()
        return self.velocity.max_strength().astype(strength.dtype) * strength

    def lattice(self) -> Lattice | None:
        """Return the lattice of B."""
        return self.magnetic.lattice()


class MovingField(FieldInTime):
    """A field that is carried along as it is: B(x - u t).

    With ``MotionalField(UniformField(velocity), field)`` for E it is, exactly, a magnetic field
    that is static in another frame; there energies are conserved. A plane Alfvén wave moves so.

    Parameters
    ----------
    field
        B in µG at time 0.
    velocity
        u over the speed of light, ``(3,)``.

    Raises
    ------
    ValueError
        When the velocity reaches that of light, or the field ends with its samples.
    """

    field: Field
    velocity: Vector

    def __init__(self, field: Field, velocity: Vector):
        if is_concrete(velocity):
            speed = np.linalg.norm(np.asarray(velocity, float))
            remedy = "Divide it by the speed of light in its own unit."
            check_range("MovingField: velocity", speed, 0.0, 1.0, ends="[)", remedy=remedy)
        if outside_samples(field, jnp.zeros_like(velocity)) is not None:
            raise argument_error(
                "MovingField: field",
                expected="a field that is known everywhere",
                got="one with a Clamped boundary, whose box would move away",
                remedy="Take a Periodic, Mirrored or ZeroOutside one.",
            )
        self.field, self.velocity = field, velocity

    def freeze(self, time: Scalar) -> Field:
        """Return the field, moved as far as it comes by then."""
        return MovedField(self.field.at_time(time), -time * self.velocity.astype(time.dtype))

    def max_strength(self) -> Scalar:
        """Return the bound of the field."""
        return self.field.max_strength()

    def lattice(self) -> Lattice | None:
        """Return the lattice of the field at time 0."""
        return self.field.lattice()


class FieldSequence(FieldInTime):
    """Snapshots of a field, linear in time between two of them.

    Before the first and after the last time the field stands still.

    Parameters
    ----------
    fields
        Two or more static fields that differ in their numbers only: cubes of one simulation.
    times
        Rising, times the speed of light, in pc: orbits start at 0. Shape ``(time,)``.

    Raises
    ------
    ValueError
        When the fields are not alike, change in time themselves, or times do not rise.

    Notes
    -----
    Two evaluations a step, however many snapshots; all of them are in memory. For E between
    snapshots of u and B take ``MotionalField`` of two sequences, not a sequence of those.
    """

    fields: Field
    times: Float[Array, " time"]

    def __init__(self, fields: Sequence[Field], times: Float[Array, " _"]):
        remedy = "Give two snapshots or more, and a time for each."
        check_range("FieldSequence: fields, number", len(fields), 2, remedy=remedy)
        check_shape("FieldSequence: times", times, (len(fields),), remedy=remedy)
        if is_concrete(times):
            steps = np.diff(np.asarray(times))
            check_positive("FieldSequence: times", steps, expected="rising times")
        for field in fields:
            check_static("FieldSequence: fields", field)
        arrays, others = zip(*(eqx.partition(x, eqx.is_array) for x in fields), strict=True)
        kinds = [
            (jax.tree.structure(x), [(y.shape, y.dtype) for y in jax.tree.leaves(x)])
            for x in arrays
        ]
        alike = [
            a == kinds[0] and eqx.tree_equal(b, others[0])
            for a, b in zip(kinds, others, strict=True)
        ]
        if not all(alike):
            raise argument_error(
                "FieldSequence: fields",
                expected="fields of one kind, shape and type",
                got=f"another in place {alike.index(False)}",
                remedy="Read all of them with the same options.",
            )
        self.fields = eqx.combine(jax.tree.map(lambda *x: jnp.stack(x), *arrays), others[0])
        self.times = times

    def freeze(self, time: Scalar) -> Field:
        """Return the mean of the snapshots before and after, weighted by how near they are."""
        time = time.astype(self.times.dtype)
        before = jnp.sum(self.times <= time, dtype=jnp.int32) - 1
        before = jnp.clip(before, 0, len(self.times) - 2)
        start, end = self.times[before], self.times[before + 1]
        share = jnp.clip((time - start) / (end - start), 0, 1)
        return (1 - share) * self._pick(before) + share * self._pick(before + 1)

    def max_strength(self) -> Scalar:
        """Return the largest bound of the snapshots."""
        return jnp.max(eqx.filter_vmap(lambda field: field.max_strength())(self.fields))

    def lattice(self) -> Lattice | None:
        """Return the lattice of the first snapshot."""
        return self._pick(jnp.int32(0)).lattice()

    def _pick(self, number: Int[Array, ""]) -> Field:
        def one(x):
            return x.pick(number) if _is_grid(x) else x[number] if eqx.is_array(x) else x

        return jax.tree.map(one, self.fields, is_leaf=_is_grid)


def _is_grid(node) -> bool:
    return isinstance(node, GridField)
