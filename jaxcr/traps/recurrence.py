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


class Solution(NamedTuple):
    """What the elimination leaves: the solution and the two parts of the flow over each bond.

    Attributes
    ----------
    value
        x_k.
    sent, returned
        Of the flow from k to k + 1: what the sources up to k send, and what comes back from
        k + 1 never to return. Their difference is the net flow, and either may be zero.
    """

    value: Float[Array, " site"]
    sent: Float[Array, " site"]
    returned: Float[Array, " site"]


def occupations(chain: Chain) -> Problem:
    """Return the problem whose solution is a steady state."""
    return Problem(chain.rate_right, _behind(chain.rate_left))


def first_passage(chain: Chain) -> Problem:
    """Return the problem whose solution is the mean of a sum along the way, by starting site."""
    return Problem(_behind(chain.rate_left), chain.rate_right)


@jax.jit
@jax.jit
def solve(chain: Chain, problem: Problem, source: Float[Array, " site"]) -> Solution:
    """Eliminate from left to right, substitute from right to left.

    e_1 = r_1 + l_1, e_{k+1} = l_{k+1} + r_{k+1} e_k / (e_k + g_k); e_k + g_k is what leaves
    site k for good or to the right.
    """
    one = jnp.ones((), chain.rate_right.dtype)

    def eliminate(carry, site):
        kept, fed = carry
        right, left, loss, pushed, entering = site
        lost = loss + left * kept
        outflow = lost + right
        feed = entering + fed
        kept = lost / outflow
        return (kept, pushed * (feed / outflow)), (feed, outflow, kept)

    def substitute(coming, site):
        feed, outflow, pulled = site
        value = (feed + pulled * coming) / outflow
        return value, value

    rates = (chain.rate_right, chain.rate_left, chain.losses, problem.pushed, source)
    _, (feed, outflow, kept) = jax.lax.scan(eliminate, (one, 0 * one), rates)
    rows = (feed, outflow, problem.pulled)
    _, value = jax.lax.scan(substitute, 0 * one, rows, reverse=True)
    coming = jnp.concatenate([value[1:], jnp.zeros_like(value[:1])])
    return Solution(value, problem.pushed * feed / outflow, kept * problem.pulled * coming)


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
