import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcr.sky.harmonics import power_spectrum
from jaxcr.sky.noise import debiased_direction_spectrum, debiased_spectrum, noise_power


def test_the_level_is_subtracted_and_the_error_is_that_of_knox(rng):
    maps = rng.standard_normal((2, 192))
    raw = np.asarray(power_spectrum(maps, lmax=6))[:, 1:]
    noise = np.array([0.01, 0.02])
    found = debiased_spectrum(maps, noise=noise, lmax=6)
    assert np.allclose(found.c_ell[:, 1:], raw - noise[:, None], rtol=1e-12)
    modes = 2 * np.arange(1, 7) + 1
    assert np.allclose(found.error[:, 1:], np.sqrt(2 / modes) * raw, rtol=1e-12)
    assert np.all(found.c_ell[:, 0] == 0)
    one = debiased_spectrum(maps[0], noise=0.01, lmax=6)
    assert np.allclose(one.c_ell, found.c_ell[0], atol=1e-15)
    assert one.error.shape == (7,)


def test_the_error_without_scatter_of_the_sky_is_smaller(rng):
    sky = 1 + rng.standard_normal(192)
    whole = debiased_spectrum(sky, noise=1e-4, lmax=6)
    noise_only = debiased_spectrum(sky, noise=1e-4, lmax=6, sample_variance=False)
    expected = np.sqrt(2 / (2 * whole.ell + 1) * (2 * whole.c_ell * 1e-4 + 1e-8))
    assert np.allclose(noise_only.error[1:], expected[1:], rtol=1e-12)
    assert np.all(noise_only.error[1:] < whole.error[1:])


def test_no_bias_with_the_scatter_within_pixels(rng):
    samples = 0.3 * rng.standard_normal((2000, 192, 4))
    found = debiased_spectrum(samples.mean(axis=-1), noise=noise_power(samples), lmax=8)
    estimate = np.asarray(found.c_ell)[:, 1:]
    error = np.std(estimate, axis=0) / np.sqrt(2000)
    # k = 4.2, and 2e-3 of the level, 7e-4 each, for the refined quadrature at nside 4.
    level = 4 * np.pi / 192 * 0.09 / 4
    assert np.all(np.abs(estimate.mean(axis=0)) < 4.2 * error + 2e-3 * level)
    # 68 % errors cover 0; 3 %: chi² of few degrees of freedom at low l.
    covered = np.mean(np.abs(estimate) < np.asarray(found.error)[:, 1:])
    assert np.isclose(covered, 0.68, atol=0.03)


def test_directions_are_the_mean_over_pairs(rng):
    points = rng.standard_normal((40, 3))
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    weights = rng.uniform(0.5, 2, 40)
    found = debiased_direction_spectrum(points, weights, lmax=3)
    cosine, product = points @ points.T, np.outer(weights, weights)
    pairs = ~np.eye(40, dtype=bool)
    for l in (1, 2, 3):
        legendre = np.polynomial.legendre.Legendre.basis(l)(cosine)
        mean = np.sum((product * legendre)[pairs]) / np.sum(product[pairs])
        # Round-off of sums of 1600 terms of order 1.
        assert np.isclose(found.c_ell[l], 4 * np.pi * mean, rtol=1e-11, atol=1e-13)


def test_gradient(rng):
    points = rng.standard_normal((40, 3))
    weights, step = jnp.asarray(rng.uniform(1, 2, (2, 40)))
    total = jax.jit(lambda w: jnp.sum(debiased_direction_spectrum(points, w, lmax=3).c_ell))
    difference = (total(weights + 1e-4 * step) - total(weights - 1e-4 * step)) / 2e-4
    slope = jax.jvp(total, (weights,), (step,))[1]
    assert np.isclose(slope, difference, rtol=1e-6)  # truncation of the difference, step² = 1e-8
    gradient = jax.grad(lambda m: jnp.sum(debiased_spectrum(m, noise=0.0, lmax=2).error))
    assert np.all(np.isfinite(jax.jit(gradient)(jnp.zeros(12))))


def test_errors():
    with pytest.raises(ValueError, match=r"noise: expected a number >= 0, got -1"):
        debiased_spectrum(jnp.zeros(48), noise=-1.0)


def test_float32_stays_float32():
    sky = jnp.ones((2, 48), jnp.float32)
    found = debiased_spectrum(sky, noise=0.1, lmax=2)
    assert found.c_ell.dtype == found.error.dtype == jnp.float32
    points, weights = jnp.eye(3, dtype=jnp.float32), jnp.ones(3, jnp.float32)
    assert debiased_direction_spectrum(points, weights, lmax=2).c_ell.dtype == jnp.float32
