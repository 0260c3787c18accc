"""Products of two vectors, written out: their round-off does not depend on the batch."""

import jax
import jax.numpy as jnp
import numpy as np

from jaxcr.arrays import Scalar, Vector
from jaxcr.checks import argument_error, as_float, is_concrete


def cross(a: Vector, b: Vector) -> Vector:
    """Return a × b."""
    return jnp.stack(
        [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
    )


def dot(a: Vector, b: Vector) -> Scalar:
    """Return a · b, summed in a fixed order so that batches cannot change its round-off."""
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


def unit_vector(name: str, vector: Vector) -> Vector:
    """Return the vector over its length.

    Raises
    ------
    ArgumentError
        When it has no length; the message begins with ``name``.
    """
    unit, length = _over_length(vector)
    if is_concrete(length) and not 0 < float(length) < jnp.inf:
        raise argument_error(
            name,
            expected="a direction",
            got=str(np.asarray(vector, float).tolist()),
            remedy="Give a finite vector that is not zero.",
        )
    return unit


@jax.jit
def _over_length(vector: Vector) -> tuple[Vector, Scalar]:
    vector = as_float(vector)
    length = jnp.linalg.norm(vector)
    return vector / length, length
