"""Magnetic mirrors and the chain of traps that they form."""

from jaxcr.annotations import checked_folder
from jaxcr.traps.along_line import traps_along
from jaxcr.traps.anisotropy import gyrotropic_spectrum, trap_distribution
from jaxcr.traps.cell_problem import BottleTransport, bottle_transport
from jaxcr.traps.chain import AbsorbingEnd, Chain, ChainEnd, ReflectingEnd
from jaxcr.traps.continuum import convection_diffusion, steady_exponent, transport_cumulants
from jaxcr.traps.escape import (
    ExitProbabilities,
    escape_time,
    exit_probability,
    log_escape_time,
    log_exit_probability,
    passage_time_distribution,
)
from jaxcr.traps.evolution import (
    EvolutionMethod,
    MatrixExponential,
    RelaxationModes,
    Spectrum,
    evolve,
    generator_matrix,
    relaxation_modes,
    relaxation_rates,
)
from jaxcr.traps.generating import (
    hop_generating_function,
    hop_probability,
    laurent_coefficients,
    occupation_generating_function,
)
from jaxcr.traps.graph import TrapGraph, banded_chain, lattice_of_traps
from jaxcr.traps.hops import MeasuredHops, measure_hops, scatter_in_bottles
from jaxcr.traps.line_of_traps import flux_tube_volume, line_of_traps, trap_chain, traps_in_profile
from jaxcr.traps.loss_cone import EscapeProbabilities, escape_probabilities, loss_cone_fractions
from jaxcr.traps.presets import FedChain, galaxy_chain, helio_chain
from jaxcr.traps.rates import Closure, DetailedBalance, LossCone, PitchAngleClosure
from jaxcr.traps.scattering import IsotropisingScattering, SmallAngleScattering
from jaxcr.traps.steady import (
    bond_flux,
    equilibrium,
    green_function,
    log_steady_state,
    steady_state,
)
from jaxcr.traps.suppression import mirror_suppression
from jaxcr.traps.trap import Trap, trap_from_ratio
from jaxcr.traps.uniform_chain import chain_distribution
from jaxcr.traps.walkers import HOP_LIMIT, INSIDE, LEFT, LOST, RIGHT, Walks, walk

__all__ = [
    "HOP_LIMIT",
    "INSIDE",
    "LEFT",
    "LOST",
    "RIGHT",
    "AbsorbingEnd",
    "BottleTransport",
    "Chain",
    "ChainEnd",
    "Closure",
    "DetailedBalance",
    "EscapeProbabilities",
    "EvolutionMethod",
    "ExitProbabilities",
    "FedChain",
    "IsotropisingScattering",
    "LossCone",
    "MatrixExponential",
    "MeasuredHops",
    "PitchAngleClosure",
    "ReflectingEnd",
    "RelaxationModes",
    "SmallAngleScattering",
    "Spectrum",
    "Trap",
    "TrapGraph",
    "Walks",
    "banded_chain",
    "bond_flux",
    "bottle_transport",
    "chain_distribution",
    "convection_diffusion",
    "equilibrium",
    "escape_probabilities",
    "escape_time",
    "evolve",
    "exit_probability",
    "flux_tube_volume",
    "galaxy_chain",
    "generator_matrix",
    "green_function",
    "gyrotropic_spectrum",
    "helio_chain",
    "hop_generating_function",
    "hop_probability",
    "lattice_of_traps",
    "laurent_coefficients",
    "line_of_traps",
    "log_escape_time",
    "log_exit_probability",
    "log_steady_state",
    "loss_cone_fractions",
    "measure_hops",
    "mirror_suppression",
    "occupation_generating_function",
    "passage_time_distribution",
    "relaxation_modes",
    "relaxation_rates",
    "scatter_in_bottles",
    "steady_exponent",
    "steady_state",
    "transport_cumulants",
    "trap_chain",
    "trap_distribution",
    "trap_from_ratio",
    "traps_along",
    "traps_in_profile",
    "walk",
]

checked_folder(globals())
