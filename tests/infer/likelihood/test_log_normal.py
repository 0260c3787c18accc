"""The likelihood against SciPy's Gaussian, its gradient against differences, the sky model."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import multivariate_normal

from jaxcr import infer

VALUES = jnp.array([np.log(1.3e-3), np.log(0.7), 0.2, 0.25])


def test_log_likelihood_is_the_gaussian_of_the_logarithms(problem):
    model, data = problem.model, problem.data
    prediction = model.predict(VALUES, data)
    size = data.ell.size
    factor = float(infer.hartlap(prediction.num_simulations, size))
    gaussian = multivariate_normal(
        np.asarray(prediction.log_mean), np.asarray(prediction.log_covariance)
    )
    away = np.log(data.total()) - np.asarray(prediction.log_mean)
    chi = away @ np.linalg.solve(np.asarray(prediction.log_covariance), away)
    # SciPy's Gaussian knows no Hartlap factor: put the difference of the quadratic forms back.
    expected = gaussian.logpdf(np.log(data.total())) - 0.5 * (factor - 1) * chi
    np.testing.assert_allclose(infer.log_likelihood(problem, VALUES), expected, rtol=1e-9)


@pytest.mark.slow
def test_gradient_through_everything_equals_differences(problem):
    def function(v):
        return infer.log_likelihood(problem, v)

    step = 1e-5
    quotient = [
        (function(VALUES.at[i].add(step)) - function(VALUES.at[i].add(-step))) / (2 * step)
        for i in range(4)
    ]
    # second-order differences: 1e-10 of the third derivative, round-off 1e-11 over the step
    np.testing.assert_allclose(jax.grad(function)(VALUES), quotient, rtol=1e-6, atol=1e-6)


def test_residuals_differ_from_the_log_likelihood_by_a_constant_and_the_prior(problem):
    def gap(v):
        cost = jnp.sum(infer.posterior_residuals(problem, v) ** 2)
        prior = jnp.sum(problem.parameters.prior_residuals(v) ** 2)
        return cost - prior + 2 * infer.log_likelihood(problem, v)

    # squares of roots: round-off
    np.testing.assert_allclose(gap(VALUES), gap(VALUES.at[1].add(-0.3).at[0].add(0.2)), rtol=1e-10)


def test_fisher_matrix_is_the_curvature_of_the_mean_cost(problem):
    fisher = np.asarray(infer.fisher_matrix(problem, VALUES))
    np.testing.assert_allclose(fisher, fisher.T, rtol=1e-10, atol=1e-10 * fisher.max())
    assert np.all(np.linalg.eigvalsh(fisher) > 0)
    # amplitude: d mean/d ln A = 2 C/(C + N), d covariance/d ln A small; so F_AA ~ 4 sum S^-1.
    prediction = problem.model.predict(VALUES, problem.data)
    inverse = np.linalg.inv(np.asarray(prediction.log_covariance))
    factor = float(infer.hartlap(prediction.num_simulations, problem.data.ell.size))
    estimate = 4 * factor * inverse.sum()
    assert fisher[0, 0] == pytest.approx(estimate, rel=0.2)


def test_few_simulated_skies_widen_everything():
    n = 40.0
    assert float(infer.hartlap(jnp.asarray(n), 8)) == pytest.approx((n - 8 - 2) / (n - 1))
    # a = 2/(31 28), b = 30/(31 28): (1 + 4 b)/(1 + a + 5 b) by hand
    assert infer.percival(n, 8, 4) == pytest.approx(0.968627, abs=1e-6)
    assert infer.percival(float("inf"), 8, 4) == 1
    assert float(infer.hartlap(jnp.asarray(jnp.inf), 8)) == 1
