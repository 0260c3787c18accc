"""Fisher, Laplace and NUTS on one model: alike when it is linear, apart on a curved valley."""

import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcr import infer

SIGMA = 0.2


class Valley(infer.SpectrumModel):
    """ln C_1 = x/2 and ln C_2 = y - bend x², both with errors of 0.2; z acts on nothing."""

    parameters: infer.ParameterSet
    bend: jax.Array

    def mean_spectrum(self, values):
        x, y, _ = values
        return jnp.exp(jnp.stack([x / 2, y - self.bend * x**2]))

    def predict(self, values, data):
        mean = self.mean_spectrum(values)
        covariance = SIGMA**2 * jnp.eye(2)
        return infer.Prediction(
            mean=mean,
            covariance=covariance * mean[:, None] ** 2,
            noise=jnp.zeros(2),
            log_mean=jnp.log(mean),
            log_covariance=covariance,
            num_simulations=jnp.asarray(jnp.inf),
        )

    def comparable(self, data):
        return data

    def conventions(self):
        return "a valley"


def problem_of(bend):
    parameters = infer.ParameterSet(
        (
            infer.Parameter("x", 0.1, -6.0, 6.0, infer.Flat()),
            infer.Parameter("y", 0.1, -9.0, 9.0, infer.Flat()),
            infer.Parameter("z", 0.3, 0.0, 1.0, infer.Flat(), fixed=True),
        )
    )
    data = infer.SpectrumData(np.array([1, 2]), np.ones(2), np.zeros(2), np.zeros(2))
    return infer.Problem(Valley(parameters, jnp.asarray(bend)), data)


@pytest.fixture(scope="module")
def chains():
    """Return a function from the bend to chains: one program serves both."""

    def sample(bend):
        best = jnp.array([0.0, 0.0, 0.3])
        return infer.sample_nuts(
            problem_of(bend), best, key=jax.random.key(3), num_samples=1000, num_warmup=300
        )

    return sample


@pytest.fixture(scope="module")
def straight(chains):
    return chains(0.0)


def test_a_gaussian_case_in_closed_form(straight):
    problem, best = problem_of(0.0), jnp.array([0.0, 0.0, 0.3])
    exact = np.diag([(2 * SIGMA) ** 2, SIGMA**2, 0])
    # linear and Gaussian: both are exact
    np.testing.assert_allclose(infer.fisher_covariance(problem, best), exact, atol=1e-12)
    np.testing.assert_allclose(infer.laplace_covariance(problem, best), exact, atol=1e-12)
    posterior = straight.posterior()
    assert posterior.effective_samples > 1000
    # the ten percent: 4 standard errors of an error from 1,000 independent draws
    np.testing.assert_allclose(posterior.errors[:2], [2 * SIGMA, SIGMA], rtol=4 / np.sqrt(2000))
    np.testing.assert_array_equal(np.asarray(straight.samples[:, :, 2]), np.full((4, 1000), 0.3))


def test_on_a_curved_valley_laplace_fails_and_nuts_does_not(chains):
    bend = 2.0
    problem, best = problem_of(bend), jnp.array([0.0, 0.0, 0.3])
    # y = 2 x² + a normal: direct sums over a grid of the posterior
    x, y = np.linspace(-3, 3, 601), np.linspace(-2, 12, 1401)
    density = np.exp(
        -0.5 * ((x[:, None] / 2) ** 2 + (y[None] - bend * x[:, None] ** 2) ** 2) / SIGMA**2
    )
    density /= density.sum()
    mean = np.sum(density * y[None])
    error = np.sqrt(np.sum(density * (y[None] - mean) ** 2))
    curved = chains(bend)
    posterior = curved.posterior()
    num = float(posterior.effective_samples)
    assert num > 200
    # 5 standard errors of a mean; y is close to a chi-squared with one degree of freedom, whose
    # kurtosis of 15 makes an error of an error sqrt(14/4n)
    assert float(posterior.mean[1]) == pytest.approx(mean, abs=5 * error / np.sqrt(num))
    assert float(posterior.errors[1]) == pytest.approx(error, rel=5 * np.sqrt(14 / (4 * num)))
    laplace = np.sqrt(np.asarray(infer.laplace_covariance(problem, best))[1, 1])
    assert laplace == pytest.approx(SIGMA, rel=1e-6)
    assert error > 2 * laplace


def test_convergence_is_told(straight):
    assert np.all(infer.split_r_hat(straight) < 1.01)
    text = infer.summary(straight)
    assert "R-hat" in text
    assert "draw more" not in text
    assert "z" not in text.split()  # fixed
    stuck = straight.samples.at[0].add(1.0)
    bad = infer.Chains(
        stuck, straight.log_densities, straight.divergent, straight.num_steps, ("x", "y", "z"),
        ("x", "y"),
    )  # fmt: skip
    assert infer.summary(bad).count("R-hat above 1.01: draw more") == 2
    tree = infer.to_arviz(straight)
    assert list(tree.posterior.data_vars) == ["x", "y"]
    assert tree.posterior["x"].shape == (4, 1000)


def test_importance_samples_of_the_free_parameters():
    problem, best = problem_of(0.0), jnp.array([0.0, 0.0, 0.3])
    posterior = infer.sample_free(
        problem, best, infer.fisher_covariance(problem, best), key=jax.random.key(0)
    )
    assert posterior.effective_samples > 1000
    np.testing.assert_allclose(posterior.errors, [2 * SIGMA, SIGMA, 0], rtol=5 / np.sqrt(2000))


def test_laplace_says_where_there_is_no_maximum():
    # at x = 2 of the bent valley, y below the ridge: the curvature of -ln P by x is negative
    covariance = infer.laplace_covariance(problem_of(2.0), jnp.array([0.0, 3.0, 0.3]))
    assert np.all(np.isnan(np.asarray(covariance)[:2, :2]))


def test_bad_input(monkeypatch):
    problem, best = problem_of(0.0), jnp.array([0.0, 0.0, 0.3])
    with pytest.raises(ValueError, match=r"num_samples: expected a number >= 100, got 10"):
        infer.sample_nuts(problem, best, key=jax.random.key(0), num_samples=10)
    monkeypatch.setitem(sys.modules, "blackjax", None)
    with pytest.raises(ImportError, match=r"pip install 'jaxcr\[bayes\]'"):
        infer.sample_nuts(problem, best, key=jax.random.key(0))


@pytest.mark.slow
def test_four_parameters_of_the_sky_model(problem):
    result = infer.fit(problem, num_starts=4)
    chains = infer.sample_nuts(problem, result.values, key=jax.random.key(1), num_samples=500)
    posterior = chains.posterior()
    assert np.all(infer.split_r_hat(chains) < 1.02)  # short chains
    # two samplers of one posterior: 5 standard errors of both, beside the Percival factor
    num = float(jnp.minimum(posterior.effective_samples, result.posterior.effective_samples))
    away = np.asarray(posterior.mean - result.posterior.mean) / np.asarray(posterior.errors)
    assert np.all(np.abs(away) < 5 * np.sqrt(2 / num))
