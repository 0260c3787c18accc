"""Array types named by axis, and the one form that an error about an argument takes."""

from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

Vector = Float[Array, "xyz=3"]
Scalar = Float[Array, ""]
ScalarLike = Float[Array, ""] | float | int


class ArgumentError(ValueError):
    """A wrong argument; its message was written by `argument_error`."""


def argument_error(name: str, *, expected: str, got: Any, remedy: str) -> ArgumentError:
    """Return an error that names what is wrong, what was expected, and the remedy.

    Parameters
    ----------
    name
        The argument as the caller wrote it, with its function: ``"power_spectrum: lmax"``.
    expected, got, remedy
        What the argument must be, what it was, and what to do.
    """
    return ArgumentError(f"{name}: expected {expected}, got {got}. {remedy}")


def is_concrete(*values: Any) -> bool:
    """Return whether no leaf of ``values`` is being traced, so that its numbers can be read."""
    return not any(isinstance(leaf, jax.core.Tracer) for leaf in jax.tree.leaves(values))


def as_float(value: Any) -> Float[Array, "..."]:
    """Return ``value`` as a floating-point array; integers take JAX's default float type."""
    array = jnp.asarray(value)
    if jnp.issubdtype(array.dtype, jnp.floating):
        return array
    return array.astype(jnp.result_type(float))


def unit_vector(name: str, vector: Vector) -> Vector:
    """Return the vector over its length.

    Raises
    ------
    ValueError
        When it has no length; the message begins with ``name``.
    """
    vector = as_float(vector)
    length = jnp.linalg.norm(vector)
    if is_concrete(length) and not float(length) > 0:
        raise argument_error(
            name,
            expected="a direction",
            got=str(vector.tolist()),
            remedy="Give a vector that is not zero.",
        )
    return vector / length
