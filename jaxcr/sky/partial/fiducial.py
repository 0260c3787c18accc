"""A smooth spectrum of the sky from a binned one, for a second deconvolution."""

import numpy as np
from jaxtyping import Array, Float

from jaxcr.checks import argument_error, check_finite, check_range
from jaxcr.sky.healpix.rings import on_host
from jaxcr.sky.partial.estimates import SpectrumEstimate
from jaxcr.sky.theory.cascade import cascade_spectrum

_LEAST_SHARE = 0.5  # of C_l in its error; a dipole seen without m = 0 scatters by its own size


def fiducial_from(estimate: SpectrumEstimate, lmax: int) -> Float[np.ndarray, " ell"]:
    """Return a smooth C_l through the bins of a first deconvolution, the shape for a second one.

    Interpolated in log C_l over log l relative to 1 / [(2l+1)(l+1)(l+2)], the law of
    `cascade_spectrum`, which continues it below the first bin and as l^-3 beyond the last.

    Parameters
    ----------
    estimate
        Of `deconvolve_spectrum` or `debiased_spectrum`; of several skies the mean is taken.
    lmax
        Highest degree, >= 1: the ``lmax_in`` of the coupling.

    Returns
    -------
    (lmax + 1,), sr, positive from l = 1 on, 0 at l = 0.

    Raises
    ------
    ValueError
        If lmax is below 1, no bin is positive or a number is not finite.

    Notes
    -----
    Bins below half their error, which hold mostly noise, are left out; where all are, the best
    one stays. On the host, so that the result counts as a constant in derivatives.
    Through the window of IceCube in bins of three degrees, a bias of 0.5 errors of one sky (the
    cascade) or 0.7 (a flat spectrum) falls to 0.1.
    """
    check_finite("fiducial_from: c_ell of the estimate", estimate.c_ell)
    check_range("fiducial_from: error of the estimate", estimate.error, 0)
    c_ell, error = _mean_over_skies(estimate)
    degree = np.asarray(estimate.ell, float)
    positive = (degree > 0) & (c_ell > 0)
    if not np.any(positive):
        raise argument_error(
            "fiducial_from: estimate",
            expected="at least one positive bin",
            got=f"none of {degree.size}",
            remedy="Take wider bins, or give a model of the sky as fiducial.",
        )
    share = np.where(positive, c_ell, 0) / np.where(error > 0, error, 1e-300)
    used = positive & (share >= min(_LEAST_SHARE, np.max(share)))
    law = np.asarray(cascade_spectrum(lmax), float)
    ratio = np.log(c_ell[used] / _law(degree[used]))
    ell = np.maximum(np.arange(lmax + 1), 1)
    return law * np.exp(np.interp(np.log(ell), np.log(degree[used]), ratio))


def _mean_over_skies(
    estimate: SpectrumEstimate,
) -> tuple[Float[np.ndarray, " bin"], Float[np.ndarray, " bin"]]:
    """Return the mean of the spectra (..., bin) and its error."""
    rows = on_host("fiducial_from: c_ell of the estimate", estimate.c_ell)
    rows = rows.reshape(-1, rows.shape[-1])
    error = on_host("fiducial_from: error of the estimate", estimate.error).reshape(
        -1, rows.shape[1]
    )
    return rows.mean(axis=0), np.sqrt(np.mean(error**2, axis=0) / len(rows))


def _law(degree: Float[Array | np.ndarray, " bin"]) -> Float[np.ndarray, " bin"]:
    """Return 18 / [(2l+1)(l+1)(l+2)] between whole degrees."""
    return 18 / ((2 * degree + 1) * (degree + 1) * (degree + 2))
