"""Spectra without noise from several maps of one sky, whose noise is independent."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxcr.checks import argument_error, as_float
from jaxcr.sky.arrivals.intensity import weighted_mean
from jaxcr.sky.harmonics.spectra import real_harmonics
from jaxcr.sky.harmonics.transforms import mean_product
from jaxcr.sky.noise.levels import Samples
from jaxcr.sky.partial.estimates import SpectrumEstimate, gaussian_error


def fold_spectrum(
    samples: Samples,
    weight: Samples | None = None,
    *,
    folds: int,
    lmax: int,
    sample_variance: bool = True,
) -> SpectrumEstimate:
    """Return the mean cross spectrum of all pairs of k disjoint subsets of the orbits.

    C_l = sum_m [|sum_i a_i|² - sum_i |a_i|²] / [k (k-1) (2l+1)], a_i the modes of subset i.

    Parameters
    ----------
    samples
        dI/I of several orbits a pixel, (..., pixel, child), RING order.
    weight
        Of each orbit, 0 where it was lost, as `pixel_samples` gives both; ones if not given.
    folds
        k >= 2, a divisor of the number of children; child j is in subset j mod k.
    lmax
        As in `power_spectrum`.
    sample_variance
        Whether the error holds the scatter from sky to sky; see `gaussian_error`.

    Returns
    -------
    The `SpectrumEstimate` for l = 0 ... lmax. Its ``noise``, measured by the subsets, is that of
    the map of all orbits; nothing was subtracted.

    Raises
    ------
    ValueError
        If k does not divide the children, or as `power_spectrum`.

    Notes
    -----
    More folds use more pairs: the noise of the result falls as k / (k-1). With orbits on a
    regular sub-grid the subsets see slightly different places; with random ones they do not.
    """
    _check_folds(folds, samples.shape[-1])
    modes = real_harmonics(_fold_maps(samples, weight, folds), lmax=lmax)
    return SpectrumEstimate(np.arange(lmax + 1.0), *_estimate(modes, lmax, sample_variance))


@partial(jax.jit, static_argnames="folds")
def _fold_maps(samples: Samples, weight: Samples | None, folds: int) -> Float[Array, "..."]:
    """Return the mean map of each subset, less its mean over the sky, subsets first."""
    samples = as_float(samples)
    weight = jnp.ones_like(samples) if weight is None else as_float(weight).astype(samples.dtype)
    subsets = (*samples.shape[:-1], samples.shape[-1] // folds, folds)
    values, weight = (jnp.moveaxis(x.reshape(subsets), -1, 0) for x in (samples, weight))
    maps = weighted_mean(values, weight)
    return maps - jnp.mean(maps, axis=-1, keepdims=True)


@partial(jax.jit, static_argnames=("lmax", "sample_variance"))
def _estimate(modes: Float[Array, "fold *batch mode"], lmax: int, sample_variance: bool):
    """Return C_l, error and noise from the modes of the subsets."""
    folds = modes.shape[0]
    own = jnp.mean(mean_product(modes, modes, lmax), axis=0)
    mean = jnp.mean(modes, axis=0)
    together = mean_product(mean, mean, lmax)
    c_ell = (folds * together - own) / (folds - 1)
    noise = (own - c_ell) / folds
    level = jnp.maximum(noise, 0)
    error = gaussian_error(c_ell, level, num_folds=folds, sample_variance=sample_variance)
    return c_ell, error, noise


def _check_folds(folds: int, num_children: int) -> None:
    """Raise unless the children make that many equal subsets."""
    if folds < 2 or num_children % folds:
        raise argument_error(
            "fold_spectrum: folds",
            expected=f"2 or more, and a divisor of the {num_children} orbits a pixel",
            got=folds,
            remedy="Take the number of orbits a pixel to use all pairs of orbits.",
        )
