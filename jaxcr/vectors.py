"""Products of two vectors, written out: their round-off does not depend on the batch."""

import jax.numpy as jnp

from jaxcr.arrays import Scalar, Vector


def cross(a: Vector, b: Vector) -> Vector:
    """Return a × b."""
    return jnp.stack(
        [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
    )


def dot(a: Vector, b: Vector) -> Scalar:
    """Return a · b, summed in a fixed order so that batches cannot change its round-off."""
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
