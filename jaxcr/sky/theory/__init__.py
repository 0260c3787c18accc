"""Closed theories of the angular power spectrum."""

from jaxcr.sky.theory.cascade import cascade_spectrum
from jaxcr.sky.theory.closures import bgk_spectrum, fokker_planck_spectrum
from jaxcr.sky.theory.damping import pitch_angle_damping
from jaxcr.sky.theory.evolution import evolve_cascade
from jaxcr.sky.theory.rates import ahlers_loss, cascade_matrix, neighbour_rates, steady_cascade

__all__ = [
    "ahlers_loss",
    "bgk_spectrum",
    "cascade_matrix",
    "cascade_spectrum",
    "evolve_cascade",
    "fokker_planck_spectrum",
    "neighbour_rates",
    "pitch_angle_damping",
    "steady_cascade",
]
