"""Arrival directions: the pixel centres of a finer grid, grouped by the pixel they lie in."""

import math

import numpy as np
from jaxtyping import Bool, Float

from jaxcr.arrays import argument_error
from jaxcr.sky.healpix import check_nside


def refined_directions(nside: int, per_pixel: int) -> Float[np.ndarray, "pixel child xyz=3"]:
    """Return ``per_pixel`` directions inside each pixel: the centres of its HEALPix children.

    Parameters
    ----------
    nside
        Resolution of the map, RING order.
    per_pixel
        1, 4, 16, ...: a power of four.

    Raises
    ------
    ValueError
        If ``nside`` is not a power of two or ``per_pixel`` not a power of four.
    """
    import healpy

    check_nside(nside, "refined_directions: nside")
    factor = math.isqrt(max(per_pixel, 0))
    if factor < 1 or factor**2 != per_pixel or factor & (factor - 1):
        raise argument_error(
            "refined_directions: per_pixel",
            expected="a power of four: 1, 4, 16, ...",
            got=per_pixel,
            remedy="4 gives two disjoint halves of two orbits in each pixel.",
        )
    parent = healpy.ring2nest(nside, np.arange(12 * nside**2))
    child = parent[:, None] * per_pixel + np.arange(per_pixel)
    return np.stack(healpy.pix2vec(nside * factor, child, nest=True), axis=-1)


def first_half(per_pixel: int) -> Bool[np.ndarray, " child"]:
    """Return which children of a pixel belong to the first of two disjoint halves.

    The halves are the two colours of a chessboard, so that both have the centre of the pixel
    as their mean and a gradient of the map does not tell them apart.
    """
    if per_pixel < 4:
        raise argument_error(
            "half-maps: per_pixel",
            expected="at least 4",
            got=per_pixel,
            remedy="Back-track with per_pixel=4 to split the orbits in two disjoint halves.",
        )
    index = np.arange(per_pixel)
    return ((index ^ (index >> 1)) & 1) == 0
