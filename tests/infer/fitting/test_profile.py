"""Fits, profiles and checkpoints of one small problem with a corner, against closed forms."""

import dataclasses

import jax.numpy as jnp
import numpy as np
import pytest

from jaxcr import infer

SIGMA = 0.1
LOG_C = np.array([0.3, 0.1, -0.2])


def corner(values):
    """C_1 and C_2 are linear in a and b; c only acts through its excess over 1."""
    a, b, c = values
    return jnp.stack([a + 0.5 * b, b, -0.2 + 5 * jnp.maximum(c - 1, 0) ** 2])


@pytest.fixture(scope="module")
def problem(toy):
    parameters = (
        infer.Parameter("a", 0.1, -2.0, 2.0, infer.Flat()),
        infer.Parameter("b", 0.1, -2.0, 2.0, infer.Normal(0.4, 0.1)),
        infer.Parameter("c", 0.5, 0.0, 2.0, infer.Normal(0.5, 0.5)),
    )
    return toy(corner, LOG_C, parameters, SIGMA)


@pytest.fixture(scope="module")
def result(problem):
    return infer.fit(problem, num_starts=3)


@pytest.mark.slow
def test_best_fit_errors_and_flags(result):
    # b: data 0.1 ± 0.1, prior 0.4 ± 0.1; a = 0.3 - b/2 with variances added; c is left of the
    # corner, where it has its prior and no Fisher information
    np.testing.assert_allclose(result.values, [0.3 - 0.125, 0.25, 0.5], atol=1e-5)
    b_error = SIGMA / np.sqrt(2)
    errors = [np.hypot(SIGMA, b_error / 2), b_error, 0.5]
    np.testing.assert_allclose(result.errors, errors, rtol=1e-6)
    assert result.constrained.tolist() == [True, False, False]
    assert bool(jnp.all(result.converged))
    assert result.warnings == ""
    np.testing.assert_allclose(result.check_values[0][:2], result.values[:2], atol=0.01)


def test_the_text_of_the_directions(problem, result):
    text = infer.data_directions(problem.parameters, result.posterior.covariance).text()
    assert text.startswith("these data constrain")
    assert text.endswith("nothing about c") or ", c" in text


def test_a_gaussian_profile_leaves_the_own_prior_out(problem, result):
    profile = infer.profile(problem, result, "b")
    lower, upper = profile.interval()
    # the data alone: 0.1 ± 0.1; the curve is a parabola, whose root is interpolated exactly
    assert profile.best == pytest.approx(0.1, abs=2e-3)
    assert lower == pytest.approx(0.0, abs=2e-3)
    assert upper == pytest.approx(0.2, abs=2e-3)
    assert profile.text().startswith("b = 0.1 (-0.1, +0.1)")
    with pytest.raises(ValueError, match=r"Profile.interval: level: expected at most"):
        profile.interval(100)


def test_an_open_interval_is_a_limit(problem, result):
    profile = infer.profile(problem, result, "c")
    lower, upper = profile.interval()
    # 5 (c - 1)² = sigma; a twelfth of the range between points, on a quartic
    assert lower == -np.inf
    assert upper == pytest.approx(1 + np.sqrt(SIGMA / 5), abs=0.03)
    assert profile.text().startswith("c < 1.1")
    assert profile.text().endswith("open below")


def test_profiles_of_fixed_and_unknown_parameters(problem, result):
    held = dataclasses.replace(problem, parameters=problem.parameters.with_fixed({"c": 0.5}))
    with pytest.raises(ValueError, match=r"expected one of a, b, got 'c'"):
        infer.profile(held, result, "c")
    with pytest.raises(ValueError, match=r"expected one of a, b, c, got 'd'"):
        infer.profile(problem, result, "d")


@pytest.mark.slow
def test_a_fit_that_was_stopped_goes_on_with_the_same_result(problem, result, tmp_path):
    first = infer.fit(problem, num_starts=2, checkpoint=tmp_path)
    assert len(list(tmp_path.iterdir())) == 2
    times = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    again = infer.fit(problem, num_starts=3, checkpoint=tmp_path)
    assert len(list(tmp_path.iterdir())) == 3
    assert all(path.stat().st_mtime_ns == time for path, time in times.items())
    np.testing.assert_array_equal(again.start_costs[:2], first.start_costs)
    # one program for one start and for all: round-off
    np.testing.assert_allclose(again.values, result.values, rtol=1e-9)


@pytest.mark.slow
def test_a_fixed_parameter_keeps_its_value_everywhere(problem):
    held = problem.parameters.with_fixed({"b": 0.1})
    result = infer.fit(
        dataclasses.replace(problem, parameters=held),
        num_starts=1,
        optimisers=(infer.LevenbergMarquardt(),),
    )
    np.testing.assert_allclose(result.values, [0.25, 0.1, 0.5], atol=1e-5)
    np.testing.assert_array_equal(result.covariance[1], np.zeros(3))
    np.testing.assert_array_equal(result.posterior.samples[:, 1], np.full(2048, 0.1))
    assert result.is_free.tolist() == [True, False, True]
    # 2,048 draws of an error of 0.1: 5 standard errors of an error, at half their number
    assert float(result.posterior.errors[0]) == pytest.approx(SIGMA, rel=5 / np.sqrt(2 * 1024))
