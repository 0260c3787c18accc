"""From an observer's directions back to the boundary, and the intensity from there."""

from jaxcr.sky.arrivals.backtrack import (
    Arrivals,
    backtrack,
    half_maps,
    intensity_map,
    pixel_samples,
)
from jaxcr.sky.arrivals.boundaries import (
    BoundaryDistribution,
    DipoleBoundary,
    FunctionBoundary,
    TrapBoundary,
)
from jaxcr.sky.arrivals.directions import check_per_pixel, refined_directions
from jaxcr.sky.arrivals.transfer import transfer_tensor

__all__ = [
    "Arrivals",
    "BoundaryDistribution",
    "DipoleBoundary",
    "FunctionBoundary",
    "TrapBoundary",
    "backtrack",
    "check_per_pixel",
    "half_maps",
    "intensity_map",
    "pixel_samples",
    "refined_directions",
    "transfer_tensor",
]
