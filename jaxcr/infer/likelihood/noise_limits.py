"""Multipoles under the noise: which they are, and their upper limits."""

import numpy as np
from jaxtyping import Float

from jaxcr.checks import check_one_of, check_range
from jaxcr.observed.data import SpectrumData


def noise_error(data: SpectrumData) -> Float[np.ndarray, " ell"]:
    """Return the standard deviation of C_l from noise alone, sr ``(ell,)``.

    sqrt(2/modes) N_l, with 2l+1 modes of each sky, 2l where a_l0 was lost.
    """
    ell = np.asarray(data.ell)
    modes = data.num_skies * (2 * ell if data.m0_blind else 2 * ell + 1)
    return np.sqrt(2 / modes) * np.asarray(data.noise)


def noise_limits(data: SpectrumData, significance: float = 2.0) -> Float[np.ndarray, " ell"]:
    """Return the levels below which C_l counts as an upper limit, for ``limits`` of likelihoods.

    Parameters
    ----------
    data
        Debiased C_l.
    significance
        Levels in sigma of the noise.

    Returns
    -------
    Levels in sr, ``(ell,)``.

    Raises
    ------
    ValueError
        When the noise was not subtracted, or every multipole is under its level.

    Notes
    -----
    A level that does not depend on the measured value keeps the mean score at zero (Tobin,
    Econometrica 26 (1958) 24); ln Phi((measured - model)/sigma) would pull every model down.
    """
    check_one_of("noise_limits: data.debiased", data.debiased, [True], remedy="Subtract the noise.")
    levels = significance * noise_error(data)
    bright = np.count_nonzero(~(np.asarray(data.c_ell) < levels))
    check_range(
        f"noise_limits: C_l above {significance:g} sigma", bright, 1, remedy="Average more skies."
    )
    return levels
