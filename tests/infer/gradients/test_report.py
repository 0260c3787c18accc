"""Gradient reports: exact on formulas, quiet on regular orbits, loud on chaotic ones."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcr import infer


def noisy(frequency):
    """Return spectra with slope 2 theta, plus a ripple of tiny size and any steepness."""

    def spectra(theta, number):
        phase = jax.random.uniform(jax.random.key(number), (4, 6)) * 2 * jnp.pi
        ripple = jnp.sin(frequency * theta + phase) / 100
        return theta**2 * jnp.arange(1.0, 7.0)[None] + ripple

    return spectra


def test_both_estimates_are_exact_on_a_formula():
    report = infer.spectrum_gradient(noisy(0.0), 0.7, num_fields=3)
    expected = 1.4 * np.arange(1.0, 7.0)
    # a central difference is exact on a parabola; rounding
    for value in (report.pathwise, report.difference, report.best):
        np.testing.assert_allclose(value, expected, rtol=1e-12)


def test_a_steep_ripple_is_called_chaotic_and_the_difference_believed():
    report = infer.spectrum_gradient(noisy(1e5), 0.7, num_fields=6)
    assert report.believed == "difference"
    # 0.01/0.3 per sky, 24 skies: the difference stays good where the path-wise slope is +-1e3
    np.testing.assert_allclose(report.best, 1.4 * np.arange(1.0, 7.0), atol=0.05)
    assert "believe the same-phase difference" in report.verdict()
    assert not report.trusted
    assert "WARNING: chaotic" in report.verdict()


def test_few_regular_fields_decide_nothing():
    few, enough = (infer.spectrum_gradient(noisy(0.0), 0.7, num_fields=n) for n in (7, 8))
    assert few.believed == "undecided"
    assert not few.trusted
    assert "7 fields show no tails, take 8" in few.verdict()
    assert enough.trusted


def test_far_behind_the_horizon_the_difference_has_no_bias_of_its_step():
    def quartic(theta, number):
        return theta**4 * jnp.ones((2, 3))

    near, far = (
        infer.spectrum_gradient(quartic, 0.7, num_fields=2, step=0.2, path_over_lyapunov=x)
        for x in (3.9, 4.0)
    )
    # (f(x+h) - f(x-h))/2h = 4 x³ + 4 x h²; Richardson's is exact
    np.testing.assert_allclose(near.difference, 4 * 0.7**3 + 4 * 0.7 * 0.2**2, rtol=1e-12)
    np.testing.assert_allclose(far.difference, 4 * 0.7**3, rtol=1e-12)


@pytest.mark.slow
def test_a_vector_of_parameters_has_a_row_for_each():
    def spectra(values, number):
        both = values[0] ** 2 + 3 * values[1]
        scatter = 1 + jax.random.uniform(jax.random.key(number), (4, 1)) / 10
        return both * scatter * jnp.arange(1.0, 4.0)[None]

    report = infer.spectrum_gradient(
        spectra, np.array([0.5, 2.0]), num_fields=4, names=("first", "second"), step=(0.1, 0.2),
        estimator=infer.Smoothed(width=0.1, num_pairs=4),
    )  # fmt: skip
    assert report.best.shape == (2, 3)
    assert report.estimates.shape == (3, 2, 3)
    # the scatter is a common factor of both, between 1 and 1.1
    np.testing.assert_allclose(report.pathwise[1] / report.pathwise[0], 3.0, rtol=1e-12)
    np.testing.assert_allclose(report.difference, report.pathwise, rtol=1e-12)
    assert report.believed == "undecided"
    assert "first, second" in report.verdict()
    assert report.estimators == "path-wise; same-phase difference; smoothed"


@pytest.mark.slow
def test_short_paths_agree_within_their_errors_and_raise_no_alarm(skies):
    short = dataclasses.replace(skies, path=1.5)
    report = infer.spectrum_gradient(
        lambda level, number: infer.simulated_spectra(short, level, number),
        1.0,
        num_fields=8,
        step=0.05,
        name="dB/B0",
    )
    # 3 jackknife errors, as ever; 8 multipoles of 48 skies
    assert np.all(np.abs(report.z_score[1:]) < 3)
    assert report.trusted
    assert report.pathwise[1] < -3 * report.pathwise_error[1]  # turbulence takes from the dipole
    wrong = report.pathwise[1] * 1.5 - report.difference[1]
    assert abs(wrong) > 3 * np.hypot(report.pathwise_error[1], report.difference_error[1])


def test_too_few_fields():
    with pytest.raises(ValueError, match="num_fields: expected a number >= 2, got 1"):
        infer.spectrum_gradient(noisy(0.0), 0.7, num_fields=1)


def test_names_for_every_value():
    with pytest.raises(ValueError, match=r"names: expected shape \(2,\), got shape \(1,\)"):
        infer.spectrum_gradient(noisy(0.0), np.ones(2), num_fields=2)
