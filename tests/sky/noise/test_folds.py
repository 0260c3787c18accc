import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcr.sky.harmonics import cross_spectrum
from jaxcr.sky.healpix import pixel_centers
from jaxcr.sky.noise import fold_spectrum, noise_power

NSIDE, LMAX = 4, 8
NUM_PIXELS = 12 * NSIDE**2


def test_equals_the_mean_over_all_pairs(rng):
    samples = rng.standard_normal((NUM_PIXELS, 8))
    folds = [samples[:, i::4].mean(axis=-1) for i in range(4)]
    pairs = [cross_spectrum(a, b, lmax=LMAX) for a, b in itertools.combinations(folds, 2)]
    found = fold_spectrum(samples, folds=4, lmax=LMAX)
    # 1e-14: round-off of C_l of order 1e-2.
    assert np.allclose(found.c_ell, np.mean(np.asarray(pairs), axis=0), atol=1e-14)
    assert np.array_equal(found.ell, np.arange(LMAX + 1))


def test_equal_orbits_have_no_noise():
    dipole = np.repeat(pixel_centers(NSIDE)[:, :1], 4, axis=1)
    found = fold_spectrum(dipole, folds=2, lmax=LMAX)
    # 1e-4: a dipole by refined quadrature at nside 4.
    assert np.isclose(found.c_ell[1], 4 * np.pi / 9, rtol=1e-4)
    assert np.allclose(found.noise, 0, atol=1e-15)
    assert np.isclose(found.error[1], np.sqrt(2 / 3) * found.c_ell[1], rtol=1e-6)
    measured = fold_spectrum(dipole, folds=2, lmax=LMAX, sample_variance=False)
    assert measured.error[1] < 1e-6


@pytest.mark.parametrize("folds", [2, 4])
def test_mean_and_error_over_noise(folds, rng):
    num, ell = 2000, np.arange(1, LMAX + 1)
    samples = rng.standard_normal((num, NUM_PIXELS, 4)) * 0.3
    found = fold_spectrum(samples, folds=folds, lmax=LMAX)
    level = 4 * np.pi / NUM_PIXELS * 0.09 / 4
    scatter = np.std(np.asarray(found.c_ell)[:, 1:], axis=0)
    # Zero, and the level, within 4.2 errors of the mean of 2000; the refined quadrature at
    # nside 4 adds up to 2e-3.
    assert np.all(np.abs(np.mean(found.c_ell, axis=0)[1:]) < 4.2 * scatter / np.sqrt(num))
    noise = np.asarray(found.noise)[:, 1:]
    allowed = 4.2 * np.std(noise, axis=0) / np.sqrt(num) + 2e-3 * level
    assert np.all(np.abs(np.mean(noise, axis=0) - level) < allowed)
    assert np.isclose(np.mean(noise_power(samples)), level, rtol=1e-2)  # see test_levels
    # The error of pure noise, N sqrt(2 k / (2l+1) (k-1)). Scatter from 2000: 1.6 %, k = 4.5.
    error = level * np.sqrt(2 / (2 * ell + 1) * folds / (folds - 1))
    assert np.allclose(scatter, error, rtol=4.5 * 0.016)


def test_gradient(rng):
    samples, step = jnp.asarray(rng.standard_normal((2, 12, 2)))

    @jax.jit
    def total(x):
        return jnp.sum(fold_spectrum(x, folds=2, lmax=2).c_ell)

    # Quadratic in the samples: the central difference is exact but for round-off.
    difference = (total(samples + step) - total(samples - step)) / 2
    assert np.isclose(jnp.vdot(jax.jit(jax.grad(total))(samples), step), difference, rtol=1e-10)


def test_errors():
    for folds in (1, 3):
        with pytest.raises(ValueError, match=rf"folds: expected 2 or more.*4 orbits.*got {folds}"):
            fold_spectrum(jnp.zeros((12, 4)), folds=folds, lmax=2)


def test_float32_stays_float32():
    found = fold_spectrum(jnp.ones((12, 2), jnp.float32), folds=2, lmax=2)
    assert found.c_ell.dtype == found.error.dtype == found.noise.dtype == jnp.float32
