"""Maps seen in another frame: by interpolation between pixels, or exactly up to lmax."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxcr.arrays import as_float
from jaxcr.sky.harmonics.directions import evaluate_harmonics
from jaxcr.sky.harmonics.modes import check_lmax
from jaxcr.sky.harmonics.transforms import analyse
from jaxcr.sky.healpix.grid import nside_of, pixel_centers
from jaxcr.sky.healpix.interpolation import interpolate_map

Maps = Float[Array | np.ndarray, "*batch pixel"]


def rotate_map(
    map: Maps, rotation: Float[Array | np.ndarray, "3 3"], *, lmax: int | None = None
) -> Float[Array, "*batch pixel"]:
    """Return maps in the frame where new = rotation @ old.

    The value at direction n of the new map is that of the old at rotationᵀ n.

    Parameters
    ----------
    map
        (..., pixel), RING order.
    rotation
        (3, 3), orthogonal, as from `field_to_equatorial`.
    lmax
        If given, the multipoles up to lmax are rotated exactly and all above are dropped,
        0 ... 3 nside - 1. If not, bilinear interpolation.

    Returns
    -------
    (..., pixel), in units of the map.

    Raises
    ------
    ValueError
        If the pixel axis is no HEALPix size or lmax is out of range.

    Notes
    -----
    Linear in the map and differentiable by the matrix. Interpolation smooths on the scale of
    a pixel: take no C_l near l = 2 nside from its result. It equals
    ``healpy.Rotator.rotate_map_pixel``; with lmax, ``rotate_alm`` of ``map2alm(iter=3)``, in
    12 nside² (lmax + 1)² operations.
    """
    map = as_float(map)
    nside = nside_of(map.shape[-1])
    centers = jnp.asarray(pixel_centers(nside), map.dtype)
    turned = jnp.matmul(
        centers, as_float(rotation).astype(map.dtype), precision=jax.lax.Precision.HIGHEST
    )  # rows n · rotation = rotationᵀ n
    if lmax is None:
        return interpolate_map(map, turned)
    check_lmax(lmax, nside, "rotate_map: lmax")
    return evaluate_harmonics(analyse(map, nside, lmax), turned)
