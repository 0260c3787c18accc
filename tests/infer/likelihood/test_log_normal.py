"""The likelihood against SciPy's Gaussian, its gradient against differences, the sky model."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import multivariate_normal

from jaxcr import infer

VALUES = jnp.array([np.log(1.3e-3), np.log(0.7), 0.2, 0.25])


def one_sky(ell, c_ell, **options):
    ell = np.asarray(ell)
    zeros = np.zeros(ell.size)
    return infer.SpectrumData(ell, np.asarray(c_ell), zeros, zeros, **options)


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


def positive_multipoles(model, values):
    """Return multipoles whose half-cross C_l is positive in every simulated sky at every node.

    The small skies of the tests have C_l below their noise here and there.
    """
    ell = np.flatnonzero(np.all(np.asarray(model.spectra(values)) > 0, axis=(0, 1)))
    assert ell.size >= 3
    return ell[ell > 0][:3]


def test_single_sky_mean_is_that_of_the_logarithm(model):
    values = VALUES.at[1].set(jnp.log(0.9))
    ell = positive_multipoles(model, values)
    data = one_sky(ell, np.full(ell.size, 1e-7))
    prediction = model.predict(values, data)
    spectra = np.asarray(model.spectra(values))[2][:, ell]
    # five nodes: the curve meets each
    np.testing.assert_allclose(prediction.log_mean, np.log(spectra).mean(0), rtol=1e-10)
    expected = np.cov(np.log(spectra).T) * (1 + 1 / model.table.independent_skies)
    np.testing.assert_allclose(prediction.log_covariance, expected, rtol=1e-9)
    assert np.all(prediction.log_mean < np.log(spectra.mean(0)))  # Jensen


def test_mean_of_many_skies_is_log_normal_with_the_moments_of_the_mean(model, rng):
    data = one_sky([1, 2], [1e-6, 1e-7], num_skies=64)
    values = VALUES.at[1].set(jnp.log(0.9))
    prediction = model.predict(values, data)
    spectra = np.asarray(model.spectra(values))[2][:, [1, 2]]
    groups = spectra[rng.integers(0, len(spectra), (20_000, 64))].mean(1)
    # bootstrap groups of 64 skies; 20,000 groups: 4 standard errors of mean and variance,
    # and the variance of a bootstrap is (n - 1)/n of the unbiased one
    scale = np.log(groups).std(0) / np.sqrt(20_000)
    assert np.all(np.abs(prediction.log_mean - np.log(groups).mean(0)) < 4 * scale + 1e-4)
    widened = (1 + 64 / model.table.independent_skies) * len(spectra) / (len(spectra) - 1)
    ratio = np.diagonal(prediction.log_covariance) / np.log(groups).var(0) / widened
    np.testing.assert_allclose(ratio, 1.0, atol=0.05)


def test_blindness_to_m0_takes_its_share_of_each_multipole(model):
    ell = positive_multipoles(model, VALUES)
    full, blind = (
        model.predict(VALUES, one_sky(ell, np.full(ell.size, 1e-7), m0_blind=flag)).log_mean
        for flag in (False, True)
    )
    np.testing.assert_allclose(blind - full, np.log(2 * ell / (2 * ell + 1)), rtol=1e-10)


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


def test_data_beyond_the_simulated_multipoles(model):
    with pytest.raises(ValueError, match="expected at most 8, the largest the model was simulated"):
        model.comparable(one_sky([1, 9], [1e-6, 1e-8]))


def test_few_simulated_skies_widen_everything():
    n = 40.0
    assert float(infer.hartlap(jnp.asarray(n), 8)) == pytest.approx((n - 8 - 2) / (n - 1))
    # a = 2/(31 28), b = 30/(31 28): (1 + 4 b)/(1 + a + 5 b) by hand
    assert infer.percival(n, 8, 4) == pytest.approx(0.968627, abs=1e-6)
    assert infer.percival(float("inf"), 8, 4) == 1
    assert float(infer.hartlap(jnp.asarray(jnp.inf), 8)) == 1
