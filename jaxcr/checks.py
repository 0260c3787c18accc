"""Six checks of values at the public boundary, and the error that they raise.

Each says what an annotation cannot: positive, finite, in a range. They raise `ArgumentError`,
which names what, expected, got and the remedy, and let traced values pass: inside ``jit`` a NaN
stays a NaN.
"""

import operator
import typing
from collections.abc import Iterable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

_T = typing.TypeVar("_T")


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
    """Return ``value`` as a floating-point array; integers take JAX's default float type.

    Raises
    ------
    ArgumentError
        For complex numbers: their imaginary part would be lost.
    """
    array = jnp.asarray(value)
    if jnp.issubdtype(array.dtype, jnp.floating):
        return array
    if jnp.issubdtype(array.dtype, jnp.complexfloating):
        raise argument_error(
            "array", expected="real numbers", got=array.dtype, remedy="Give the real part."
        )
    return array.astype(jnp.result_type(float))


def check_finite(name: str, value: _T, *, expected: str = "", remedy: str = "") -> _T:
    """Return ``value``; raise unless all of its numbers are finite."""
    return _check(name, value, np.isfinite, expected or "finite numbers", remedy)


def check_positive(name: str, value: _T, *, expected: str = "", remedy: str = "") -> _T:
    """Return ``value``; raise unless all of its numbers are positive and finite."""

    def positive(x):
        return (x > 0) & np.isfinite(x)

    return _check(name, value, positive, expected or "a positive number", remedy)


def check_range(
    name: str,
    value: _T,
    low: float | int,
    high: float | int = np.inf,
    *,
    ends: str = "[]",
    expected: str = "",
    remedy: str = "",
) -> _T:
    """Return ``value``; raise unless all of its numbers lie in an interval and are finite.

    Parameters
    ----------
    low, high
        The interval; infinity for no bound.
    ends
        ``"[]"``, ``"[)"``, ``"(]"`` or ``"()"``: which of the two ends belong to it.
    """
    above = operator.ge if ends[0] == "[" else operator.gt
    below = operator.le if ends[1] == "]" else operator.lt

    def inside(x):
        return above(x, low) & below(x, high) & np.isfinite(x)

    bounds = f"{'>=' if ends[0] == '[' else '>'} {low:.6g}"
    if np.isfinite(high):
        bounds = f"in {ends[0]}{low:.6g}, {high:.6g}{ends[1]}"
    return _check(name, value, inside, expected or f"a number {bounds}", remedy)


def check_shape(name: str, value: _T, *shapes: tuple[int, ...], remedy: str = "") -> _T:
    """Return ``value``; raise unless it has one of the shapes."""
    if value is not None and np.shape(value) not in shapes:
        raise argument_error(
            name,
            expected=" or ".join(f"shape {shape}" for shape in shapes),
            got=f"shape {np.shape(value)}",
            remedy=remedy or "One entry for each of what it belongs to.",
        )
    return value


def check_one_of(name: str, value: _T, allowed: Iterable[Any], *, remedy: str = "") -> _T:
    """Return ``value``; raise unless it is one of those allowed."""
    allowed = list(allowed)
    if not any(type(value) is type(x) and value == x for x in allowed):
        raise argument_error(
            name,
            expected="one of " + ", ".join(map(str, allowed)),
            got=repr(value),
            remedy=remedy or "Choose one of these.",
        )
    return value


def check_size(name: str, num_bytes: float | int, limit: float | int, *, remedy: str) -> None:
    """Raise when something would take more memory, in bytes, than the limit."""
    if not num_bytes <= limit:
        raise argument_error(
            name,
            expected=f"at most {limit / 2**30:.3g} GiB",
            got=f"{num_bytes / 2**30:.3g} GiB",
            remedy=remedy,
        )


def _check(name, value, good, expected, remedy):
    """Return the value unless one of its numbers is not good; None, left out, passes."""
    if value is None or not is_concrete(value):
        return value
    numbers = np.asarray(value)
    right = good(numbers)
    if np.all(right):
        return value
    first = np.unravel_index(np.argmin(right), numbers.shape)
    where = "" if numbers.ndim == 0 else f" at index {', '.join(map(str, first))}"
    raise argument_error(
        name,
        expected=expected,
        got=f"{numbers[first]}{where}",
        remedy=remedy or f"Give {expected}.",
    )
