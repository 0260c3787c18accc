"""Linear problems of a graph of traps: state reduction, which subtracts nothing."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxcr.traps.chain import Chain
from jaxcr.traps.graph import TrapGraph
from jaxcr.traps.recurrence import first_passage, occupations, solve


def steady_occupations(traps: Chain | TrapGraph, source: Float[Array, " site"]) -> Array:
    """Return what a source (site,) keeps at each site."""
    if isinstance(traps, Chain):
        return solve(traps, occupations(traps), source)
    return _reduced(traps, source, False)


def mean_sums(traps: Chain | TrapGraph, gain: Float[Array, " site"]) -> Array:
    """Return the mean of what is gained per time (site,) along the way, by starting site."""
    if isinstance(traps, Chain):
        return solve(traps, first_passage(traps), gain)
    return _reduced(traps, gain, True)


# The algorithm of Grassmann, Taksar & Heyman, Oper. Res. 33 (1985) 1107. Sites are taken out one
# by one, and hops through the one that goes are added to the rates between those that stay:
# w_ij += w_ik w_kj/out_k, where out_k is the sum over what stays and the exits, never a diagonal
# less something. All terms are positive, and so every entry keeps its relative accuracy
# (O'Cinneide, Numer. Math. 65 (1993) 109). For hops between neighbours it is the recurrence of a
# chain. Rates between sites that are no farther apart than the bandwidth stay so.
@jax.jit
def _reduce(graph: TrapGraph):
    """Return of each site, when it goes: rates to and from the ``bandwidth`` next, and out."""
    apart = graph.target - graph.origin
    where = jnp.minimum(graph.target, graph.origin), jnp.abs(apart) - 1
    table = jnp.zeros((graph.num_sites, graph.bandwidth), graph.rate.dtype)
    up = table.at[where].add(jnp.where(apart > 0, graph.rate, 0))
    down = table.at[where].add(jnp.where(apart < 0, graph.rate, 0))

    def take_out(carry, site):
        through, leaving = carry  # what hops through sites that are gone add
        up, down, exit_rate = site
        up, down = up + _next(through[0]), down + _next(through[:, 0])
        lost = exit_rate + leaving[0]
        out = lost + jnp.sum(up)
        stuck = out == 0
        safe = jnp.where(stuck, 1, out)
        kept = jnp.where(stuck, 1, lost / safe)  # what hops to where it stays is lost for good
        through = jnp.pad(through[1:, 1:], ((0, 1), (0, 1))) + down[:, None] * (up / safe)[None, :]
        return (through, _next(leaving) + down * kept), (up, down, out)

    nothing = jnp.zeros((graph.bandwidth, graph.bandwidth), graph.rate.dtype)
    rows = (up, down, jnp.sum(graph.exit_rates, axis=0))
    return jax.lax.scan(take_out, (nothing, nothing[0]), rows)[1]


def _reduced(graph: TrapGraph, source, backward: bool):
    """Return the solution of out_k x_k = S_k + sum of w_jk x_j, or of w_kj x_j if ``backward``."""
    up, down, out = _reduce(graph)
    return _substitute(*(down, up) if backward else (up, down), out, source)


@jax.jit
def _substitute(given, taken, out, source):
    """Pass the sources on to the next sites, and come back with the solution."""

    def forth(coming, site):
        given, out, source = site
        source = source + coming[0]
        return _next(coming) + _times(given, _over(source, out)), source

    def back(known, site):
        taken, out, source = site
        value = _over(source + jnp.sum(_times(taken, known)), out)
        return jnp.concatenate([value[None], known[:-1]]), value

    nothing = jnp.zeros(given.shape[1], source.dtype)
    source = jax.lax.scan(forth, nothing, (given, out, source))[1]
    return jax.lax.scan(back, nothing, (taken, out, source), reverse=True)[1]


def _next(x):
    """Return the same numbers, of the next site on."""
    return jnp.concatenate([x[1:], jnp.zeros_like(x[:1])])


def _times(rate, x):
    """Return the product; a rate of zero carries nothing, be it of infinitely many."""
    return rate * jnp.where((rate == 0) & jnp.isinf(x), 0, x)


def _over(x, out):
    """Return x/out; where nothing goes out, inf, or 0 for x = 0."""
    stuck = out == 0
    return jnp.where(stuck & (x > 0), jnp.inf, x / jnp.where(stuck, 1, out))
