"""The HEALPix grid: valid sizes, pixel centres, pixels that were not observed; RING order."""

import math

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxcr.checks import argument_error, as_float, is_concrete

UNSEEN = -1.6375e30
"""What HEALPix files write for a pixel that was not observed; NaN in arrays."""


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
        grid = f", of nside {nside}" if nside and 12 * nside**2 == num_pixels else ""
        raise argument_error(
            "map: number of pixels",
            expected="12 nside² with nside a power of two",
            got=f"{num_pixels}{grid}",
            remedy=f"The nearest is {12 * nearest**2} (nside {nearest}); "
            "the pixel axis is the last one.",
        )
    return nside


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


def without_unseen(maps: Float[Array | np.ndarray, "..."]) -> Float[Array, "..."]:
    """Return maps as floats, NaN where the value says that the pixel was not observed."""
    maps = as_float(maps)
    if is_concrete(maps) and np.min(np.asarray(maps), initial=0) > UNSEEN / 2:
        return maps  # as almost all are, without a program of its own
    return _marked(maps)


@jax.jit
def _marked(maps: Float[Array, "..."]) -> Float[Array, "..."]:
    return jnp.where(jnp.abs(maps - UNSEEN) < 1e-5 * abs(UNSEEN), jnp.nan, maps)


def whole_maps(name: str, maps: Float[Array | np.ndarray, "..."]) -> Float[Array, "..."]:
    """Return maps as floats; raise where a pixel is known not to be observed."""
    maps = without_unseen(maps)
    bad = int(np.sum(~np.isfinite(np.asarray(maps)))) if is_concrete(maps) else 0
    if bad:
        raise argument_error(
            name,
            expected="a finite value in every pixel",
            got=f"{bad} pixels that are NaN, UNSEEN, masked or infinite",
            remedy="For a part of the sky take pseudo_spectrum with a SkyWindow, and fit_dipole, "
            "remove_multipoles or top_hat_smooth, which leave such pixels out.",
        )
    return maps
