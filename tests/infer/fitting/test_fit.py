"""Fits: planted parameters come back, both optimisers agree, the flags tell the truth."""

import jax
import numpy as np
import pytest

from jaxcr import infer


@pytest.fixture(scope="module")
def result(problem):
    return infer.fit(problem, num_starts=4)


@pytest.mark.slow
def test_planted_parameters_come_back_within_their_errors(result):
    away = np.asarray(result.posterior.mean) - np.array(infer.PLANTED)
    covariance = np.asarray(result.posterior.covariance)
    chi2 = away @ np.linalg.solve(covariance, away)
    assert chi2 < 18.5  # 0.1 % of chi-squared with 4 degrees of freedom
    wrong = away + np.array([0.0, 1.0, 0.0, 0.0])  # dB/B0 off by e
    assert wrong @ np.linalg.solve(covariance, wrong) > 18.5


@pytest.mark.slow
def test_levenberg_marquardt_and_adam_agree(result):
    # far below the statistical error; Adam's last steps are of the order of its decayed rate
    apart = np.abs(np.asarray(result.check_values[0] - result.values)) / np.asarray(result.errors)
    assert np.all(apart < 0.05)
    assert result.check_costs[0] == pytest.approx(result.cost, abs=1e-2)
    assert result.history[0] > result.check_costs[0]


@pytest.mark.slow
def test_several_starts_end_in_the_best_optimum(result):
    costs = np.sort(np.asarray(result.start_costs))
    # the small problem has a second optimum 0.2 above; the best is found more than once
    assert costs[1] - costs[0] < 1e-2
    assert costs[0] == pytest.approx(result.cost)


@pytest.mark.slow
def test_the_gradient_vanishes_at_the_optimum(problem, result):
    from jaxcr.infer.likelihood import posterior_residuals

    slope = jax.grad(lambda v: (posterior_residuals(problem, v) ** 2).sum())(result.values)
    scaled = np.asarray(slope * result.errors)
    # a tenth of the change that counts, in units of the errors; an asymmetry at its bound may
    # still want to go on
    assert np.all(np.abs(scaled[:3]) < 0.1)
    assert abs(scaled[3]) < 0.1 or (result.values[3] < 1e-2 and scaled[3] > 0)


@pytest.mark.slow
def test_amplitude_is_constrained_and_errors_respect_the_priors(problem, result):
    assert result.constrained[0]
    assert result.posterior.effective_samples > 100
    # never wider than the prior of ln(R - 1) and eta, but for the Percival factor
    assert np.all(
        np.asarray(result.posterior.errors)[2:] < 1.1 * problem.parameters.prior_sigmas[2:]
    )
    assert 0 <= result.p_value <= 1
    assert result.degrees_of_freedom >= 1
