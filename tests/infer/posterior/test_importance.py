"""Importance sampling: moments of distributions that are known in closed form."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import norm, truncnorm

from jaxcr import infer


def sample(log_density, args, *, mean, covariance, bound, key, num_samples=8192):
    return infer.sample_posterior(
        log_density,
        args,
        mean=jnp.asarray(mean),
        covariance=jnp.asarray(covariance),
        lower=jnp.full(len(mean), -bound),
        upper=jnp.full(len(mean), bound),
        key=key,
        num_samples=num_samples,
    )


def log_gaussian(x, args):
    center, inverse = args
    return -0.5 * (x - center) @ inverse @ (x - center)


def test_a_gaussian_from_a_guess_that_is_three_times_too_narrow(key):
    center, covariance = np.array([0.3, -0.2]), np.array([[1.0, 0.8], [0.8, 1.0]])
    posterior = sample(
        log_gaussian,
        (jnp.asarray(center), jnp.asarray(np.linalg.inv(covariance))),
        mean=center + 0.5,
        covariance=covariance / 9,
        bound=20.0,
        key=key,
    )
    # 4,000 effective samples: 5 standard errors of a mean, and of a variance
    assert posterior.effective_samples > 4000
    np.testing.assert_allclose(posterior.mean, center, atol=5 / np.sqrt(4000))
    np.testing.assert_allclose(posterior.covariance, covariance, atol=5 * np.sqrt(2 / 4000))
    np.testing.assert_allclose(
        posterior.quantiles((0.16, 0.5, 0.84))[:, 0], 0.3 + norm.ppf([0.16, 0.5, 0.84]), atol=0.1
    )


@pytest.mark.slow
def test_a_bound_cuts_the_posterior_off(key):
    posterior = sample(
        lambda x, _: -0.5 * jnp.sum((x - 1) ** 2),
        None,
        mean=[0.5, 0.5],
        covariance=np.eye(2),
        bound=1.0,
        key=key,
    )
    exact = truncnorm(-2, 0, loc=1)
    # 2,000 effective samples or more: 5 standard errors
    assert posterior.effective_samples > 2000
    np.testing.assert_allclose(posterior.mean, exact.mean(), atol=5 * exact.std() / np.sqrt(2000))
    np.testing.assert_allclose(posterior.errors, exact.std(), rtol=5 / np.sqrt(2000))
    assert np.all(np.abs(posterior.samples) <= 1)


@pytest.mark.slow
def test_a_curved_valley_has_its_own_moments(key):
    # x normal, y = x² + normal / 4: mean (0, 1), covariance diag(1, 2 + 1/16)
    posterior = sample(
        lambda x, _: -0.5 * (x[0] ** 2 + 16 * (x[1] - x[0] ** 2) ** 2),
        None,
        mean=[0.0, 0.0],
        covariance=np.diag([1.0, 1 / 16]),
        bound=20.0,
        key=key,
    )
    # a hard case: fewer effective samples, hence 5 standard errors of a few hundred
    assert posterior.effective_samples > 400
    np.testing.assert_allclose(posterior.mean, [0, 1], atol=5 * 1.44 / 20)
    np.testing.assert_allclose(posterior.covariance[0, 0], 1, atol=5 * np.sqrt(2 / 400))


@pytest.mark.slow
def test_the_key_decides(key):
    def mean(key):
        guess = {"mean": [0.0], "covariance": np.eye(1), "bound": 5.0, "num_samples": 256}
        return sample(lambda x, _: -0.5 * x[0] ** 2, None, key=key, **guess).mean

    assert mean(key) == mean(key)
    assert mean(key) != mean(jax.random.key(1))


def test_points_that_are_not_finite_have_no_weight(key):
    posterior = sample(
        lambda x, _: jnp.where(x[0] > 0, -0.5 * x[0] ** 2, jnp.nan),
        None,
        mean=[1.0],
        covariance=np.eye(1),
        bound=5.0,
        key=key,
    )
    assert float(jnp.sum(posterior.weights)) == pytest.approx(1)
    np.testing.assert_allclose(posterior.mean, np.sqrt(2 / np.pi), atol=0.05)


def test_two_modes_have_their_weights(key):
    # 0.8 N(-3, 0.1²) + 0.2 N(3, 0.3²) in x; y is of unit width in both
    def log_density(x, _):
        left = jnp.log(0.8 / 0.1) - 0.5 * ((x[0] + 3) / 0.1) ** 2
        right = jnp.log(0.2 / 0.3) - 0.5 * ((x[0] - 3) / 0.3) ** 2
        return jnp.logaddexp(left, right) - 0.5 * x[1] ** 2

    posterior = sample(
        log_density,
        None,
        mean=[[-3.0, 0.0], [3.0, 0.0]],
        covariance=[np.diag([0.1**2, 1.0]), np.diag([0.3**2, 1.0])],
        bound=10.0,
        key=key,
    )
    # 4,000 effective samples: 5 standard errors of a share and of a mean
    assert posterior.effective_samples > 4000
    right = posterior.samples[:, 0] > 0
    share = float(posterior.weights @ right.astype(float))
    assert share == pytest.approx(0.2, abs=5 * np.sqrt(0.2 * 0.8 / 4000))
    np.testing.assert_allclose(posterior.mean, [-1.8, 0.0], atol=5 * 2.4 / np.sqrt(4000))


def test_a_narrow_posterior_on_a_bound_from_a_guess_that_is_300_times_too_wide(key):
    # as a gradient of 0, where even C_l have no slope and the Fisher matrix no information
    posterior = infer.sample_posterior(
        lambda x, _: -0.5 * jnp.sum((x / 1e-3) ** 2),
        None,
        mean=jnp.array([1e-6, 0.0]),
        covariance=jnp.diag(jnp.array([0.3**2, 1e-6])),
        lower=jnp.array([0.0, -0.6]),
        upper=jnp.array([0.6, 0.6]),
        key=key,
        num_samples=1024,
    )
    # half of the proposal is beyond the bound
    assert posterior.effective_samples > 200
    expected = 1e-3 * np.sqrt(2 / np.pi)
    assert float(posterior.mean[0]) == pytest.approx(expected, abs=5 * 6e-4 / np.sqrt(200))
