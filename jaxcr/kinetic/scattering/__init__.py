"""Scattering by turbulence: D_mumu, mean free paths, diffusion along and across the field."""

from jaxcr.kinetic.scattering.cascade import GoldreichSridharScattering
from jaxcr.kinetic.scattering.closed_forms import (
    bend_over_mean_free_path,
    weak_scattering_diffusion,
)
from jaxcr.kinetic.scattering.mean_free_path import (
    kappa_parallel,
    momentum_diffusion,
    parallel_mean_free_path,
    rigidity_exponent,
    scattering_rate,
)
from jaxcr.kinetic.scattering.model import (
    FunctionScattering,
    IsotropicScattering,
    ScatteringModel,
    SumOfScatterings,
    pitch_angle_diffusion,
)
from jaxcr.kinetic.scattering.perpendicular import (
    composite_field_line_diffusion,
    field_line_perpendicular_diffusion,
    nonlinear_perpendicular_diffusion,
    slab_field_line_diffusion,
    two_dimensional_field_line_diffusion,
    ultrascale,
)
from jaxcr.kinetic.scattering.resonance_functions import (
    GaussianResonance,
    LorentzianResonance,
    NonlinearResonance,
    ResonanceFunction,
    SecondOrderResonance,
    SharpResonance,
)
from jaxcr.kinetic.scattering.slab import SlabScattering
from jaxcr.kinetic.scattering.waves import IsotropicWaveScattering, TransitTimeScattering

__all__ = [
    "FunctionScattering",
    "GaussianResonance",
    "GoldreichSridharScattering",
    "IsotropicScattering",
    "IsotropicWaveScattering",
    "LorentzianResonance",
    "NonlinearResonance",
    "ResonanceFunction",
    "ScatteringModel",
    "SecondOrderResonance",
    "SharpResonance",
    "SlabScattering",
    "SumOfScatterings",
    "TransitTimeScattering",
    "bend_over_mean_free_path",
    "composite_field_line_diffusion",
    "field_line_perpendicular_diffusion",
    "kappa_parallel",
    "momentum_diffusion",
    "nonlinear_perpendicular_diffusion",
    "parallel_mean_free_path",
    "pitch_angle_diffusion",
    "rigidity_exponent",
    "scattering_rate",
    "slab_field_line_diffusion",
    "two_dimensional_field_line_diffusion",
    "ultrascale",
    "weak_scattering_diffusion",
]
