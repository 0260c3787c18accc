"""The sky inside a trap: closed forms, chains against each other, derivatives, error texts."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcr import infer, traps

VALUES = jnp.array([np.log(2e-3), 0.1, 0.25])


def template(num_ell=8, error=0.1, noise=0.0, **options):
    ell = np.arange(1, num_ell + 1)
    return infer.SpectrumData(
        ell, np.ones(num_ell), np.full(num_ell, error), np.full(num_ell, noise), **options
    )


def slopes_by_differences(function, values, step=1e-4):
    """Return fourth-order central differences: step⁴ f⁽⁵⁾/30 of error, round-off 1e-12."""
    columns = []
    for i in range(values.size):
        e = jnp.zeros_like(values).at[i].set(step)
        near, far = (function(values + k * e) - function(values - k * e) for k in (1, 2))
        columns.append((8 * near - far) / (12 * step))
    return jnp.stack(columns, axis=-1)


def assert_slopes(function, values):
    found = jax.jit(jax.jacfwd(function))(values)
    expected = slopes_by_differences(jax.jit(function), values)
    # 1e-7 of the largest element of a column
    for column, other in zip(found.T, expected.T, strict=True):
        np.testing.assert_allclose(column, other, atol=1e-7 * float(jnp.max(jnp.abs(other))))


def test_dipole_power_is_that_of_the_amplitude():
    # f_1/f_0 = A: C_1 = 4 pi A²/9, whatever R and gradient
    model = infer.TrapModel(infer.TrapSeries(lmax=4))
    expected = 4 * np.pi * 4e-6 / 9
    np.testing.assert_allclose(model.mean_spectrum(VALUES)[1], expected, rtol=1e-12)


def test_symmetric_trap_has_no_even_orders_and_a_known_octupole():
    # no gradient: one step at mu_c on both sides, f_l ~ P_{l+1}(mu_c) - P_{l-1}(mu_c) at odd l
    model = infer.TrapModel(infer.TrapSeries(lmax=4))
    spectrum = model.mean_spectrum(VALUES.at[2].set(0.0))
    cosine = np.sqrt(1 - 1 / (1 + np.exp(0.1)))
    weight = [np.polynomial.legendre.legval(cosine, c) for c in ([-1, 0, 1], [0, 0, -1, 0, 1])]
    ratio = (weight[1] / weight[0] * 3 / 7) ** 2
    np.testing.assert_allclose(spectrum[jnp.array([2, 4])], 0.0, atol=1e-30)
    np.testing.assert_allclose(spectrum[3] / spectrum[1], ratio, rtol=1e-11)


def test_prediction_of_noise_and_errors():
    model, data = infer.TrapModel(infer.TrapSeries(lmax=8)), template(noise=1e-7, num_skies=3)
    prediction = model.predict(VALUES, data)
    c_ell = np.asarray(model.mean_spectrum(VALUES))[1:]
    modes = 3 * (2 * data.ell + 1)
    # Gaussian noise of power N on each mode: variance of the mean of (a + n)² over the modes
    variance = 2 * (2 * c_ell + 1e-7) * 1e-7 / modes
    np.testing.assert_allclose(prediction.mean, c_ell, rtol=1e-12)
    np.testing.assert_allclose(
        jnp.diagonal(prediction.covariance), variance + (0.1 * c_ell) ** 2, rtol=1e-12
    )
    blind = model.predict(VALUES, template(noise=1e-7, m0_blind=True))
    np.testing.assert_allclose(blind.mean / c_ell, 2 * data.ell / (2 * data.ell + 1), rtol=1e-12)


@pytest.mark.slow
def test_without_losses_the_scattering_rate_has_no_effect():
    chain = infer.ChainSeries(num_sites=12, lmax=6)
    values = jnp.array([np.log(5.3), 0.1, 0.2, 0.0])
    slopes = jax.jacfwd(chain.coefficients)(values)
    # round-off of occupations that grow by a^12
    assert float(jnp.max(jnp.abs(slopes[:, 3]))) < 1e-12
    lossy = infer.ChainSeries(num_sites=12, lmax=6, loss_rate=0.03)
    assert float(jnp.max(jnp.abs(jax.jacfwd(lossy.coefficients)(values)[:, 3]))) > 1e-3


@pytest.mark.slow
def test_derivatives_by_every_parameter():
    free = infer.TrapModel(infer.TrapSeries(lmax=8, free_edge=True))
    assert_slopes(free.mean_spectrum, jnp.append(VALUES, 0.06))
    chain = infer.ChainSeries(num_sites=12, lmax=8, loss_rate=0.03, free_edge=True)
    values = jnp.array([np.log(5.4), 0.1, 0.25, 0.3, 0.06])
    assert_slopes(infer.TrapModel(chain).mean_spectrum, values)


def test_names_and_number_of_the_parameters():
    assert infer.TrapModel(infer.TrapSeries()).parameters.names == ("ln A", "ln(R-1)", "gradient")
    chain = infer.ChainSeries(num_sites=12, free_edge=True)
    names = ("ln k", "ln(R-1)", "gradient", "ln nu", "edge width")
    assert infer.TrapModel(chain).parameters.names == names


def test_a_trap_has_both_mirrors_anywhere_within_the_bounds():
    # beyond ln R a gradient is ln R, where the weaker mirror is sqrt(R) times the minimum
    model = infer.TrapModel(infer.TrapSeries(lmax=4))
    low, high = model.parameters.lower, model.parameters.upper
    shallow = low.at[2].set(high[2])
    ratio = 1 + jnp.exp(low[1])
    expected = infer.TrapSeries(lmax=4).series(ratio, jnp.log(ratio))
    np.testing.assert_allclose(
        model.boundary.coefficients(shallow)[1:], jnp.exp(low[0]) * expected[1:], rtol=1e-12
    )
    trap = traps.trap_from_ratio(ratio, jnp.log(ratio))
    np.testing.assert_allclose(trap.right_mirror, jnp.sqrt(ratio), rtol=1e-12)


def test_error_texts():
    model = infer.TrapModel(infer.TrapSeries(lmax=8))
    with pytest.raises(
        ValueError, match=r"TrapModel: log_error \+ noise: expected a positive number"
    ):
        model.comparable(template(error=0.0))
    with pytest.raises(ValueError, match=r"fit: multipoles: expected a number in \[0, 8\]"):
        model.comparable(template(9))
    with pytest.raises(ValueError, match="ChainSeries: num_sites: expected a number >= 4"):
        infer.ChainSeries(num_sites=3)
