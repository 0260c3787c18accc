"""Magnetic mirrors and the chain of traps that they form."""

from jaxcr.traps.anisotropy import trap_distribution
from jaxcr.traps.chain import AbsorbingEnd, Chain, ChainEnd, ReflectingEnd
from jaxcr.traps.loss_cone import EscapeProbabilities, escape_probabilities, loss_cone_fractions
from jaxcr.traps.rates import Closure, DetailedBalance, LossCone
from jaxcr.traps.self_similar import flux_tube_volume, trap_chain
from jaxcr.traps.steady import steady_state
from jaxcr.traps.trap import Trap, trap_from_asymmetry, trap_from_ratio

__all__ = [
    "AbsorbingEnd",
    "Chain",
    "ChainEnd",
    "Closure",
    "DetailedBalance",
    "EscapeProbabilities",
    "LossCone",
    "ReflectingEnd",
    "Trap",
    "escape_probabilities",
    "flux_tube_volume",
    "loss_cone_fractions",
    "steady_state",
    "trap_chain",
    "trap_distribution",
    "trap_from_asymmetry",
    "trap_from_ratio",
]
