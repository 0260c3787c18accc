"""The Lorentz equation in working units: one particle, path length for time."""

import dataclasses

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array

from jaxcr.annotations import checked
from jaxcr.arrays import Scalar, Vector
from jaxcr.fields import Field
from jaxcr.fields.field import MovedField
from jaxcr.units import GYRORADIUS
from jaxcr.vectors import cross, dot

_WEAKEST_ROTATION = 1e-6  # rad/pc, below which an orbit counts as straight


class Lorentz(eqx.Module):
    """Motion of one particle: dr/ds = v, du/ds = (E + v × B) / (r_1 R).

    ``u`` is the momentum over the momentum at the start, ``R`` the rigidity at the start in PV
    with the sign of the charge, r_1 = 1.08101 pc the gyroradius of 1 PV in 1 µG, ``s`` the time
    times the speed of light and v = u / sqrt(u² + (m/R)²) the velocity over it. Without an
    electric field and a mass, u = v = n: the unit vector of the momentum.

    Attributes
    ----------
    field
        B in µG.
    rigidity
        PV, with the sign of the charge.
    electric
        E over the speed of light in µG (1 µG is 0.03 V/m), or ``None``.
    rest_rigidity
        m c² / (Z e) in PV (proton 9.4e-7), or ``None`` for a particle at the speed of light.
    elapsed
        Path (time times c, pc) up to where the path is counted from, or ``None`` at the start:
        where fields change in time, it counts.
    """

    field: Field
    rigidity: Scalar
    electric: Field | None = None
    rest_rigidity: Scalar | None = None
    elapsed: Scalar | None = None

    def with_rigidity(self, rigidity: Scalar) -> "Lorentz":
        """Return the motion of a particle of another rigidity in the same fields."""
        return dataclasses.replace(self, rigidity=rigidity)

    def about(self, origin: Vector) -> "Lorentz":
        """Return the motion with positions counted from ``origin``: short steps far from 0."""
        electric = None if self.electric is None else MovedField(self.electric, origin)
        return dataclasses.replace(self, field=MovedField(self.field, origin), electric=electric)

    @property
    def varies(self) -> bool:
        """Whether a field changes in time: known before tracing."""
        return self.field.varies or (self.electric is not None and self.electric.varies)

    def after(self, path: Scalar) -> "Lorentz":
        """Return the motion with the path counted from ``path`` on; itself in static fields."""
        return dataclasses.replace(self, elapsed=path) if self.varies else self

    def at(self, path: Scalar) -> "Lorentz":
        """Return the motion in the fields as they stand at ``path``; itself in static fields."""
        if not self.varies:
            return self
        time = path if self.elapsed is None else self.elapsed + path
        electric = None if self.electric is None else self.electric.at_time(time)
        return dataclasses.replace(self, field=self.field.at_time(time), electric=electric)

    @property
    def has_light_speed(self) -> bool:
        """Whether the velocity is the momentum as it stands, a unit vector."""
        return self.electric is None and self.rest_rigidity is None

    def energy(self, momentum: Vector) -> Scalar:
        """Return the energy over the momentum at the start: velocity is momentum over this."""
        square = dot(momentum, momentum)
        if self.rest_rigidity is not None:
            mass = self.rest_rigidity / jnp.abs(self.rigidity).astype(self.rest_rigidity.dtype)
            square = square + mass.astype(square.dtype) ** 2
        return jnp.sqrt(square)

    def velocity(self, momentum: Vector) -> Vector:
        """Return the velocity over the speed of light."""
        return momentum if self.has_light_speed else momentum / self.energy(momentum)

    def rotation(self, position: Vector) -> Vector:
        """Return B / (r_1 R) in rad/pc at ``position``: the direction turns by n × rotation."""
        strength = self.field(position)
        return strength / (GYRORADIUS * self.rigidity.astype(strength.dtype))

    def push(self, position: Vector) -> Vector:
        """Return E / (r_1 R) in 1/pc at ``position``: what an electric field adds to u."""
        strength = self.electric(position)
        return strength / (GYRORADIUS * self.rigidity.astype(strength.dtype))

    def smallest_gyroradius(self) -> Scalar:
        """Return a lower bound of the radius of curvature in pc, 1 Mpc where there is no field."""
        bound = self.field.max_strength()
        if self.electric is not None:
            bound = bound + self.electric.max_strength().astype(bound.dtype)
        rotation = bound / (GYRORADIUS * jnp.abs(self.rigidity).astype(bound.dtype))
        return 1 / jnp.maximum(rotation, jnp.asarray(_WEAKEST_ROTATION, rotation.dtype))

    @checked
    def __call__(self, path, state: tuple[Vector, Vector], args=None) -> tuple[Vector, Vector]:
        """Return the derivative of (position, momentum) by path, as diffrax calls it."""
        position, momentum = state
        now, velocity = self.at(path), self.velocity(momentum)
        change = cross(velocity, now.rotation(position))
        return velocity, change if self.electric is None else change + now.push(position)


def compensated_sum(total: Array, lost: Array, part: Array) -> tuple[Array, Array]:
    """Return total + part and what rounding took from it, to be given back with the next part.

    Short steps count in a long sum, whatever their number. Source: Kahan, CACM 8 (1965) 40.
    """
    part = part - lost
    new = total + part
    return new, (new - total) - part
