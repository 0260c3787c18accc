"""Integrals over the pitch-angle cosine for rates that vanish or bend at mu = 0."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxcr.legendre import gauss_rule


def half_range_rule(num_nodes: int, *, power: int) -> tuple[np.ndarray, np.ndarray]:
    """Return rising nodes and weights on [-1, 1], from Gauss's rule in u, mu = ±u^power.

    Parameters
    ----------
    num_nodes
        Nodes of each half; static.
    power
        p >= 1, static. Powers |mu|^s under the integral become u^(p s + p - 1), which is a
        polynomial for the spectral indices in use (p = 3 or 6) and mild for others.

    Returns
    -------
    ``(nodes, weights)``, both ``(2 num_nodes,)`` in NumPy, symmetric about 0.

    Notes
    -----
    Exact for polynomials in mu up to degree (2 num_nodes - power) / power.
    """
    place, weight = gauss_rule(num_nodes)
    place, weight = (1 + place) / 2, weight / 2
    nodes, weights = place**power, power * place ** (power - 1) * weight
    return np.concatenate([-nodes[::-1], nodes]), np.concatenate([weights[::-1], weights])


def legendre_tables(
    nodes: np.ndarray, lmax: int
) -> tuple[Float[Array, "mu ell"], Float[Array, "mu ell"]]:
    """Return P_l and P_l' up to lmax at fixed nodes, computed in NumPy so that nothing compiles.

    P'_{l+1} = P'_{l-1} + (2l + 1) P_l. Source: Abramowitz & Stegun 8.5.3, 8.5.4.
    """
    x = np.asarray(nodes, np.float64)
    values = np.polynomial.legendre.legvander(x, lmax)
    slopes = np.zeros_like(values)
    for order in range(lmax):
        before = slopes[:, order - 1] if order else 0.0
        slopes[:, order + 1] = before + (2 * order + 1) * values[:, order]
    return tuple(jnp.asarray(table, jnp.result_type(float)) for table in (values, slopes))


def integrals_from_zero(num_nodes: int, *, power: int) -> Float[Array, "mu mu"]:
    """Return the matrix that turns values at ``half_range_rule``'s nodes into int_0^mu.

    In each half the values times dmu/du are interpolated by the polynomial through the nodes,
    which is integrated exactly.
    """
    x, weight = gauss_rule(num_nodes)
    orders = np.arange(num_nodes + 1)
    p = np.polynomial.legendre.legvander(x, num_nodes)
    # int_{-1}^x P_l = (P_{l+1} - P_{l-1}) / (2l + 1), and 1 + x for l = 0
    integral = np.concatenate([1 + p[:, 1:2], np.zeros((num_nodes, num_nodes - 1))], axis=1)
    integral[:, 1:] = (p[:, 2:] - p[:, :-2]) / (2 * orders[1:-1] + 1)
    to_series = (orders[:-1, None] + 0.5) * p[:, :-1].T * weight
    u = (1 + x) / 2
    upper = (integral @ to_series) / 2 * (power * u ** (power - 1))
    zero = np.zeros_like(upper)
    # seen from zero the lower half runs backwards: both orders are reversed, and the sign
    matrix = np.block([[-upper[::-1, ::-1], zero], [zero, upper]])
    return jnp.asarray(matrix, jnp.result_type(float))


def mean_exponential(x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """Return (e^x - 1) / x, the mean of e^(x s) over 0 < s < 1, smooth through x = 0."""
    small = jnp.abs(x) < 1e-5
    safe = jnp.where(small, jnp.ones_like(x), x)
    return jnp.where(small, 1 + x / 2 + x**2 / 6, jnp.expm1(safe) / safe)
