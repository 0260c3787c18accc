"""One elimination for all linear problems of a chain: no subtraction, plain or in logarithms."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

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
    """Eliminate from left to right, substitute from right to left."""
    rates = (chain.rate_right, chain.rate_left, chain.losses)
    feed, outflow, _ = _eliminate(*rates, problem.pushed, source)

    def substitute(coming, site):
        feed, outflow, pulled = site
        value = (feed + pulled * coming) / outflow
        return value, value

    nothing = jnp.zeros((), feed.dtype)
    return jax.lax.scan(substitute, nothing, (feed, outflow, problem.pulled), reverse=True)[1]


@jax.jit
def flows(chain: Chain, source: Float[Array, " site"]) -> Float[Array, " inner_bond"]:
    """Return the net flow to the right over every bond between two sites in the steady state.

    What sources on its left send over a bond for good, minus what those on its right do.
    """
    right, left, loss = chain.rate_right, chain.rate_left, chain.losses
    fed_left, outflow, lost = _eliminate(right, left, loss, right, source)
    mirrored = _eliminate(*(x[::-1] for x in (left, right, loss, left, source)))
    fed_right, outflow_right, lost_right = (x[::-1] for x in mirrored)
    # shares of hops over the bond that never come back, from either side
    for_good = (lost_right / outflow_right)[1:] * right[:-1]
    back_for_good = (lost / outflow)[:-1] * left[1:]
    to_right = for_good * fed_left[:-1] / (lost[:-1] + for_good)
    to_left = back_for_good * fed_right[1:] / (lost_right[1:] + back_for_good)
    return to_right - to_left


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
        return (lost - outflow, pushed + feed - outflow), (feed, outflow)

    def substitute(coming, site):
        feed, outflow, pulled = site
        value = _plus(feed, pulled + coming) - outflow
        return value, value

    rates = (chain.rate_right, chain.rate_left, chain.losses, problem.pushed, source)
    nothing = jnp.full_like(zero, -jnp.inf)
    _, (feed, outflow) = jax.lax.scan(eliminate, (zero, nothing), jax.tree.map(_log, rates))
    rows = (feed, outflow, _log(problem.pulled))
    return jax.lax.scan(substitute, nothing, rows, reverse=True)[1]


def _eliminate(right, left, loss, pushed, source):
    """Return of each site, seen from its left: feed, outflow e + g, and e, what is lost for good.

    e_1 = r_1 + l_1, e_{k+1} = l_{k+1} + r_{k+1} e_k / (e_k + g_k).
    """
    one = jnp.ones((), right.dtype)

    def step(carry, site):
        kept, fed = carry
        right, left, loss, pushed, entering = site
        lost = loss + left * kept
        outflow = lost + right
        feed = entering + fed
        return (lost / outflow, pushed * (feed / outflow)), (feed, outflow, lost)

    return jax.lax.scan(step, (one, 0 * one), (right, left, loss, pushed, source))[1]


def _behind(rate: Float[Array, " site"]) -> Float[Array, " site"]:
    """Return the rate of the next site in place of each."""
    return jnp.concatenate([rate[1:], rate[-1:]])


def _plus(a: Array, b: Array) -> Array:
    """Return ln(e^a + e^b); unlike ``jnp.logaddexp`` with finite slopes where both are -inf."""
    large, small = jnp.maximum(a, b), jnp.minimum(a, b)
    both = small > -jnp.inf
    return large + jnp.where(both, jnp.log1p(jnp.exp(jnp.where(both, small - large, 0))), 0)


def _log(x: Array) -> Array:
    """Return ln x, -inf at 0 with slope 0 there."""
    positive = x > 0
    return jnp.where(positive, jnp.log(jnp.where(positive, x, 1)), -jnp.inf)
