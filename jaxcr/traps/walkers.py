"""Monte-Carlo walkers on a chain."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Key

from jaxcr.arrays import ScalarLike
from jaxcr.checks import argument_error, check_positive, check_range, is_concrete
from jaxcr.statistics import Estimate, jackknife
from jaxcr.traps.chain import Chain
from jaxcr.traps.steady import check_way_out

INSIDE, LEFT, RIGHT, LOST, HOP_LIMIT = range(5)
_TIME_IS_UP = -1  # while others still walk
_GROUPS = 16


class Walks(eqx.Module):
    """Where walkers ended, when, and where they have spent their time.

    Attributes
    ----------
    site
        Index of the last site, from 0, (walker,).
    end
        ``INSIDE`` after ``duration``, ``LEFT`` or ``RIGHT`` through an end, ``LOST`` by the loss
        rate, or ``HOP_LIMIT``, (walker,).
    time
        At which each walk ended, (walker,).
    num_hops
        Of each walker, (walker,).
    residence
        Mean time of a walker at each site with its standard error, (site,). Times the source
        strength it is the steady occupation, when walkers start as the source feeds.
    """

    site: Int[Array, " walker"]
    end: Int[Array, " walker"]
    time: Float[Array, " walker"]
    num_hops: Int[Array, " walker"]
    residence: Estimate


def walk(
    chain: Chain,
    start: Int[Array, " walker"],
    *,
    key: Key[Array, ""],
    duration: ScalarLike | None = None,
    step: ScalarLike | None = None,
    max_hops: int = 1_000_000,
) -> Walks:
    """Follow walkers from hop to hop until they leave, are lost, or their time is up.

    Parameters
    ----------
    start
        Index of the first site of each walker, from 0, (walker,); a multiple of 16 walkers, for
        the errors.
    key
        Each walker draws from this key and its number: the same walks in any company.
    duration
        Time after which a walk ends, in the inverse unit of the rates; none by default.
    step
        Time step of walkers that hop with the probability rate * step. By default exact waiting
        times are drawn (Gillespie).
    max_hops
        Of a walker; steps, with ``step``.

    Raises
    ------
    ValueError
        If a known start is no site, walkers are not a multiple of 16, the step makes a
        probability above one, or neither ``duration`` nor the chain lets a walk end.
    """
    _check(chain, start, duration, step)
    dtype = chain.rate_right.dtype
    limit = jnp.asarray(jnp.inf if duration is None else duration, dtype)
    step = None if step is None else jnp.asarray(step, dtype)
    site, end, time, num_hops, residence = _walk(
        chain, start.astype(jnp.int32), key, limit, step, jnp.int32(max_hops)
    )
    residence = jackknife(lambda mean: mean, residence / (start.shape[0] // _GROUPS))
    return Walks(site, end, time, num_hops, residence)


@eqx.filter_jit
def _walk(chain, start, key, limit, step, max_hops):
    """Move all walkers together; one that has ended waits for the last."""
    num = start.shape[0]
    number = jnp.arange(num, dtype=jnp.int32)
    group = number // (num // _GROUPS)
    keys = jax.vmap(lambda i: jax.random.fold_in(key, i))(number)
    rates = (chain.rate_right, chain.rate_left, chain.losses)
    dtype = chain.rate_right.dtype

    def advance(carry):
        before, residence, hop = carry
        draw = lambda k: jax.random.uniform(jax.random.fold_in(k, hop), (2,), dtype)  # noqa: E731
        draws = jax.vmap(draw)(keys)
        moved = jax.vmap(lambda w, u: _hop(w, u, rates, limit, step, chain.num_sites))
        walkers = moved(before, draws)
        spent = walkers[2] - before[2]
        return walkers, residence.at[group, before[0]].add(spent), hop + 1

    def unfinished(carry):
        (_, end, _, _), _, hop = carry
        return jnp.any(end == INSIDE) & (hop < max_hops)

    walkers = (start, jnp.full(num, INSIDE), jnp.zeros(num, dtype), jnp.zeros(num, jnp.int32))
    carry = (walkers, jnp.zeros((_GROUPS, chain.num_sites), dtype), jnp.int32(0))
    (site, end, time, num_hops), residence, _ = jax.lax.while_loop(unfinished, advance, carry)
    end = jnp.where(end == INSIDE, HOP_LIMIT, jnp.where(end == _TIME_IS_UP, INSIDE, end))
    return site, end, time, num_hops, residence


def _hop(walker: Any, draws: Float[Array, "two=2"], rates: Any, limit, step, num_sites: int):
    """Return the walker after its next hop, or at the end of its time."""
    site, end, time, num_hops = walker
    right, left, lost = (rate[site] for rate in rates)
    total = right + left + lost
    if step is None:
        wait = -jnp.log1p(-draws[0]) / total
        chosen = draws[1] * total
    else:
        wait = step
        chosen = draws[1] / step  # beyond the total rate: no hop
    up = time + wait >= limit if step is None else time + 0.5 * wait >= limit
    running = end == INSIDE
    goes_right = (chosen < right) & ~up
    goes_left = (chosen >= right) & (chosen < right + left) & ~up
    is_lost = (chosen >= right + left) & (chosen < total) & ~up
    to = site + goes_right.astype(site.dtype) - goes_left.astype(site.dtype)
    ended = jnp.where(is_lost, LOST, INSIDE)
    ended = jnp.where(to < 0, LEFT, jnp.where(to >= num_sites, RIGHT, ended))
    ended = jnp.where(up, _TIME_IS_UP, ended).astype(end.dtype)
    hopped = (goes_right | goes_left | is_lost) & running
    return (
        jnp.where(running, jnp.clip(to, 0, num_sites - 1), site),
        jnp.where(running, ended, end),
        jnp.where(running, jnp.minimum(time + wait, limit), time),
        num_hops + hopped.astype(num_hops.dtype),
    )


def _check(chain, start, duration, step) -> None:
    """Reject starts that are no sites, and walks that cannot end."""
    if start.shape[0] == 0 or start.shape[0] % _GROUPS:
        raise argument_error(
            "walk: start",
            expected=f"a multiple of {_GROUPS} walkers",
            got=start.shape[0],
            remedy="Errors are jackknifed over as many groups.",
        )
    check_range("walk: start", start, 0, chain.num_sites - 1, remedy="Sites count from 0.")
    check_positive("walk: duration", duration, remedy="Or None: to the end.")
    if duration is None:
        check_way_out("walk", chain)
    if step is not None and is_concrete(step, chain):
        rates = (chain.rate_right, chain.rate_left, chain.losses)
        total = np.max(sum(np.asarray(rate) for rate in rates))
        if not 0 < float(step) * total <= 1:
            raise argument_error(
                "walk: step",
                expected=f"a time in (0, {1 / total:g}], one over the largest total rate",
                got=step,
                remedy="Leave it out for exact waiting times.",
            )
