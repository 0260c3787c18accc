"""The Lorentz equation in working units: one particle, path length for time."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxcr.arrays import Scalar, Vector
from jaxcr.fields import Field
from jaxcr.units import GYRORADIUS

_WEAKEST_ROTATION = 1e-6  # rad/pc, below which an orbit counts as straight


class Lorentz(eqx.Module):
    """Motion of one particle in a static field: dr/ds = n, dn/ds = n × B / (r_1 R).

    ``n`` is the unit vector of the momentum, ``R`` the rigidity in PV with the sign of the
    charge, and r_1 = 1.08101 pc the gyroradius of 1 PV in 1 µG.
    """

    field: Field
    rigidity: Scalar

    def rotation(self, position: Vector) -> Vector:
        """Return B / (r_1 R) in rad/pc at ``position``: the direction turns by n × rotation."""
        strength = self.field(position)
        return strength / (GYRORADIUS * self.rigidity.astype(strength.dtype))

    def smallest_gyroradius(self) -> Scalar:
        """Return a lower bound of the gyroradius in pc, 1 Mpc where there is no field."""
        bound = self.field.max_strength()
        rotation = bound / (GYRORADIUS * jnp.abs(self.rigidity).astype(bound.dtype))
        return 1 / jnp.maximum(rotation, jnp.asarray(_WEAKEST_ROTATION, rotation.dtype))

    def __call__(self, path, state: tuple[Vector, Vector], args=None) -> tuple[Vector, Vector]:
        """Return the derivative of (position, direction) by path length, as diffrax calls it."""
        position, direction = state
        return direction, cross(direction, self.rotation(position))


def cross(a: Float[Array, "xyz=3"], b: Float[Array, "xyz=3"]) -> Float[Array, "xyz=3"]:
    """Return a × b."""
    return jnp.stack(
        [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
    )


def dot(a: Float[Array, "xyz=3"], b: Float[Array, "xyz=3"]) -> Scalar:
    """Return a · b, summed in a fixed order so that batches cannot change its round-off."""
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
