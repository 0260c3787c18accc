"""Spectra of the whole sky from pseudo-spectra, and back."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxcr.checks import check_shape
from jaxcr.sky.partial.binned_mixing import BinMatrices, bin_matrices, check_matrices
from jaxcr.sky.partial.bins import SpectrumBins
from jaxcr.sky.partial.coupling import PseudoCoupling, dot
from jaxcr.sky.partial.estimates import SpectrumEstimate

Spectra = Float[Array | np.ndarray, "*batch ell"]
Variance = Float[Array | np.ndarray, "*#batch pixel"]


@jax.jit
def forward_spectrum(
    c_ell: Float[Array | np.ndarray, "*batch ell_in"], coupling: PseudoCoupling
) -> Float[Array, "*batch ell"]:
    """Return the mean pseudo-spectrum of skies with these spectra, without noise.

    Parameters
    ----------
    c_ell
        (..., ell), sr, from l = 0 to any degree; zero is taken above, and degrees above the
        coupling's ``lmax_in`` are left out.
    coupling
        From `pseudo_coupling`.

    Notes
    -----
    The way to compare a model with a measured pseudo-spectrum: nothing is inverted, and no power
    within a bin is guessed. Differentiable by the spectrum.
    """
    c_ell = jnp.asarray(c_ell)
    num = min(c_ell.shape[-1], coupling.lmax_in + 1)
    matrix = coupling.mixing_matrix[:, :num].astype(c_ell.dtype)
    return dot(c_ell[..., :num], matrix.T)


def deconvolve_spectrum(
    spectra: Spectra,
    coupling: PseudoCoupling,
    bins: SpectrumBins,
    *,
    variance: Variance | None = None,
    fiducial: Float[Array | np.ndarray, " ell_in"] | None = None,
    largest_condition: float | int = 1e6,
) -> SpectrumEstimate:
    """Return the binned spectrum of the whole sky behind pseudo-spectra.

    Parameters
    ----------
    spectra
        Pseudo-spectra, (..., ell), of the degrees of the coupling.
    coupling, bins
        From `pseudo_coupling`; the bins of the result and of the inversion.
    variance
        Of the map, (..., pixel) or (pixel,): its noise is subtracted. None for maps without.
    fiducial
        (ell,) of the sky, sr: its shape inside the bins, its power outside the bins, which is
        subtracted, and its covariance. If not given: flat bins, no power outside, and the
        covariance of the result itself.
    largest_condition
        Of the binned mixing matrix.

    Returns
    -------
    The `SpectrumEstimate` with its covariance, C_l averaged over each bin with weights 2l+1.

    Raises
    ------
    ValueError
        If the shapes do not fit, or the matrix has a larger condition number.

    Notes
    -----
    Unbiased if the shape is right; a steep spectrum in flat bins is not (8 standard errors of
    500 skies at l = 4-6 for `cascade_spectrum`): `fiducial_from` gives a shape for a second call.
    Power below the first bin leaks: begin at l = 1.
    Source: Hivon et al. 2002, ApJ 567, 2; the covariance is that of `PseudoCoupling`.
    """
    spectra = jnp.asarray(spectra)
    shape = (*spectra.shape[:-1], coupling.lmax + 1)
    remedy = "Make the coupling for the lmax of the pseudo-spectrum."
    check_shape("deconvolve_spectrum: spectra", spectra, shape, remedy=remedy)
    if variance is not None:
        shape = (*variance.shape[:-1], coupling.sample_of_pixel.size)
        check_shape("deconvolve_spectrum: variance", variance, shape)
    fiducial = _checked_fiducial(fiducial, coupling)
    matrices = bin_matrices(coupling, bins, fiducial)
    check_matrices(matrices, bins, largest_condition)
    return _deconvolved(spectra, coupling, bins, matrices, variance, fiducial)


@jax.jit
def _deconvolved(
    spectra: Array,
    coupling: PseudoCoupling,
    bins: SpectrumBins,
    matrices: BinMatrices,
    variance: Variance | None,
    fiducial: Array | None,
) -> SpectrumEstimate:
    """Subtract noise and outside power, and invert the binned matrix."""
    working = spectra.astype(coupling.response.dtype)
    inverse = jnp.linalg.solve(matrices.binned, matrices.average)  # (bin, ell)
    noise = _noise(coupling, variance, working)
    expected = _row(dot(coupling.mixing_matrix, matrices.outside), working)
    measured = dot(working - noise - expected, inverse.T)
    of_spectrum = _bin_covariance(coupling, inverse)
    if fiducial is None:
        covariance = _own_covariances(of_spectrum, matrices.shape, measured, variance)
    else:
        covariance = of_spectrum(fiducial, _mean_variance(variance))
    estimate = SpectrumEstimate(
        ell=jnp.asarray(bins.degrees),
        c_ell=measured,
        error=jnp.sqrt(jnp.diagonal(covariance, axis1=-2, axis2=-1)),
        noise=dot(noise, inverse.T),
        covariance=covariance,
    )
    return jax.tree.map(lambda x: x.astype(spectra.dtype), estimate)


def _checked_fiducial(
    fiducial: Float[Array | np.ndarray, " ell_in"] | None, coupling: PseudoCoupling
) -> Array | None:
    """Return the fiducial as an array of the degrees of the sky."""
    if fiducial is None:
        return None
    shape, remedy = (coupling.lmax_in + 1,), "Pad it with zeros or cut it."
    check_shape("deconvolve_spectrum: fiducial", fiducial, shape, remedy=remedy)
    return jnp.asarray(fiducial, coupling.response.dtype)


def _noise(coupling: PseudoCoupling, variance: Variance | None, spectra: Array) -> Array:
    """Return the pseudo-spectrum of the noise, of the rank of the spectra."""
    if variance is None:
        return jnp.zeros((1,) * (spectra.ndim - 1) + spectra.shape[-1:], spectra.dtype)
    noise = coupling.noise_spectrum(variance)
    return noise.reshape((1,) * (spectra.ndim - noise.ndim) + noise.shape)


def _bin_covariance(coupling: PseudoCoupling, inverse: Array) -> Callable:
    """Return the function from the spectrum of the sky and the noise to the covariance of bins."""

    def covariance(c_ell, variance):
        return dot(dot(inverse, coupling.covariance(c_ell, variance)), inverse.T)

    return covariance


def _own_covariances(
    of_spectrum: Callable, shape: Array, measured: Array, variance: Variance | None
) -> Array:
    """Return the covariance of each result, with the result as the spectrum of the sky."""
    flat = measured.reshape(-1, measured.shape[-1])
    skies = dot(jnp.maximum(flat, 0), shape.T)
    if variance is None:
        rows = jax.lax.map(lambda sky: of_spectrum(sky, None), skies)
    else:
        pixels = variance.shape[-1]
        each = jnp.broadcast_to(variance, (*measured.shape[:-1], pixels)).reshape(-1, pixels)
        rows = jax.lax.map(lambda both: of_spectrum(*both), (skies, each))
    return rows.reshape(*measured.shape, measured.shape[-1])


def _mean_variance(variance: Variance | None) -> Array | None:
    """Return the variance of each pixel, averaged over the maps."""
    return None if variance is None else jnp.mean(variance.reshape(-1, variance.shape[-1]), axis=0)


def _row(values: Array, like: Array) -> Array:
    """Return a vector with the rank of ``like``, along its last axis."""
    return values.reshape((1,) * (like.ndim - 1) + (-1,))
