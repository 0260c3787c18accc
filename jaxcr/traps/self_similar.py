"""A uniform chain of self-similar traps, and the volume of each of its sites."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxcr.arrays import ScalarLike, argument_error
from jaxcr.traps.chain import Chain, ChainEnd
from jaxcr.traps.rates import Closure, DetailedBalance
from jaxcr.traps.trap import Trap

_DEFAULT_CLOSURE = DetailedBalance()


def trap_chain(
    trap: Trap,
    num_sites: int,
    *,
    scattering_rate: ScalarLike,
    closure: Closure = _DEFAULT_CLOSURE,
    left_end: ChainEnd,
    right_end: ChainEnd,
) -> Chain:
    """Return the chain in which every trap is a copy of ``trap``, weaker by B2/B1 per step.

    The right mirror of one trap is the left mirror of the next; escape depends on ratios only,
    so that all sites have the same rates.

    Parameters
    ----------
    trap
        The first trap.
    num_sites
        N, at least 1; static.
    scattering_rate
        nu, in the unit of rate that the chain shall have.
    closure
        ``DetailedBalance()`` or ``LossCone()``.
    left_end, right_end
        ``AbsorbingEnd()`` or ``ReflectingEnd()``.

    Raises
    ------
    ValueError
        If ``num_sites`` is below 1 or the trap has no mirrors.
    """
    _check_sites("trap_chain: num_sites", num_sites)
    right, left = closure.rates(trap, scattering_rate)
    return Chain(
        rate_right=jnp.broadcast_to(right, (num_sites,)),
        rate_left=jnp.broadcast_to(left, (num_sites,)),
        left_end=left_end,
        right_end=right_end,
    )


def flux_tube_volume(trap: Trap, num_sites: int) -> Float[Array, " site"]:
    """Return the volumes w of the traps of such a chain: w_1 = 1, w_{j+1}/w_j = B1/B2.

    A flux tube widens as 1/B. The phase-space density that an angular distribution is made of
    is f = n / w, with n the occupation.

    Parameters
    ----------
    trap
        The first trap.
    num_sites
        N, at least 1; static.

    Returns
    -------
    Volumes in units of the first, (site,).

    Raises
    ------
    ValueError
        If ``num_sites`` is below 1.
    """
    _check_sites("flux_tube_volume: num_sites", num_sites)
    steps = jnp.arange(num_sites, dtype=trap.minimum.dtype)
    return (trap.left_mirror / trap.right_mirror) ** steps


def _check_sites(name, num_sites):
    """Reject an empty chain."""
    if num_sites < 1:
        raise argument_error(
            name, expected="an integer >= 1", got=num_sites, remedy="A chain has a site at least."
        )
