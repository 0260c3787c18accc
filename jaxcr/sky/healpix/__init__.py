"""The HEALPix grid: numbering, centres, the pixel of a direction, interpolation."""

from jaxcr.sky.healpix.grid import check_nside, nside_of, pixel_centers

__all__ = [
    "check_nside",
    "nside_of",
    "pixel_centers",
]
