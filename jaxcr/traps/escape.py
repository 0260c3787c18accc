"""Where particles leave a chain, and after which time, by the site that they start from."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxcr.traps.chain import Chain
from jaxcr.traps.recurrence import first_passage, solve, solve_in_logarithms
from jaxcr.traps.steady import check_way_out


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


def exit_probability(chain: Chain) -> ExitProbabilities:
    """Return the probabilities to leave left, to leave right and to be lost on the way.

    Raises
    ------
    ValueError
        If it is known that no particle can leave.

    Notes
    -----
    O(N), without subtractions: small probabilities keep their relative accuracy; 0 below the
    float range, where ``log_exit_probability`` helps. The sum is less than one at sites from which
    a particle may come to where it never leaves.
    """
    check_way_out("exit_probability", chain)
    ways = _ways(chain)
    return ExitProbabilities(*jax.vmap(lambda s: solve(chain, first_passage(chain), s))(ways))


def log_exit_probability(chain: Chain) -> ExitProbabilities:
    """Return ln of ``exit_probability``, -inf where that is zero, however small it is."""
    check_way_out("log_exit_probability", chain)
    ways = _ways(chain)
    return ExitProbabilities(
        *jax.vmap(lambda s: solve_in_logarithms(chain, first_passage(chain), s))(ways)
    )


def _ways(chain: Chain) -> Float[Array, "way=3 site"]:
    """Return the rates at which each site is left to the left, to the right, and by loss."""
    nothing = jnp.zeros_like(chain.rate_right)
    return jnp.stack(
        [
            nothing.at[0].set(chain.rate_left[0]),
            nothing.at[-1].set(chain.rate_right[-1]),
            chain.losses,
        ]
    )


def escape_time(chain: Chain) -> Float[Array, " site"]:
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
    O(N), without subtractions: right for strong traps too, where a tridiagonal solve loses
    every digit once the time exceeds 1/epsilon hops.
    """
    check_way_out("escape_time", chain)
    one = jnp.ones_like(chain.rate_right)
    return solve(chain, first_passage(chain), one)


def log_escape_time(chain: Chain) -> Float[Array, " site"]:
    """Return ln of ``escape_time``, also where that is beyond the float range.

    Derivatives by rates that are exactly zero are zero here; ``escape_time`` has them.
    """
    check_way_out("log_escape_time", chain)
    one = jnp.ones_like(chain.rate_right)
    return solve_in_logarithms(chain, first_passage(chain), one)
