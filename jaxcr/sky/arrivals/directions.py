"""Arrival directions: the pixel centres of a finer grid, grouped by the pixel they lie in."""

import math

import numpy as np
from jaxtyping import Bool, Float

from jaxcr.arrays import argument_error
from jaxcr.sky.healpix.grid import check_nside


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
    check_per_pixel(per_pixel, "refined_directions: per_pixel")
    factor = math.isqrt(per_pixel)
    parent = healpy.ring2nest(nside, np.arange(12 * nside**2))
    child = parent[:, None] * per_pixel + np.arange(per_pixel)
    return np.stack(healpy.pix2vec(nside * factor, child, nest=True), axis=-1)


def first_half(per_pixel: int) -> Bool[np.ndarray, " child"]:
    """Return which children of a pixel belong to the first of two disjoint halves.

    The halves are the two colours of a chessboard, so that both have the centre of the pixel
    as their mean and a gradient of the map does not tell them apart.
    """
    check_per_pixel(per_pixel, "half-maps: per_pixel", halves=True)
    index = np.arange(per_pixel)
    return ((index ^ (index >> 1)) & 1) == 0


def check_per_pixel(per_pixel: int, name: str, *, halves: bool = False) -> None:
    """Raise ``ValueError`` unless ``per_pixel`` is a power of four.

    Parameters
    ----------
    name
        The argument as the caller wrote it, for the message.
    halves
        Whether the orbits are to be split in two disjoint halves, which takes 4 or more.
    """
    factor = math.isqrt(max(per_pixel, 0))
    least = 4 if halves else 1
    if per_pixel < least or factor**2 != per_pixel or factor & (factor - 1):
        raise argument_error(
            name,
            expected="a power of four, 4, 16, ..." if halves else "a power of four: 1, 4, 16, ...",
            got=per_pixel,
            remedy="4 gives two disjoint halves of two orbits in each pixel.",
        )
