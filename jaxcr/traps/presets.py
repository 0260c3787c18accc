"""The two chains of the published model: inflow to the Sun, outflow from the Galactic plane."""

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxcr.arrays import ScalarLike
from jaxcr.traps.chain import AbsorbingEnd, Chain, ReflectingEnd
from jaxcr.traps.line_of_traps import trap_chain
from jaxcr.traps.rates import Closure, DetailedBalance
from jaxcr.traps.trap import Trap

_DEFAULT_CLOSURE = DetailedBalance()


class FedChain(NamedTuple):
    """A chain and what feeds it.

    Attributes
    ----------
    chain
        The rates.
    source
        Particles per time fed to each site, (site,).
    """

    chain: Chain
    source: Float[Array, " site"]


def helio_chain(
    traps: Trap,
    *,
    scattering_rate: Float[Array, "..."] | ScalarLike = 1.0,
    inflow: ScalarLike = 1.0,
    closure: Closure = _DEFAULT_CLOSURE,
) -> FedChain:
    """Return the chain from the Sun (left) to the interstellar medium (right).

    Particles come in at the last site; both ends are open, and who leaves left is seen at the
    Sun. Where the field weakens outward, eps_g > 0, they come in against the drift.

    Parameters
    ----------
    traps
        A line of traps, from the Sun outward; ``line_of_traps`` with a gradient for each half
        gives the two zones of the published figure.
    scattering_rate, closure
        As for ``trap_chain``.
    inflow
        Particles per time.

    Notes
    -----
    Source: Medvedev & Medvedev 2015, arXiv:1504.03914.
    """
    ends = {"left_end": AbsorbingEnd(), "right_end": AbsorbingEnd()}
    chain = trap_chain(traps, scattering_rate=scattering_rate, closure=closure, **ends)
    return FedChain(chain, _at(chain, -1, inflow))


def galaxy_chain(
    traps: Trap,
    *,
    scattering_rate: Float[Array, "..."] | ScalarLike = 1.0,
    inflow: ScalarLike = 1.0,
    closure: Closure = _DEFAULT_CLOSURE,
) -> FedChain:
    """Return the chain from the Galactic mid-plane (left) to intergalactic space (right).

    Sources lie in the mid-plane, the first site; the two halves of the Galaxy mirror each other,
    so that the left end reflects. The right end is open.

    Parameters
    ----------
    traps
        A line of traps, from the mid-plane outward.
    scattering_rate, closure, inflow
        As for ``helio_chain``; ``inflow`` is that of one half.

    Notes
    -----
    The published figure has its arrow of inflow at the far end, its text has a source in the
    plane; this is the text. ``helio_chain`` with the same traps is the figure.
    Source: Medvedev & Medvedev 2015, arXiv:1504.03914.
    """
    ends = {"left_end": ReflectingEnd(), "right_end": AbsorbingEnd()}
    chain = trap_chain(traps, scattering_rate=scattering_rate, closure=closure, **ends)
    return FedChain(chain, _at(chain, 0, inflow))


def _at(chain, index, inflow):
    """Return a source at one site."""
    nothing = jnp.zeros_like(chain.rate_right)
    return nothing.at[index].set(jnp.asarray(inflow, nothing.dtype))
