"""B at a point with its derivatives: strength, direction, gradient, curl, curvature, scale."""

import equinox as eqx
import jax
import jax.numpy as jnp

from jaxcr.arrays import Scalar, Vector
from jaxcr.fields.field import Field
from jaxcr.vectors import dot


class LocalField(eqx.Module):
    """B at a point, as the motion of a guiding centre needs it.

    Attributes
    ----------
    strength, unit
        |B| in µG, and the unit vector b.
    gradient
        Of |B| in µG/pc.
    curl
        Of b in 1/pc.
    scale
        |B| over the norm of its derivative, pc: the length over which the field changes.
    """

    strength: Scalar
    unit: Vector
    gradient: Vector
    curl: Vector
    scale: Scalar


def local_field(field: Field, position: Vector) -> LocalField:
    """Return B at a point with its derivatives, by automatic differentiation."""

    def along(tangent):
        return jax.jvp(field, (position,), (tangent,))

    strength, slope = jax.vmap(along, out_axes=(None, -1))(jnp.eye(3, dtype=position.dtype))
    size = jnp.maximum(jnp.sqrt(dot(strength, strength)), jnp.finfo(position.dtype).tiny)
    unit = strength / size
    gradient = unit @ slope
    turn = (slope - unit[:, None] * gradient[None]) / size
    curl = jnp.stack([turn[2, 1] - turn[1, 2], turn[0, 2] - turn[2, 0], turn[1, 0] - turn[0, 1]])
    steepness = jnp.maximum(jnp.sqrt(jnp.sum(slope**2)), 1e-12 * size)
    return LocalField(size, unit, gradient, curl, size / steepness)
