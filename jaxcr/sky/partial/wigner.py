"""The mixing matrix of a mask alone, from its power spectrum."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxcr.checks import check_one_of
from jaxcr.sky.partial.declination import pixel_weights
from jaxcr.sky.partial.mixing import checked_degrees
from jaxcr.sky.partial.pseudo import plain_spectrum
from jaxcr.sky.partial.window import SkyWindow


def wigner_mixing_matrix(
    window: SkyWindow, *, lmax: int, lmax_in: int | None = None, exposure_weighted: bool = False
) -> Float[Array, "ell ell_in"]:
    """Return the mixing matrix of a mask alone, no mean removed, at any resolution.

    M_ll' = (2l'+1) / 4 pi sum_L (2L+1) W_L (l l' L; 0 0 0)², with W_L the spectrum of the mask.

    Parameters
    ----------
    window, lmax, lmax_in, exposure_weighted
        As in `mixing_matrix`; the window may depend on right ascension, and ``m0_blind`` must
        be False.

    Raises
    ------
    ValueError
        If a degree is out of range or the window is blind to m = 0.

    Notes
    -----
    Source: Hivon et al. 2002, ApJ 567, 2, equation A31. W_L is known up to 3 nside - 1 only, so
    that a sharp edge is followed less well than by `mixing_matrix`.
    """
    remedy = "Take mixing_matrix: without m = 0 the orders are not alike."
    check_one_of(
        "wigner_mixing_matrix: m0_blind of the window", window.m0_blind, [False], remedy=remedy
    )
    lmax_in = checked_degrees(window, lmax, lmax_in)
    highest = min(lmax + lmax_in, 3 * window.nside - 1)
    weight = jnp.asarray(pixel_weights(window, exposure_weighted))
    power = np.asarray(plain_spectrum(weight, window.nside, highest), float)
    degree = np.arange(highest + 1)
    rows = []
    for l in range(lmax + 1):
        square = _wigner_squares(l, np.arange(lmax_in + 1)[:, None], degree[None])
        rows.append(square @ ((2 * degree + 1) * power))
    matrix = np.stack(rows) * (2 * np.arange(lmax_in + 1) + 1) / (4 * np.pi)
    return jnp.asarray(matrix)


def _wigner_squares(first: int, second: np.ndarray, third: np.ndarray) -> np.ndarray:
    """Return (a b c; 0 0 0)² from its closed form, 0 where the triangle or the parity forbids."""
    from scipy.special import gammaln

    total = first + second + third
    sides = (total - 2 * first, total - 2 * second, total - 2 * third)
    allowed = (total % 2 == 0) & (np.minimum(np.minimum(sides[0], sides[1]), sides[2]) >= 0)
    logarithm = 2 * gammaln(total / 2 + 1) - gammaln(total + 2)
    for side in sides:
        safe = np.where(allowed, side, 0)
        logarithm = logarithm + gammaln(safe + 1) - 2 * gammaln(safe / 2 + 1)
    return np.where(allowed, np.exp(logarithm), 0.0)
