"""What smoothing with a beam does to harmonic coefficients: a factor of a_lm."""

import math

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxcr.arrays import ScalarLike
from jaxcr.checks import as_float, check_range


def gaussian_beam(fwhm: ScalarLike, lmax: int) -> Float[Array, " ell"]:
    """Return b_l = exp[-l(l+1) sigma²/2], sigma = fwhm / sqrt(8 ln 2), of a Gaussian beam.

    Parameters
    ----------
    fwhm
        Full width at half maximum, rad, 0 ... pi.
    lmax
        Highest degree, >= 0.

    Returns
    -------
    (lmax + 1,); a_lm is multiplied by b_l, C_l by its square.

    Raises
    ------
    ValueError
        If ``fwhm`` or ``lmax`` is out of range.

    Notes
    -----
    Equal to ``healpy.gauss_beam``; right for beams small against a radian. The noise is not
    smoothed by the beam of a detector, so subtract it before dividing C_l by the square.
    """
    check_range("gaussian_beam: fwhm", fwhm, 0, math.pi, remedy="In rad: math.radians.")
    check_range("gaussian_beam: lmax", lmax, 0)
    width = as_float(fwhm)
    degree = np.arange(lmax + 1, dtype=width.dtype)
    return jnp.exp(-degree * (degree + 1) * (width**2 / (16 * math.log(2.0))))
