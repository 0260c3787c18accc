import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcr.sky import noise_power, pixel_centers, poisson_noise, power_spectrum


def test_equal_weights_give_four_pi_over_n():
    # Exact up to the round-off of one mean.
    assert np.isclose(poisson_noise(np.full(1000, 3.0)), 4 * np.pi / 1000, rtol=1e-13)


def test_dipole_weights_have_the_closed_form():
    # w = 1 + cos over the sphere: <w²>/<w>² = 1 + 1/3. 1e-3: quadrature of 768 pixels.
    level = poisson_noise(1 + pixel_centers(8)[:, 2])
    assert np.isclose(level, 4 * np.pi / 768 * 4 / 3, rtol=1e-3)


def test_poisson_level_is_found_on_random_skies(rng):
    # 300 skies of 2000 arrivals with random weights, counted on pixels, l = 8 ... 16.
    spectra, levels = [], []
    for _ in range(300):
        weights = rng.uniform(0, 2, 2000)
        sky = np.bincount(rng.integers(0, 768, 2000), weights=weights, minlength=768)
        spectra.append(power_spectrum(sky / sky.mean() - 1)[8:])
        levels.append(poisson_noise(weights))
    measured, level = np.mean(np.asarray(spectra)), np.mean(levels)
    # The relative error of a mean over 300 skies and 225 modes (l = 8 ... 16) is
    # sqrt(2 / 67500) = 0.0054; k = 4. Equal weights would give a level lower by 1/4.
    assert np.isclose(measured, level, rtol=4 * 0.0054)
    assert not np.isclose(measured, 4 * np.pi / 2000, rtol=4 * 0.0054)


def test_two_values_a_pixel_have_the_closed_form():
    samples = jnp.tile(jnp.array([1.0, -1.0]), (48, 1))  # unbiased variance 2 in every pixel
    assert np.isclose(noise_power(samples), 4 * np.pi / 48, rtol=1e-14)
    assert np.isclose(noise_power(5 + 3 * samples), 9 * 4 * np.pi / 48, rtol=1e-14)


def test_scatter_within_pixels_predicts_the_spectrum_of_the_mean(rng):
    samples = rng.standard_normal((200, 768, 4)) * 0.3
    level = noise_power(samples)
    assert level.shape == (200,)
    measured = np.mean(np.asarray(power_spectrum(samples.mean(axis=-1)))[:, 2:])
    # 285 modes (l = 2 ... 16) on 200 skies: weights 1/(2l+1) per l, so the relative error is
    # sqrt(2 sum 1/(2l+1) / 200) / 15 = 0.0075; k = 4. A variance with 1/N would be 1/4 lower.
    assert np.isclose(measured, np.mean(level), rtol=4 * 0.0075)


def test_gradient(rng):
    samples, step = jnp.asarray(rng.standard_normal((2, 12, 3)))
    # Quadratic in the samples: the central difference is exact but for round-off.
    difference = (noise_power(samples + step) - noise_power(samples - step)) / 2
    assert np.isclose(jnp.vdot(jax.grad(noise_power)(samples), step), difference, rtol=1e-10)
    assert np.all(jax.grad(noise_power)(jnp.zeros((12, 3))) == 0)


def test_errors():
    with pytest.raises(ValueError, match=r"orbits in a pixel: expected a number >= 2, got 1"):
        noise_power(jnp.zeros((12, 1)))


def test_float32_stays_float32():
    assert poisson_noise(jnp.ones(5, jnp.float32)).dtype == jnp.float32
    assert noise_power(jnp.ones((12, 2), jnp.float32)).dtype == jnp.float32
