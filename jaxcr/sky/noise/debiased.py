"""Full-sky spectra less their noise level, with errors."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxcr.arrays import ScalarLike
from jaxcr.checks import as_float, check_range
from jaxcr.sky.harmonics.directions import direction_spectrum
from jaxcr.sky.harmonics.spectra import power_spectrum
from jaxcr.sky.noise.levels import poisson_noise
from jaxcr.sky.partial.estimates import SpectrumEstimate, gaussian_error

Maps = Float[Array | np.ndarray, "*batch pixel"]


def debiased_spectrum(
    maps: Maps,
    *,
    noise: Float[Array | np.ndarray, "*#batch"] | ScalarLike,
    lmax: int | None = None,
    sample_variance: bool = True,
) -> SpectrumEstimate:
    """Return the spectrum of full-sky maps less a known level of white noise.

    Parameters
    ----------
    maps
        dI/I, (..., pixel), RING order, neither smoothed nor masked.
    noise
        Level N_l, sr, one number or one a map: from `noise_power`, `poisson_noise`, or
        4 pi s² / N_pix for the variance s² a pixel.
    lmax
        As in `power_spectrum`.
    sample_variance
        Whether the error holds the scatter from sky to sky; see `gaussian_error`.

    Returns
    -------
    The `SpectrumEstimate` for l = 0 ... lmax; l = 0, where the mean was removed, holds 0.

    Raises
    ------
    ValueError
        As `power_spectrum`, and if a known level is negative.
    """
    check_range("debiased_spectrum: noise", noise, 0, remedy="N_l in sr, as of noise_power.")
    spectra = power_spectrum(maps, lmax=lmax)
    level = jnp.asarray(noise, spectra.dtype)[..., None]
    level = level.reshape((1,) * (spectra.ndim - level.ndim) + level.shape)
    return _less_noise(spectra, level, sample_variance)


def debiased_direction_spectrum(
    directions: Float[Array | np.ndarray, "particle xyz=3"],
    weights: Float[Array | np.ndarray, " particle"],
    *,
    lmax: int,
    sample_variance: bool = True,
) -> SpectrumEstimate:
    """Return the spectrum of weighted random directions less its Poisson level, without pixels.

    sum over i != j of w_i w_j P_l(p_i . p_j), which has no noise level: with C_l the spectrum
    of all pairs and N = 4 pi sum w² / (sum w)², it is (C_l - N) / (1 - N / 4 pi).

    Parameters
    ----------
    directions
        Unit vectors of arrival, (particle, 3), drawn independently and uniformly.
    weights
        Weight of each, (particle,), any unit.
    lmax
        Highest degree.
    sample_variance
        Whether the error holds the scatter from sky to sky; see `gaussian_error`.

    Returns
    -------
    The `SpectrumEstimate` for l = 0 ... lmax of relative intensity; l = 0 holds 0.
    """
    weights = as_float(weights)
    spectra = direction_spectrum(directions, weights, lmax=lmax)
    noise = poisson_noise(weights).astype(spectra.dtype)
    estimate = _less_noise(spectra, noise[None], sample_variance)
    share = (1 - noise / (4 * jnp.pi))[None]
    return SpectrumEstimate(
        estimate.ell, estimate.c_ell / share, estimate.error / share, estimate.noise
    )


@partial(jax.jit, static_argnames="sample_variance")
def _less_noise(spectra: Array, level: Array, sample_variance: bool) -> SpectrumEstimate:
    """Subtract the level at l >= 1 and put the error beside it."""
    degree = np.arange(spectra.shape[-1])
    seen = (degree > 0).reshape((1,) * (spectra.ndim - 1) + (-1,))
    level = jnp.where(seen, level, 0)
    c_ell = jnp.where(seen, spectra - level, 0)
    error = gaussian_error(c_ell, level, sample_variance=sample_variance)
    return SpectrumEstimate(jnp.asarray(degree, float), c_ell, error, level)
