"""A uniform chain in closed form: the angular distribution at any place, also between sites."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxcr.arrays import Scalar, ScalarLike
from jaxcr.checks import as_float, check_range
from jaxcr.traps.anisotropy import trap_distribution
from jaxcr.traps.chain import AbsorbingEnd, ChainEnd
from jaxcr.traps.rates import Closure, DetailedBalance
from jaxcr.traps.trap import Trap

_DETAILED_BALANCE = DetailedBalance()
_OPEN = AbsorbingEnd()
_SMALL = 1e-3
"""Below it squares are small enough for the series, whose next terms are under 1e-16."""


def chain_distribution(
    trap: Trap,
    place: ScalarLike,
    *,
    lmax: int,
    edge_width: ScalarLike = 0.0,
    scattering_rate: ScalarLike = 1.0,
    closure: Closure = _DETAILED_BALANCE,
    left_end: ChainEnd = _OPEN,
    loss_rate: ScalarLike = 0.0,
) -> Float[Array, " ell"]:
    """Return f_l/f_0 of f(mu) = sum f_l P_l(mu) in one trap of a uniform chain.

    The chain begins at site 1 and is fed to the right of the place, which alone sets how many
    particles there are. Between sites the recurrence of the chain itself holds,

        n(x) = s^x (alpha e^(q x) + beta e^(-q x)),
        s² = g/r, cosh q = (g + r + l) / (2 sqrt(g r)).

    Parameters
    ----------
    trap
        Of which every site is a copy, weaker by B2/B1 than the one on its left.
    place
        Number of the site, at least 1, may be fractional.
    lmax, edge_width
        As for ``trap_distribution``.
    scattering_rate, closure, left_end
        As for ``trap_chain``.
    loss_rate
        l of every site, >= 0, in the unit of ``scattering_rate``, which has no effect without.

    Raises
    ------
    ValueError
        If known: a place below 1 or a negative loss rate; or as ``trap_distribution``.

    Notes
    -----
    Without losses, with an open end and detailed balance n_k ~ a^k - 1 and f_k ~ 1 - a^(-k),
    a = B1/B2. Source: ``steady_state``, as tests/traps/test_uniform_chain.py shows.

    Examples
    --------
    >>> from jaxcr.traps import trap_from_ratio
    >>> series = chain_distribution(trap_from_ratio(2.0, 0.3), 7.4, lmax=2)
    >>> round(float(series[1]), 4)
    -0.0239
    """
    check_range("chain_distribution: place", place, 1)
    check_range("chain_distribution: loss_rate", loss_rate, 0)
    dtype = trap.minimum.dtype
    right, left = (x.astype(dtype) for x in closure.rates(trap, scattering_rate))
    place, loss = (as_float(x).astype(dtype) for x in (place, loss_rate))
    lost = _lost_for_good(right, left, loss, left_end, place)
    # neighbours' n over the own, and f = n/w with volumes w_k ~ (B1/B2)^k
    step = jnp.exp(trap.gradient)
    below, above = (left + loss - lost) / right * step, (right + lost) / left / step
    one = jnp.ones_like(above)
    series = trap_distribution(trap, below, one, above, lmax=lmax, edge_width=edge_width)
    return series / series[0]


def _lost_for_good(
    right: Scalar, left: Scalar, loss: Scalar, left_end: ChainEnd, place: Scalar
) -> Scalar:
    """Return e, the rate of leaving a place left or by loss and never coming back.

    In the steady state r n(x + 1) = (g + e) n(x) and g n(x - 1) = (r + l - e) n(x). At site 1
    e = r_1 + l, where r_1 is the rate of the end; onwards e(x + 1) = l + r e(x) / (e(x) + g),
    of which this is the solution at any x.
    """
    closed = 1 - left_end.exit_rate(left) / left
    sigma = _tanh_over_root(right, left, loss, place)
    above = (1 - closed) * (1 + (left - right) * sigma) + (1 + closed) * loss * sigma
    below = closed + (2 * right - closed * (right + left + loss)) * sigma
    return right * above / jnp.maximum(below, jnp.finfo(below.dtype).tiny)


def _tanh_over_root(right: Scalar, left: Scalar, loss: Scalar, place: Scalar) -> Scalar:
    """Return tanh(q x)/W, W = 2 sqrt(g r) sinh q; smooth in W² where it vanishes."""
    root = (right - left) ** 2 + loss * (loss + 2 * (right + left))
    y = root / (4 * right * left)  # sinh² q
    small = y < _SMALL
    safe = jnp.where(small, 1.0, y)
    series = 1 + y * (-1 / 3 + y * (8 / 45 + y * (-4 / 35 + y * 128 / 1575)))
    over = jnp.where(small, series, jnp.arcsinh(jnp.sqrt(safe)) ** 2 / safe)  # (q / sinh q)²
    tanh = place * _tanhc(over * y * place**2)
    return tanh * jnp.sqrt(over / (4 * right * left))


def _tanhc(square: Scalar) -> Scalar:
    """Return tanh(z)/z from z² >= 0."""
    small = square < _SMALL
    z = jnp.sqrt(jnp.where(small, 1.0, square))
    series = 1 + square * (-1 / 3 + square * (2 / 15 + square * (-17 / 315 + square * 62 / 2835)))
    return jnp.where(small, series, jnp.tanh(z) / z)
