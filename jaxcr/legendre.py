"""Legendre polynomials, their derivatives, and the quadrature at their zeros."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxcr.checks import argument_error


def legendre_polynomials(x: Float[Array, "*shape"], lmax: int) -> Float[Array, "*shape ell"]:
    """Return P_0(x) ... P_lmax(x).

    (l + 1) P_{l+1} = (2l + 1) x P_l - l P_{l-1}, upward, as differences P_{l+1} - P_l at |x|.

    Parameters
    ----------
    x
        Cosine, in [-1, 1]; any shape. The recurrence is stable on this interval only.
    lmax
        Highest order, at least 0; static.

    Returns
    -------
    The polynomials on a new last axis of length ``lmax + 1``, in the dtype of ``x``.

    Raises
    ------
    ValueError
        If ``lmax`` is negative.

    Notes
    -----
    Absolute error 1e-15 (float64, lmax = 60); the undifferenced recurrence has 1e-13 near the
    poles. Source: Abramowitz & Stegun 8.5.3.
    """
    return _upward("legendre_polynomials: lmax", x, lmax)[0]


def legendre_derivatives(x: Float[Array, "*shape"], lmax: int) -> Float[Array, "*shape ell"]:
    """Return dP_0/dx ... dP_lmax/dx, finite at x = -1 and 1.

    P'_{l+1} = x P'_l + (l + 1) P_l, upward together with the recurrence of P_l.

    Parameters
    ----------
    x
        Cosine, in [-1, 1]; any shape.
    lmax
        Highest order, at least 0; static.

    Returns
    -------
    The derivatives on a new last axis of length ``lmax + 1``, in the dtype of ``x``.

    Raises
    ------
    ValueError
        If ``lmax`` is negative.

    Notes
    -----
    Error 1e-15 of the largest value, l (l + 1) / 2. Source: Abramowitz & Stegun 8.5.3, 8.5.4.
    """
    return _upward("legendre_derivatives: lmax", x, lmax)[1]


@functools.cache
def gauss_rule(num_nodes: int) -> tuple[np.ndarray, np.ndarray]:
    """Return nodes and weights of Gauss's rule on [-1, 1], exact to degree 2 num_nodes - 1.

    Kept, since every trace asks for them and 256 nodes take tens of milliseconds.
    """
    return np.polynomial.legendre.leggauss(num_nodes)


def _upward(name, x, lmax):
    """Return polynomials and derivatives from one scan over the orders 0 ... lmax."""
    if lmax < 0:
        raise argument_error(
            name, expected="an integer >= 0", got=lmax, remedy="0 returns the monopole alone."
        )
    sign = jnp.where(x < 0, -1.0, 1.0).astype(x.dtype)
    y = sign * x

    def step(carry, order):
        value, difference, slope, even = carry
        # 1 - y is exact near the poles, where the textbook form would cancel
        difference = (order * difference - (2 * order + 1) * (1 - y) * value) / (order + 1)
        following = (value + difference, difference, y * slope + (order + 1) * value, ~even)
        here = (jnp.where(even, value, sign * value), jnp.where(even, sign * slope, slope))
        return following, here

    start = (jnp.ones_like(x), jnp.zeros_like(x), jnp.zeros_like(x), jnp.asarray(True))
    _, (values, slopes) = jax.lax.scan(step, start, jnp.arange(lmax + 1, dtype=x.dtype))
    return jnp.moveaxis(values, 0, -1), jnp.moveaxis(slopes, 0, -1)
