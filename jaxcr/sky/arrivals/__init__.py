"""From an observer's directions back to the boundary, and the intensity from there."""

from jaxcr.sky.arrivals.backtrack import Arrivals, backtrack
from jaxcr.sky.arrivals.boundaries import (
    BoundaryDistribution,
    ConvectionBoundary,
    DipoleBoundary,
    FunctionBoundary,
    GradientBoundary,
    QuasiSteadyBoundary,
    SumBoundary,
    TrapBoundary,
)
from jaxcr.sky.arrivals.directions import (
    check_per_pixel,
    jittered_directions,
    random_directions,
    refined_directions,
)
from jaxcr.sky.arrivals.energies import Composition, Energies, EnergyResponse, draw_energies
from jaxcr.sky.arrivals.intensity import (
    arrival_weights,
    counting_map,
    half_maps,
    intensity_error,
    intensity_map,
    pixel_samples,
)
from jaxcr.sky.arrivals.null_tests import NullTests, run_null_tests
from jaxcr.sky.arrivals.realisations import realisation_spectra
from jaxcr.sky.arrivals.transfer import transfer_tensor

__all__ = [
    "Arrivals",
    "BoundaryDistribution",
    "Composition",
    "ConvectionBoundary",
    "DipoleBoundary",
    "Energies",
    "EnergyResponse",
    "FunctionBoundary",
    "GradientBoundary",
    "NullTests",
    "QuasiSteadyBoundary",
    "SumBoundary",
    "TrapBoundary",
    "arrival_weights",
    "backtrack",
    "check_per_pixel",
    "counting_map",
    "draw_energies",
    "half_maps",
    "intensity_error",
    "intensity_map",
    "jittered_directions",
    "pixel_samples",
    "random_directions",
    "realisation_spectra",
    "refined_directions",
    "run_null_tests",
    "transfer_tensor",
]
