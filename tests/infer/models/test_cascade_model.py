"""The cascade of a dipole: two levels by hand, statistics of Gaussian skies, derivatives."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.linalg import expm
from scipy.stats import loggamma

from jaxcr import infer
from jaxcr.kinetic import bend_over_mean_free_path
from jaxcr.units import gyroradius


@pytest.fixture(scope="module")
def cascade():
    return infer.CascadeModel(lmax=8)


def template(num_skies=1, m0_blind=False):
    ell = np.arange(1, 9)
    return infer.SpectrumData(
        ell, np.ones(8), np.full(8, 0.1), np.full(8, 1e-8), num_skies, m0_blind
    )


def test_path_in_mean_free_paths(cascade):
    values = cascade.parameters.start
    length = 20.0
    strength = length / float(gyroradius(1.0, 1.0))  # PV whose gyroradius is 20 in 1 µG
    expected = (
        6.0
        * length
        / bend_over_mean_free_path(
            strength, index=5 / 3, bend_over_scale=150 / (2 * np.pi), rms=0.8, mean_strength=1.0
        )
    )
    np.testing.assert_allclose(cascade.scatterings(values), expected, rtol=1e-12)
    # quasilinear: the rate goes as (dB/B0)²
    twice = cascade.scatterings(values.at[1].add(np.log(2.0)))
    np.testing.assert_allclose(twice / expected, 4.0, rtol=1e-12)


def test_spectrum_is_the_matrix_exponential_by_hand(cascade):
    values = cascade.parameters.start
    path = float(cascade.scatterings(values))
    rates = np.array([(l + 1) * (l + 2) / 3 for l in range(9)])
    # the sum of (2l+1) C_l over the modes stays: l gives (2l+1)/(2l+3) of its loss to C_{l+1}
    share = np.array([(2 * l + 1) / (2 * l + 3) for l in range(8)])
    matrix = np.diag(-rates) + np.diag(rates[:-1] * share, -1)
    matrix[0, 0] = matrix[1, 0] = 0.0  # the monopole stays
    start = np.zeros(9)
    start[1] = 4 * np.pi * 1e-6 / 9
    np.testing.assert_allclose(
        cascade.mean_spectrum(values), expm(matrix * path) @ start, rtol=1e-9, atol=1e-20
    )
    dipole = cascade.mean_spectrum(values)[1]
    np.testing.assert_allclose(dipole, start[1] * np.exp(-2 * path), rtol=1e-10)


def test_logarithm_is_that_of_gamma_variables(cascade):
    data = template(num_skies=2, m0_blind=True)
    prediction = cascade.predict(cascade.parameters.start, data)
    half = 2 * 2 * data.ell / 2  # 2l modes of each of two skies
    total = np.asarray(prediction.mean + prediction.noise)
    np.testing.assert_allclose(
        prediction.log_mean, loggamma(half).mean() - np.log(half) + np.log(total), rtol=1e-10
    )
    of_error = (0.1 * np.asarray(prediction.mean) / total) ** 2
    np.testing.assert_allclose(
        jnp.diagonal(prediction.log_covariance), loggamma(half).var() + of_error, rtol=1e-7
    )


def test_derivatives_by_every_parameter(cascade):
    values, step = cascade.parameters.start, 1e-4
    spectrum = jax.jit(cascade.mean_spectrum)
    found = jax.jit(jax.jacfwd(cascade.mean_spectrum))(values)
    for i in range(values.size):
        e = jnp.zeros_like(values).at[i].set(step)
        near, far = (spectrum(values + k * e) - spectrum(values - k * e) for k in (1, 2))
        expected = (8 * near - far) / (12 * step)
        # fourth order: step⁴ f⁽⁵⁾/30; 1e-7 of the largest element
        scale = float(jnp.max(jnp.abs(expected)))
        np.testing.assert_allclose(found[:, i], expected, atol=1e-7 * scale)
        assert scale > 0


def test_error_texts(cascade):
    with pytest.raises(ValueError, match=r"fit: multipoles: expected a number in \[0, 4\]"):
        infer.CascadeModel(lmax=4).comparable(template())
    with pytest.raises(ValueError, match="CascadeModel: gyroradius: expected a positive number"):
        infer.CascadeModel(gyroradius=-1.0)
    assert "gyroradii" in cascade.conventions()
