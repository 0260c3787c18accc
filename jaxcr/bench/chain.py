"""Benchmarks of trap chains: the steady state, beside SciPy's solvers."""

from collections.abc import Iterator
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from jaxcr import traps
from jaxcr.bench.peers import Call, PeerRun, time_beside
from jaxcr.bench.rows import Effort, Row
from jaxcr.bench.timing import work_clock

_SITES = 100  # of each of many chains
_ENDS = {"left_end": traps.AbsorbingEnd(), "right_end": traps.AbsorbingEnd()}


def chain(effort: Effort) -> Iterator[Row]:
    """Yield chains per second by the number of sites, one chain at a time and many at once."""
    for num in effort.choose((20,), (100, 10_000, 100_000), (100, 10_000, 1_000_000)):
        yield _one(num, effort)
    yield _many(effort)


def _one(num: int, effort: Effort) -> Row:
    """Return chains per second of one chain of ``num`` traps."""
    chain, source = _chain(num), jnp.zeros(num).at[-1].set(1.0)
    measured, peers = time_beside(
        partial(jax.jit(traps.steady_state), chain, source),
        [
            PeerRun("scipy solve_banded", "scipy", lambda: _banded(chain, source)),
            PeerRun("scipy spsolve", "scipy", lambda: _sparse(chain, source)),
        ],
        repeats=effort.repeats,
        measure=lambda timing, share: timing.rate(share),
    )
    return Row(
        f"chain: {num:,} traps",
        "steady state of one chain with losses, both ends open, fed at the right end, float64",
        measured, "chains/s", work_clock(), peers=peers,
    )  # fmt: skip


def _many(effort: Effort) -> Row:
    """Return chains per second when each has its own mirror ratio and gradient."""
    num, sites = effort.choose((4, 10), (4096, _SITES), (65_536, _SITES))
    compared = min(num, 512)  # by the loop
    rng = np.random.default_rng(0)
    ratio, gradient = rng.uniform(2, 5, num), rng.uniform(-0.1, 0.1, num)
    source = jnp.zeros(sites).at[-1].set(1.0)

    def make(pair):
        trap = traps.trap_from_ratio(*pair)
        return traps.trap_chain(trap, sites, scattering_rate=1.0, **_ENDS)

    together = jax.jit(
        lambda pairs: jax.lax.map(
            lambda pair: traps.steady_state(make(pair), source), pairs, batch_size=256
        )
    )
    pairs = (jnp.asarray(ratio), jnp.asarray(gradient))
    chains = jax.jit(jax.vmap(make))(jax.tree.map(lambda x: x[:compared], pairs))
    rates = np.asarray(chains.rate_right), np.asarray(chains.rate_left)

    def loop() -> np.ndarray:
        pairs = zip(*rates, strict=True)
        return np.array([_solve_banded(right, left, np.asarray(source)) for right, left in pairs])

    measured, peers = time_beside(
        lambda: together(pairs),
        [
            PeerRun(
                "scipy solve_banded, loop", "scipy", lambda: loop, share=compared / num,
                note=f"{compared:,} of the chains, rates given",
            )
        ],
        repeats=effort.repeats,
        measure=lambda timing, share: timing.rate(num * share),
        part=lambda occupations: occupations[:compared],
    )  # fmt: skip
    return Row(
        "chain: many at once",
        f"{num:,} chains of {sites} traps, from mirror ratio and gradient of each, float64",
        measured, "chains/s", work_clock(), peers=peers,
    )  # fmt: skip


def _chain(num: int) -> traps.Chain:
    """Return a chain whose rates scatter by 10 % about one."""
    right, left = 1 + 0.1 * np.random.default_rng(0).uniform(-1, 1, (2, num))
    losses = jnp.full(num, 1e-3)
    return traps.Chain(jnp.asarray(right), jnp.asarray(left), loss_rate=losses, **_ENDS)


def _bands(right: np.ndarray, left: np.ndarray, losses: np.ndarray | float = 0.0) -> np.ndarray:
    """Return the three diagonals (3, site) of minus the generator, from above."""
    return np.stack([-left, right + left + losses, -right])


def _solve_banded(right, left, source, losses=0.0) -> np.ndarray:
    from scipy.linalg import solve_banded

    return solve_banded((1, 1), _bands(right, left, losses), source, check_finite=False)


def _banded(chain: traps.Chain, source: jax.Array) -> Call:
    right, left, losses = _rates(chain)
    feed = np.asarray(source)
    return lambda: _solve_banded(right, left, feed, losses)


def _sparse(chain: traps.Chain, source: jax.Array) -> Call:
    """Return a call of the sparse solver, the matrix made outside."""
    from scipy.sparse import diags_array
    from scipy.sparse.linalg import spsolve

    above, middle, below = _bands(*_rates(chain))
    matrix = diags_array((below[:-1], middle, above[1:]), offsets=(-1, 0, 1), format="csc")
    feed = np.asarray(source)
    return lambda: spsolve(matrix, feed)


def _rates(chain: traps.Chain) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the rates to the right, to the left, and of loss, (site,) each."""
    return np.asarray(chain.rate_right), np.asarray(chain.rate_left), np.asarray(chain.losses)
