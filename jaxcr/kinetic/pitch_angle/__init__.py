"""The pitch-angle equation: scattering, streaming, focusing; its decay rates and anisotropy."""

from jaxcr.kinetic.pitch_angle.anisotropy import damping_matrix, steady_anisotropy
from jaxcr.kinetic.pitch_angle.ends import FreeEnd, InflowEnd, PeriodicEnd, ReflectingEnd, TubeEnd
from jaxcr.kinetic.pitch_angle.flux_tube import FluxTube, field_from_focusing
from jaxcr.kinetic.pitch_angle.operators import (
    FiniteVolume,
    LegendreSeries,
    PitchAngleMethod,
    scattering_matrix,
)
from jaxcr.kinetic.pitch_angle.problem import (
    PitchAngleEvolution,
    PitchAngleProblem,
    solve_pitch_angle,
    steady_pitch_angle,
)
from jaxcr.kinetic.pitch_angle.region import Region, UniformRegion
from jaxcr.kinetic.pitch_angle.time_methods import Exponential, ImplicitSteps, TimeMethod

__all__ = [
    "Exponential",
    "FiniteVolume",
    "FluxTube",
    "FreeEnd",
    "ImplicitSteps",
    "InflowEnd",
    "LegendreSeries",
    "PeriodicEnd",
    "PitchAngleEvolution",
    "PitchAngleMethod",
    "PitchAngleProblem",
    "ReflectingEnd",
    "Region",
    "TimeMethod",
    "TubeEnd",
    "UniformRegion",
    "damping_matrix",
    "field_from_focusing",
    "scattering_matrix",
    "solve_pitch_angle",
    "steady_anisotropy",
    "steady_pitch_angle",
]
