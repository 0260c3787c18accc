"""The HEALPix grid: numbering, centres, the pixel of a direction, interpolation."""

from jaxcr.sky.healpix.grid import check_nside, nside_of, pixel_centers
from jaxcr.sky.healpix.interpolation import interpolate_map, interpolation_weights
from jaxcr.sky.healpix.nested import nest_to_ring, ring_to_nest
from jaxcr.sky.healpix.pixels import containing_pixel, pixel_direction

__all__ = [
    "check_nside",
    "containing_pixel",
    "interpolate_map",
    "interpolation_weights",
    "nest_to_ring",
    "nside_of",
    "pixel_centers",
    "pixel_direction",
    "ring_to_nest",
]
