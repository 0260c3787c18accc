"""Fields with a closed form."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxcr.arrays import Scalar, Vector, argument_error, as_float
from jaxcr.fields.field import Field, Lattice


class UniformField(Field):
    """The same field everywhere.

    Parameters
    ----------
    value
        B in µG, shape ``(3,)``.
    """

    value: Vector

    def __init__(self, value: Float[Array, " xyz"]):
        value = as_float(value)
        if value.shape != (3,):
            raise argument_error(
                "UniformField: value",
                expected="shape (3,)",
                got=f"shape {value.shape}",
                remedy="Give the three components of B in µG.",
            )
        self.value = value

    def __call__(self, position: Vector) -> Vector:
        """Return the value, whatever the position."""
        return self.value.astype(position.dtype)

    def max_strength(self) -> Scalar:
        """Return |B|."""
        return jnp.linalg.norm(self.value)

    def lattice(self) -> Lattice | None:
        """Return ``None``: a uniform field has no cells."""
        return None
