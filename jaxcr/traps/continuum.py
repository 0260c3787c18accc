"""The continuum limit of a chain: drift, diffusion, and what the two leave out."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxcr.arrays import Scalar, ScalarLike
from jaxcr.checks import argument_error, as_float, check_range, is_concrete
from jaxcr.traps.chain import Chain


def transport_cumulants(
    rate_right: Float[Array, "*site"] | ScalarLike,
    rate_left: Float[Array, "*site"] | ScalarLike,
    length: ScalarLike,
    *,
    order: int = 4,
) -> Float[Array, "order *site"]:
    """Return the cumulants of the displacement per unit time: V, 2 D, and the higher ones.

    kappa_p / t = length^p (g - r) for odd p, length^p (g + r) for even p. The first is the drift
    V, half the second the diffusion coefficient D; drift and diffusion alone would have no others.

    Parameters
    ----------
    rate_right, rate_left
        g and r, any one shape.
    length
        Of a trap, pc or any unit.
    order
        How many, at least 1; static.

    Returns
    -------
    kappa_1 ... kappa_order over time, with the axis of the order first.

    Raises
    ------
    ValueError
        If ``order`` is below 1.

    Notes
    -----
    With rates that vary from site to site these are the Kramers-Moyal coefficients of
    dn/dt = sum_p (-1)^p d^p/dx^p (kappa_p n) / p!, inside the derivatives.
    """
    check_range("transport_cumulants: order", order, 1)
    right, left, step = as_float(rate_right), as_float(rate_left), as_float(length)
    return jnp.stack([step**p * (right + (-1) ** p * left) for p in range(1, order + 1)])


def steady_exponent(
    rate_right: ScalarLike, rate_left: ScalarLike, *, order: int | None = None
) -> Scalar:
    """Return q of the steady profile n ~ exp(q x / length) without flux.

    The chain itself has q = ln(g/r). The continuum equation cut after the p-th derivative has the
    root of sum_{i=1..p} q^(i-1) [(-1)^i g + r] / i! = 0: for p = 2, drift and diffusion alone,
    q = 2 (g - r)/(g + r), short by a share ln²(g/r)/12. A third derivative does not restore it.

    Parameters
    ----------
    rate_right, rate_left
        g and r, positive.
    order
        p, 2 or 3, or ``None`` for the chain; static.

    Returns
    -------
    q; for p = 3 NaN where no root is real, beyond abs(g - r) = .612 (g + r).

    Raises
    ------
    ValueError
        If ``order`` is another.
    """
    right, left = as_float(rate_right), as_float(rate_left)
    contrast = (right - left) / (right + left)
    if order is None:
        return jnp.log(right / left)
    if order == 2:
        return 2 * contrast
    if order == 3:
        # contrast q²/3 - q + 2 contrast = 0, the root that stays small
        return 4 * contrast / (1 + jnp.sqrt(1 - 8 * contrast**2 / 3))
    raise argument_error(
        "steady_exponent: order",
        expected="2, 3 or None",
        got=order,
        remedy="None is the chain, which has every order.",
    )


def convection_diffusion(
    chain: Chain, site: int, *, strength: ScalarLike = 1.0
) -> Float[Array, " site"]:
    """Return the steady occupations that drift and diffusion alone give for a uniform chain.

    V n' = D n'' + a point source, with n = 0 one trap behind either end. The solution is that of
    the chain with exp[2 (g - r)/(g + r)] in place of g/r.

    Parameters
    ----------
    chain
        With equal rates at all sites, open ends and no loss; the middle one's rates are taken.
    site
        Index of the site that is fed, from 0; static.
    strength
        Particles per time.

    Returns
    -------
    Particles per trap, (site,), to be compared with ``steady_state``.

    Raises
    ------
    ValueError
        If there is no such site, or a known chain is not uniform and open.
    """
    num = chain.num_sites
    _check_uniform(chain)
    check_range("convection_diffusion: site", site, 0, num - 1)
    right, left = chain.rate_right[num // 2], chain.rate_left[num // 2]
    exponent = steady_exponent(right, left, order=2)
    k = jnp.arange(1, num + 1, dtype=right.dtype)
    fed = jnp.asarray(site + 1, right.dtype)
    below, above = jnp.minimum(k, fed), num + 1 - jnp.maximum(k, fed)
    # 2 sinh(q x/2)/q in place of x, each without its factor exp(abs(q) x/2)
    profile = _stretch(exponent, below) * _stretch(exponent, above) / _stretch(exponent, num + 1)
    growth = jnp.exp((exponent * (k - fed) - jnp.abs(exponent * (k - fed))) / 2)
    diffusion = (right + left) / 2
    return jnp.asarray(strength, right.dtype) * profile * growth / diffusion


def _check_uniform(chain) -> None:
    """Raise unless a known chain has equal rates, open ends and no loss."""
    if not is_concrete(chain):
        return
    right, left, loss = (np.asarray(x) for x in (chain.rate_right, chain.rate_left, chain.losses))
    if np.ptp(right) > 1e-6 * right.max() or np.ptp(left) > 1e-6 * left.max() or np.any(loss):
        raise argument_error(
            "convection_diffusion: chain",
            expected="equal rates at all sites, open ends, no loss",
            got=f"g from {right.min():g} to {right.max():g}, r from {left.min():g} to "
            f"{left.max():g}, losses up to {loss.max():g}",
            remedy="Compare a part of the chain that is uniform.",
        )


def _stretch(exponent, x):
    """Return [1 - exp(-abs(q) x)]/abs(q), x where q is small."""
    turn = jnp.abs(exponent) * x
    small = turn < 1e-8
    safe = jnp.where(small, 1.0, turn)
    return x * jnp.where(small, 1 - turn / 2, -jnp.expm1(-safe) / safe)
