"""Where particles leave a chain or a graph, and after which time, by the site of their start."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from jaxcr.checks import check_range
from jaxcr.traps.chain import Chain
from jaxcr.traps.elimination import mean_sums
from jaxcr.traps.evolution import EvolutionMethod, MatrixExponential, evolve
from jaxcr.traps.graph import TrapGraph
from jaxcr.traps.recurrence import first_passage, solve_in_logarithms
from jaxcr.traps.steady import check_way_out

_DEFAULT_METHOD = MatrixExponential()


class ExitProbabilities(NamedTuple):
    """How a particle ends that starts from each site; the sum is one.

    Attributes
    ----------
    left, right
        Through that end, (site,).
    lost
        By the loss rate, (site,).
    """

    left: Float[Array, " site"]
    right: Float[Array, " site"]
    lost: Float[Array, " site"]


def exit_probability(
    chain: Chain | TrapGraph,
) -> ExitProbabilities | Float[Array, "way site"]:
    """Return the probabilities to leave left, to leave right and to be lost on the way.

    Of a graph of traps the probabilities to leave by each of its ways out, (way, site).

    Raises
    ------
    ValueError
        If it is known that no particle can leave.

    Notes
    -----
    O(N) for a chain, without subtractions: small probabilities keep their relative accuracy; 0
    below the float range, where ``log_exit_probability`` helps. The sum is less than one at sites
    from which a particle may come to where it never leaves.
    """
    check_way_out("exit_probability", chain)
    shares = jax.vmap(lambda way: mean_sums(chain, way))(chain.exit_rates)
    return ExitProbabilities(*shares) if isinstance(chain, Chain) else shares


def log_exit_probability(chain: Chain) -> ExitProbabilities:
    """Return ln of ``exit_probability``, -inf where that is zero, however small it is."""
    check_way_out("log_exit_probability", chain)
    return ExitProbabilities(
        *jax.vmap(lambda s: solve_in_logarithms(chain, first_passage(chain), s))(chain.exit_rates)
    )


def escape_time(chain: Chain | TrapGraph) -> Float[Array, " site"]:
    """Return the mean time until a particle that starts from each site has left or is lost.

    Returns
    -------
    Times in the inverse unit of the rates, (site,); inf beyond the float range, where
    ``log_escape_time`` helps, and at sites from which a particle may come to where it never
    leaves.

    Raises
    ------
    ValueError
        If it is known that no particle can leave.

    Notes
    -----
    O(N) for a chain, without subtractions: right for strong traps too, where a tridiagonal solve
    loses every digit once the time exceeds 1/epsilon hops.
    """
    check_way_out("escape_time", chain)
    return mean_sums(chain, jnp.ones(chain.num_sites, chain.exit_rates.dtype))


def log_escape_time(chain: Chain) -> Float[Array, " site"]:
    """Return ln of ``escape_time``, also where that is beyond the float range.

    Derivatives by rates that are exactly zero are zero here; ``escape_time`` has them.
    """
    check_way_out("log_escape_time", chain)
    one = jnp.ones_like(chain.rate_right)
    return solve_in_logarithms(chain, first_passage(chain), one)


def passage_time_distribution(
    chain: Chain | TrapGraph,
    start: Int[Array, ""] | int,
    times: Float[Array, " time"],
    *,
    method: EvolutionMethod = _DEFAULT_METHOD,
) -> tuple[Float[Array, " time"], Float[Array, "way time"]]:
    """Return how the time is distributed after which a particle has left or is lost.

    Its mean is ``escape_time``; the density of each way out integrates to ``exit_probability``.

    Parameters
    ----------
    start
        Index of the site from which the particle starts, from 0.
    times
        In the inverse unit of the rates, >= 0, (time,).
    method
        As for ``evolve``, whose errors are of 1e-16 and not of small probabilities.

    Returns
    -------
    Probability to be inside still, (time,), and probability per time to leave just then by each
    way, (way, time): left, right, lost for a chain.

    Raises
    ------
    ValueError
        If there is no such site, or as for ``evolve``.
    """
    check_range("passage_time_distribution: start", start, 0, chain.num_sites - 1)
    initial = jnp.zeros(chain.num_sites, chain.exit_rates.dtype).at[start].set(1.0)
    inside = evolve(chain, initial, times, method=method)
    return jnp.sum(inside, axis=1), chain.exit_rates @ inside.T
