"""The rings of constant declination of a HEALPix grid."""

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from jaxcr.sky.healpix.grid import check_nside


class Rings(NamedTuple):
    """The 4 nside - 1 rings, from north to south; their pixels are consecutive in RING order."""

    size: Int[np.ndarray, " ring"]
    sine: Float[np.ndarray, " ring"]  # of the declination
    colatitude: Float[np.ndarray, " ring"]  # rad
    of_pixel: Int[np.ndarray, " pixel"]


@lru_cache(maxsize=16)
def rings(nside: int) -> Rings:
    """Return pixel number and place of each ring, and the ring of each pixel (read-only).

    Notes
    -----
    Source: Gorski et al. 2005, ApJ 622, 759, equations 4 and 8. The colatitude of a polar ring
    is taken from the half angle, which keeps its relative precision at the pole.
    """
    check_nside(nside, "rings: nside")
    cap = np.arange(1, nside)
    belt = np.arange(nside, 3 * nside + 1)
    size = np.concatenate([4 * cap, np.full(belt.size, 4 * nside), 4 * cap[::-1]])
    polar = 2 * np.arcsin(cap / (np.sqrt(6) * nside))
    colatitude = np.concatenate(
        [polar, np.arccos(4 / 3 - 2 * belt / (3 * nside)), np.pi - polar[::-1]]
    )
    table = Rings(size, np.cos(colatitude), colatitude, np.repeat(np.arange(size.size), size))
    for array in table:
        array.setflags(write=False)
    return table


def ring_legendre(nside: int, lmax: int, lmax_in: int) -> Float[np.ndarray, "order ell ring"]:
    """Return the normalised Y_lm at phi = 0 on the rings: m up to lmax, l up to the higher."""
    from scipy.special import sph_legendre_p_all

    highest = max(lmax, lmax_in)
    values = sph_legendre_p_all(highest, lmax, rings(nside).colatitude)[0]
    return values[:, : lmax + 1].transpose(1, 0, 2).copy()
