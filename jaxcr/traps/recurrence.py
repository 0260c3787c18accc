"""One elimination for all linear problems of a chain: no subtraction, plain or in logarithms."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from jaxcr.traps.chain import Chain


class Problem(NamedTuple):
    """A problem (g_k + r_k + l_k) x_k = pushed_{k-1} x_{k-1} + pulled_k x_{k+1} + S_k.

    ``pushed`` belongs to the bond right of a site, ``pulled`` too: for occupations they are g_k
    and r_{k+1}, for functions of the starting site r_{k+1} and g_k. The last ones are not used.
    """

    pushed: Float[Array, " site"]
    pulled: Float[Array, " site"]


def occupations(chain: Chain) -> Problem:
    """Return the problem whose solution is a steady state."""
    return Problem(chain.rate_right, _behind(chain.rate_left))


def first_passage(chain: Chain) -> Problem:
    """Return the problem whose solution is the mean of a sum along the way, by starting site."""
    return Problem(_behind(chain.rate_left), chain.rate_right)


@jax.jit
def solve(chain: Chain, problem: Problem, source: Float[Array, " site"]) -> Float[Array, " site"]:
    """Eliminate from left to right, substitute from right to left.

    inf where a site that something enters is never left again.
    """
    rates = (chain.rate_right, chain.rate_left, chain.losses)
    feed, outflow, _ = _eliminate(*rates, problem.pushed, source)

    def substitute(coming, site):
        feed, outflow, pulled = site
        value = _normal(_over(_add(feed, _times(pulled, coming)), outflow))
        return value, value

    rows = (feed, outflow, scaled(problem.pulled))
    nothing = scaled(jnp.zeros((), source.dtype))
    return unscaled(jax.lax.scan(substitute, nothing, rows, reverse=True)[1])


@jax.jit
def flows(chain: Chain, source: Float[Array, " site"]) -> Float[Array, " inner_bond"]:
    """Return the net flow to the right over every bond between two sites in the steady state.

    What sources on its left send over a bond for good, minus what those on its right do.
    """
    right, left, loss = chain.rate_right, chain.rate_left, chain.losses
    fed_left, outflow, lost = _eliminate(right, left, loss, right, source)
    mirrored = _eliminate(*(x[::-1] for x in (left, right, loss, left, source)))
    fed_right, outflow_right, lost_right = jax.tree.map(lambda x: x[::-1], mirrored)

    def last(x):
        return jax.tree.map(lambda y: y[1:], x)

    def first(x):
        return jax.tree.map(lambda y: y[:-1], x)

    # shares of hops over the bond that never come back, from either side
    for_good = _times(scaled(right[:-1]), last(_over(lost_right, outflow_right)))
    back_for_good = _times(scaled(left[1:]), first(_over(lost, outflow)))
    to_right = _over(_times(for_good, first(fed_left)), _add(first(lost), for_good))
    to_left = _over(_times(back_for_good, last(fed_right)), _add(last(lost_right), back_for_good))
    return unscaled(to_right) - unscaled(to_left)


@jax.jit
def solve_in_logarithms(
    chain: Chain, problem: Problem, source: Float[Array, " site"]
) -> Float[Array, " site"]:
    """Return ln x_k of the same problem, also where x_k is beyond the range of floats."""
    zero = jnp.zeros((), chain.rate_right.dtype)

    def eliminate(carry, site):
        kept, fed = carry
        right, left, loss, pushed, entering = site
        lost = _plus(loss, left + kept)
        outflow = _plus(lost, right)
        feed = _plus(entering, fed)
        stuck = outflow == -jnp.inf
        kept = jnp.where(stuck, 0, lost - jnp.where(stuck, 0, outflow))
        return (kept, _sum(pushed, _minus(feed, outflow))), (feed, outflow)

    def substitute(coming, site):
        feed, outflow, pulled = site
        value = _minus(_plus(feed, _sum(pulled, coming)), outflow)
        return value, value

    rates = (chain.rate_right, chain.rate_left, chain.losses, problem.pushed, source)
    nothing = jnp.full_like(zero, -jnp.inf)
    _, (feed, outflow) = jax.lax.scan(eliminate, (zero, nothing), jax.tree.map(_log, rates))
    rows = (feed, outflow, _log(problem.pulled))
    return jax.lax.scan(substitute, nothing, rows, reverse=True)[1]


def _eliminate(right, left, loss, pushed, source):
    """Return of each site, seen from its left: feed, outflow e + g, and e, what is lost for good.

    e_1 = r_1 + l_1, e_{k+1} = l_{k+1} + r_{k+1} e_k / (e_k + g_k). A site that is never left
    (e + g = 0) keeps all that enters it: what hops back to it is lost for good, too.
    """
    one = jnp.ones((), right.dtype)

    def step(carry, site):
        kept, fed = carry
        right, left, loss, pushed, entering = site
        lost = _add(loss, _times(left, kept))
        outflow = _add(lost, right)
        feed = _add(entering, fed)
        share = _over(lost, outflow)
        kept = Scaled(jnp.where(outflow.mantissa == 0, 1, share.mantissa), share.exponent)
        fed = _times(pushed, _over(feed, outflow))
        return (_normal(kept), _normal(fed)), (feed, outflow, lost)

    rows = jax.tree.map(scaled, (right, left, loss, pushed, source))
    return jax.lax.scan(step, (scaled(one), scaled(0 * one)), rows)[1]


class Scaled(NamedTuple):
    """Numbers mantissa · 2^exponent: products along a chain leave the range of floats.

    Exponents are whole numbers without derivative; zero keeps exponent 0, so that its slope is
    that of the number.
    """

    mantissa: Float[Array, "..."]
    exponent: Int[Array, "..."]


def scaled(x: Float[Array, "..."]) -> Scaled:
    """Return numbers with their exponents split off."""
    return _normal(Scaled(x, jnp.zeros(x.shape, jnp.int32)))


def unscaled(x: Scaled) -> Float[Array, "..."]:
    """Return plain numbers: 0 or inf beyond the range of floats."""
    half = x.exponent // 2
    small = _power(half, x.mantissa.dtype)
    return x.mantissa * small * _power(x.exponent - half, x.mantissa.dtype)


def _normal(x: Scaled) -> Scaled:
    """Return the same numbers with mantissas between 1/2 and 1; 0, inf and NaN stay."""
    info = jnp.finfo(x.mantissa.dtype)
    bits = jax.lax.bitcast_convert_type(x.mantissa, jnp.dtype(f"int{info.bits}"))
    field = (bits >> info.nmant) & (2**info.nexp - 1)  # the biased exponent, without the sign
    ordinary = (field > 0) & (field < 2**info.nexp - 1)
    shift = jnp.where(ordinary, field + (info.minexp - 2), 0).astype(jnp.int32)
    half = -shift // 2  # in two steps: 2^-shift of a huge number is below the range
    small = _power(half, x.mantissa.dtype) * x.mantissa
    return Scaled(small * _power(-shift - half, x.mantissa.dtype), x.exponent + shift)


def _power(exponent: Int[Array, "..."], dtype) -> Float[Array, "..."]:
    """Return 2^exponent exactly, put together from bits; cut at the ends of the normal range."""
    info = jnp.finfo(dtype)
    integer = jnp.dtype(f"int{info.bits}")
    biased = jnp.clip(exponent, info.minexp, info.maxexp - 1) - (info.minexp - 1)
    return jax.lax.bitcast_convert_type(biased.astype(integer) << info.nmant, dtype)


def _add(a: Scaled, b: Scaled) -> Scaled:
    lowest = jnp.iinfo(jnp.int32).min // 4
    size_a, size_b = (jnp.where(x.mantissa == 0, lowest, x.exponent) for x in (a, b))
    exponent = jnp.maximum(size_a, size_b)
    exponent = jnp.where(exponent == lowest, 0, exponent)
    parts = (x.mantissa * _power(x.exponent - exponent, x.mantissa.dtype) for x in (a, b))
    return Scaled(sum(parts), exponent)


def _times(a: Scaled, b: Scaled) -> Scaled:
    """Return the product; a rate of zero carries nothing, be it of infinitely many."""
    none = (a.mantissa == 0) & jnp.isinf(b.mantissa)
    return Scaled(a.mantissa * jnp.where(none, 0, b.mantissa), a.exponent + b.exponent)


def _over(a: Scaled, b: Scaled) -> Scaled:
    """Return the quotient; over zero inf, or 0 where there is nothing to divide."""
    empty = b.mantissa == 0
    ratio = a.mantissa / jnp.where(empty, 1, b.mantissa)
    ratio = jnp.where(empty & (a.mantissa > 0), jnp.inf, ratio)
    return Scaled(ratio, a.exponent - b.exponent)


def _behind(rate: Float[Array, " site"]) -> Float[Array, " site"]:
    """Return the rate of the next site in place of each."""
    return jnp.concatenate([rate[1:], rate[-1:]])


def _sum(a: Array, b: Array) -> Array:
    """Return a + b, the logarithm of a product; ln 0 stays so, times whatever."""
    none = a == -jnp.inf
    return jnp.where(none, -jnp.inf, a + jnp.where(none, 0, b))


def _minus(a: Array, b: Array) -> Array:
    """Return a - b, the logarithm of a quotient; over zero inf, or -inf where a is."""
    none = b == -jnp.inf
    beyond = jnp.where(a > -jnp.inf, jnp.inf, a)
    return jnp.where(none, beyond, a - jnp.where(none, 0, b))


def _plus(a: Array, b: Array) -> Array:
    """Return ln(e^a + e^b); unlike ``jnp.logaddexp`` with finite slopes where both are -inf."""
    large, small = jnp.maximum(a, b), jnp.minimum(a, b)
    both = jnp.isfinite(small) & jnp.isfinite(large)
    return large + jnp.where(both, jnp.log1p(jnp.exp(jnp.where(both, small - large, 0))), 0)


def _log(x: Array) -> Array:
    """Return ln x, -inf at 0 with slope 0 there."""
    zero = x == 0
    return jnp.where(zero, -jnp.inf, jnp.log(jnp.where(zero, 1, x)))
