"""The HEALPix grid on the host: valid sizes and pixel centres, RING order throughout."""

import math

import numpy as np
from jaxtyping import Float

from jaxcr.checks import argument_error, checked


@checked
def check_nside(nside: int, name: str) -> None:
    """Raise ``ValueError`` unless ``nside`` is a power of two, 1, 2, 4, ...

    Parameters
    ----------
    nside
        Resolution of the grid; it has 12 nside² pixels.
    name
        The argument as the caller wrote it, for the message.
    """
    if nside < 1 or nside & (nside - 1):
        nearest = 2 ** round(math.log2(max(nside, 1)))
        raise argument_error(
            name, expected="a power of two >= 1", got=nside, remedy=f"The nearest is {nearest}."
        )


@checked
def nside_of(num_pixels: int) -> int:
    """Return the nside whose grid has ``num_pixels`` = 12 nside² pixels.

    Raises
    ------
    ValueError
        If no power of two has that many pixels.
    """
    nside = math.isqrt(max(num_pixels, 0) // 12)
    if nside < 1 or nside & (nside - 1) or 12 * nside**2 != num_pixels:
        nearest = 2 ** max(0, round(math.log2(max(num_pixels, 1) / 12) / 2))
        raise argument_error(
            "map: number of pixels",
            expected="12 nside² with nside a power of two",
            got=num_pixels,
            remedy=f"The nearest is {12 * nearest**2} (nside {nearest}); "
            "the pixel axis is the last one.",
        )
    return nside


@checked
def pixel_centers(nside: int) -> Float[np.ndarray, "pixel xyz=3"]:
    """Return the unit vectors of the pixel centres, (pixel, 3), RING order.

    Raises
    ------
    ValueError
        If ``nside`` is not a power of two.

    Notes
    -----
    Runs on the host in NumPy, in float64, and equals ``healpy.pix2vec``.
    Source: Gorski et al. 2005, ApJ 622, 759, section 5.
    """
    from jaxcr.sky.healpix.pixels import pixel_direction  # which imports this module

    check_nside(nside, "pixel_centers: nside")
    return pixel_direction(nside, np.arange(12 * nside**2))
