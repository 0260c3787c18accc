"""Generating functions of chains, and their coefficients."""

from collections.abc import Callable

import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Complex, Float

from jaxcr.arrays import ScalarLike
from jaxcr.checks import check_range

Number = Float[Array, "..."] | Complex[Array, "..."] | complex | float


def _inexact(z: Number) -> Array:
    """Return z as a floating-point or complex array."""
    z = jnp.asarray(z)
    return z if jnp.issubdtype(z.dtype, jnp.inexact) else z.astype(jnp.result_type(float))


def occupation_generating_function(asymmetry: ScalarLike, z: Number) -> Array:
    """Return sum_k n_k z^k = z / [(1 - z)(1 - a z)], for n_1 = 1 and an empty site 0.

    It generates the steady occupations n_k = 1 + a + ... + a^(k-1) of a uniform chain left of its
    source, a = g/r.
    """
    z = _inexact(z)
    return z / ((1 - z) * (1 - jnp.asarray(asymmetry, z.dtype) * z))


def hop_generating_function(
    rate_right: ScalarLike, rate_left: ScalarLike, time: ScalarLike, z: Number
) -> Array:
    """Return sum_m p_m z^m = exp{[g (z - 1) + r (1/z - 1)] t} of a chain without ends.

    p_m is the probability to be m sites further right after a time t.
    """
    z = _inexact(z)
    right, left, time = (jnp.asarray(x, z.dtype) for x in (rate_right, rate_left, time))
    return jnp.exp((right * (z - 1) + left * (1 / z - 1)) * time)


def laurent_coefficients(
    function: Callable[[Array], Array], max_order: int, *, radius: ScalarLike = 1.0
) -> Float[Array, " order"]:
    """Return the coefficients of z^m, m = -max_order ... max_order, of a real function.

    Parameters
    ----------
    function
        Of a complex array; analytic around the circle abs(z) = radius.
    max_order
        At least 0; static.
    radius
        Of the circle. Coefficients are found to 1e-16 of the largest of c_m radius^m.

    Raises
    ------
    ValueError
        If ``max_order`` is negative.

    Notes
    -----
    The trapezoidal rule on 8 (max_order + 1) points. Coefficients beyond fold back onto those
    returned: at least 7 max_order away.
    """
    check_range("laurent_coefficients: max_order", max_order, 0)
    num = 8 * (max_order + 1)
    radius = jnp.asarray(radius, jnp.result_type(float))
    angle = 2 * jnp.pi * jnp.arange(num, dtype=radius.dtype) / num
    values = function(lax.complex(radius * jnp.cos(angle), radius * jnp.sin(angle)))
    coefficients = jnp.real(jnp.fft.fft(values)) / num
    order = jnp.arange(-max_order, max_order + 1)
    return coefficients[order] * radius ** -order.astype(radius.dtype)


def hop_probability(
    rate_right: ScalarLike, rate_left: ScalarLike, time: ScalarLike, max_hops: int
) -> Float[Array, " hops"]:
    """Return p_m(t), m = -max_hops ... max_hops, of a chain without ends: Skellam's law.

    p_m = exp[-(g + r) t] (g/r)^(m/2) I_m(2 t sqrt(g r)).

    Parameters
    ----------
    rate_right, rate_left, time
        g, r > 0 and t >= 0.
    max_hops
        Static; probabilities of more than 7 (max_hops + 1) hops must be negligible.

    Notes
    -----
    From the generating function on the unit circle: each p_m to 1e-16.
    """
    given = {"rate_right": rate_right, "rate_left": rate_left, "time": time}
    for name, value in given.items():
        check_range(f"hop_probability: {name}", value, 0, ends="[]" if name == "time" else "(]")
    right, left, time = (jnp.asarray(x, jnp.result_type(float)) for x in given.values())

    def function(z):
        return hop_generating_function(right, left, time, z)

    return laurent_coefficients(function, max_hops)
