"""Skies of a known spectrum: the estimates have no bias, and their errors are right."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from jaxcr.sky.harmonics import evaluate_harmonics
from jaxcr.sky.harmonics.modes import mode_degrees, synthesis_matrix
from jaxcr.sky.noise import debiased_direction_spectrum
from jaxcr.sky.partial import icecube_window, observe, pseudo_coupling, uniform_bins
from jaxcr.sky.theory import cascade_spectrum

skies = pytest.mark.parametrize("num", [80, pytest.param(500, marks=pytest.mark.slow)])


def gaussian_modes(rng, c_ell, num):
    """Return the real modes of Gaussian skies with a spectrum."""
    degrees = mode_degrees(len(c_ell) - 1)
    return rng.standard_normal((num, degrees.size)) * np.sqrt(c_ell[degrees])


def check(estimate, error, true):
    """Check bias bin by bin, bias of all together, and coverage, over skies (sky, bin)."""
    num, num_bins = estimate.shape
    mean = np.mean(estimate, axis=0) - true
    z = mean / np.std(estimate, axis=0, ddof=1) * np.sqrt(num)
    # 4.2: by chance once in 1000 tries of 32 bins.
    assert np.max(np.abs(z)) < 4.2
    # Hotelling's T²: chi² of the means with the covariance found in the skies themselves.
    square = num * mean @ np.linalg.solve(np.cov(estimate.T), mean)
    share = (num - num_bins) / (num_bins * (num - 1))
    assert stats.f.sf(square * share, num_bins, num - num_bins) > 1e-3
    # 68 % errors. A share of n numbers has the error sqrt(0.68 0.32 / n); its neighbouring bins
    # being correlated, n is taken as the number of skies, times 4 for 10 bins and more: 1 % for
    # 500 skies. 5 %: also room for chi² of few degrees of freedom.
    assert 0.63 < np.mean(np.abs(estimate - true) < error) < 0.73


@skies
def test_weighted_random_directions(num, rng):
    c_ell = 0.05 * np.asarray(cascade_spectrum(16))  # 0.19 rms; Poisson level 6e-3
    modes = jnp.asarray(gaussian_modes(rng, c_ell, num))
    points = rng.standard_normal((num, 2000, 3))
    points = jnp.asarray(points / np.linalg.norm(points, axis=-1, keepdims=True))

    @jax.jit
    def analyse(mode, directions):
        weights = 1 + evaluate_harmonics(mode, directions)
        found = debiased_direction_spectrum(directions, weights, lmax=16)
        return found.c_ell, found.error, found.noise

    found = [analyse(m, p) for m, p in zip(modes, points, strict=True)]
    estimate, error, noise = (np.asarray([x[i] for x in found])[:, 1:] for i in range(3))
    check(estimate, error, c_ell[1:])
    # A wrong level would be seen: 10 % of it is more than 4.2 errors of the mean.
    with pytest.raises(AssertionError):
        check(estimate + 0.1 * noise, error, c_ell[1:])


@skies
def test_icecube_window_without_declination_means(num, rng):
    window = icecube_window(16)
    c_ell = 3e-4 * np.asarray(cascade_spectrum(47))
    maps = gaussian_modes(rng, c_ell, num) @ synthesis_matrix(16, 47)
    sky = observe(maps, window, num_events=1e7)  # noise: 60 % of the power at l = 15
    coupling, bins = pseudo_coupling(window, lmax=32), uniform_bins(1, 32, 3)
    found = sky.spectrum(coupling, bins, fiducial=c_ell).estimate
    error = np.broadcast_to(np.asarray(found.error), found.c_ell.shape)
    estimate, true = np.asarray(found.c_ell), np.asarray(bins.bin(c_ell))
    check(estimate, error, true)
    with pytest.raises(AssertionError):
        check(estimate + 0.1 * np.asarray(found.noise), error, true)
