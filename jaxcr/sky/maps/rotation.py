"""Maps seen in another frame: by interpolation between pixels, or exactly up to lmax."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxcr.checks import as_float, check_range, is_concrete
from jaxcr.sky.harmonics.directions import evaluate_harmonics
from jaxcr.sky.harmonics.modes import check_lmax
from jaxcr.sky.harmonics.transforms import analyse
from jaxcr.sky.healpix.grid import nside_of, pixel_centers, whole_maps, without_unseen
from jaxcr.sky.healpix.interpolation import interpolate_map

Maps = Float[Array | np.ndarray, "*batch pixel"]

_LARGEST_SKEW = 1e-5  # round-off of float32 is 1e-6


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
        0 ... 3 nside - 1. If not, bilinear interpolation, NaN next to pixels not observed.

    Returns
    -------
    (..., pixel), in units of the map.

    Raises
    ------
    ValueError
        If the pixel axis is no HEALPix size, lmax is out of range or given for a map with pixels
        that were not observed, or the matrix is known and not orthogonal.

    Notes
    -----
    Linear in the map and differentiable by the matrix. Interpolation smooths on the scale of
    a pixel: take no C_l near l = 2 nside from its result. It equals
    ``healpy.Rotator.rotate_map_pixel``; with lmax, ``rotate_alm`` of ``map2alm(iter=3)``, in
    12 nside² (lmax + 1)² operations.
    """
    nside = nside_of(map.shape[-1])
    _check_rotation(rotation)
    map = without_unseen(map)
    centers = jnp.asarray(pixel_centers(nside), map.dtype)
    turned = jnp.matmul(
        centers, as_float(rotation).astype(map.dtype), precision=jax.lax.Precision.HIGHEST
    )  # rows n · rotation = rotationᵀ n
    if lmax is None:
        return interpolate_map(map, turned)
    check_lmax(lmax, nside, "rotate_map: lmax")
    return evaluate_harmonics(analyse(whole_maps("rotate_map: map", map), nside, lmax), turned)


def _check_rotation(rotation: Float[Array | np.ndarray, "3 3"]) -> None:
    """Raise ``ValueError`` if a matrix that is known does not keep lengths and angles."""
    if not is_concrete(rotation):
        return
    matrix = np.asarray(rotation, float)
    error = np.max(np.abs(matrix @ matrix.T - np.eye(3)))
    remedy = "Make it with field_to_equatorial or rotation_from_axes."
    expected = f"an orthogonal matrix, its product with its transpose off by < {_LARGEST_SKEW:g}"
    check_range("rotate_map: rotation", error, 0, _LARGEST_SKEW, expected=expected, remedy=remedy)
