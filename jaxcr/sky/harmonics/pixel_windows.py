"""What the size of a HEALPix pixel does to harmonic coefficients: a factor of a_lm.

The mean of a harmonic over a pixel, squared and averaged over the 2l+1 orders, is the mean of
P_l over all pairs of points of the pixel. P_l is a polynomial in (1 - cosine)/2, so that the
moments of that over the pairs give all l at once.
"""

from functools import lru_cache

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxcr.sky.harmonics.modes import check_lmax
from jaxcr.sky.healpix.grid import check_nside

_POINTS = 6  # of a Gauss-Legendre rule along each side of a pixel
_SAMPLE = 64  # pixels along the side of a base face; more differ from their neighbours by 1e-5
_MOMENTS = 40  # of l² (pixel size)² / 4 < 10; the last term is below 1e-20


def pixel_window(nside: int, lmax: int) -> Float[Array, " ell"]:
    """Return the factor w_l by which the mean over a HEALPix pixel damps a_lm.

    Parameters
    ----------
    nside
        Resolution, a power of two.
    lmax
        Highest degree, 0 ... 3 nside - 1.

    Returns
    -------
    (lmax + 1,); C_l of a map of counts is that of the sky times the square. A map traced at the
    pixel centres alone has no window.

    Raises
    ------
    ValueError
        If ``nside`` or ``lmax`` is out of range.

    Notes
    -----
    w_l² is the average over the pixels and orders, of pixels whose shapes differ. Within 2e-5
    of the tables behind ``healpy.pixwin`` (nside 4 ... 256; 8e-5 at nside 2), which have to be
    downloaded. Up to 3 s, once a size. Source: Gorski et al. 2005, ApJ 622, 759, sec. 3 and 5.
    """
    check_nside(nside, "pixel_window: nside")
    check_lmax(lmax, nside, "pixel_window: lmax")
    l = np.arange(lmax + 1.0)
    window, coefficient = np.zeros_like(l), np.ones_like(l)
    for k, moment in enumerate(_pair_moments(nside)):
        window += coefficient * moment
        coefficient *= (k - l) * (l + 1 + k) / (k + 1) ** 2  # of P_l in powers of (1 - x)/2
    return jnp.asarray(np.sqrt(window), dtype=jnp.result_type(float))


@lru_cache(maxsize=8)
def _pair_moments(nside: int) -> Float[np.ndarray, " moment"]:
    """Return the mean of [(1 - cosine)/2]^k over the pairs of points of one pixel, over pixels.

    North and south are mirror images: a polar face stands for 8, an equatorial one for 4.
    """
    sample = min(nside, _SAMPLE)
    nodes, share = np.polynomial.legendre.leggauss(_POINTS)
    offset_x, offset_y = (axis.ravel() / (2 * nside) for axis in np.meshgrid(nodes, nodes))
    weight = np.outer(share, share).ravel() / 4
    pairs = np.outer(weight, weight).ravel()
    middle = (np.arange(sample) + 0.5) / sample
    moments = np.zeros(_MOMENTS)
    for polar, faces in ((True, 8), (False, 4)):
        for x in middle:
            points = _face_vectors(x + offset_x, middle[:, None] + offset_y, polar)
            gap = np.sum((points[:, :, None] - points[:, None]) ** 2, axis=-1) / 4
            power = pairs * np.ones((sample, 1))
            for k in range(_MOMENTS):
                moments[k] += faces / 12 * np.sum(power) / sample**2
                power *= gap.reshape(sample, -1)
    return moments


def _face_vectors(
    x: Float[np.ndarray, "..."], y: Float[np.ndarray, "..."], polar: bool
) -> Float[np.ndarray, "... xyz"]:
    """Return the unit vectors of equal-area coordinates 0 ... 1 in a polar or equatorial face."""
    row = (2 if polar else 3) - (x + y)  # rings from the north pole, over nside
    cap = np.where(polar & (row < 1), row, 1)
    z = np.where(cap < 1, 1 - cap**2 / 3, (2 - row) * (2 / 3))
    angle = np.pi / 4 * (x - y) / cap
    radius = np.sqrt(1 - z**2)
    return np.stack([radius * np.cos(angle), radius * np.sin(angle), z], axis=-1)
