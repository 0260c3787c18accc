"""Posteriors of several modes: each has its weight, and what was not sampled is said."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcr import infer

ERROR, PRIOR = 0.1, infer.Normal(0.5, 1.5)
WALLS = np.array(
    [[-1.73, -0.94, 0.08], [-1.89, -1.72, 0.06], [-2.55, -0.39, 0.14], [-1.31, -0.06, 0.12]]
)
"""ln A, ln(R-1), gradient of bright traps whose best fit 256 starts on the cost itself miss."""


class Fold(infer.SpectrumModel):
    """C_l = 10 + x² + y, of Gaussian errors 0.1: even in x, of which the prior tells the sign."""

    @property
    def parameters(self):
        """Fold x and height y."""
        return infer.ParameterSet(
            (
                infer.Parameter("x", 0.3, -4.0, 4.0, PRIOR),
                infer.Parameter("y", 0.1, -1.0, 1.0, infer.Normal(0.0, 0.1)),
            )
        )

    def mean_spectrum(self, values):
        """Return C_l, l = 0 ... 4."""
        return jnp.full(5, 10 + values[0] ** 2 + values[1])

    def predict(self, values, data):
        """Return Gaussian C_l of constant variance."""
        mean = self.mean_spectrum(values)[jnp.asarray(data.ell)]
        variance = ERROR**2 * jnp.eye(mean.size)
        return infer.Prediction(
            mean=mean,
            covariance=variance,
            noise=0 * mean,
            log_mean=jnp.log(mean),
            log_covariance=variance / mean[:, None] / mean[None],
            num_simulations=jnp.asarray(jnp.inf),
        )

    def comparable(self, data):
        """Return the data."""
        return data

    def conventions(self):
        """Return what the parameters mean."""
        return "fold"


def fold_data(c_ell):
    return infer.SpectrumData(np.arange(1, 5), c_ell, np.zeros(4), np.zeros(4))


@pytest.fixture(scope="module")
def problem():
    return infer.Problem(Fold(), fold_data(np.full(4, 12.0)), likelihood=infer.GaussianLikelihood())


def exact_weights(c_ell):
    """Return x and its posterior on a fine grid, y integrated over its Gaussian prior."""
    x = np.linspace(-4, 4, 20_001)
    variance = ERROR**2 / 4 + 0.1**2  # of the mean of four C_l
    log_density = -0.5 * ((np.mean(c_ell) - 10 - x**2) ** 2 / variance + (x - 0.5) ** 2 / 1.5**2)
    weights = np.exp(log_density - log_density.max())
    return x, weights / weights.sum()


def exact_moments(c_ell):
    """Return the mean and deviation of x."""
    x, weights = exact_weights(c_ell)
    mean = weights @ x
    return mean, np.sqrt(weights @ (x - mean) ** 2)


@pytest.mark.slow
def test_both_modes_count_by_their_weights(problem, rng):
    # x = ±1.4, 30 errors apart; the prior gives 65 % of the posterior to one of them
    data = [fold_data(12 + ERROR * rng.normal(size=4)) for _ in range(30)]
    planted = jnp.zeros((30, 2))
    fits = infer.fit_many(problem, data, planted, jax.random.key(0))
    exact = np.array([exact_moments(d.c_ell) for d in data])
    num = np.asarray(fits.effective_samples)
    assert num.min() > 500
    # 5 standard errors of a mean of so many samples; errors of two peaks are sharper
    np.testing.assert_allclose(fits.means[:, 0], exact[:, 0], atol=5 * 1.4 / np.sqrt(500))
    np.testing.assert_allclose(fits.errors[:, 0], exact[:, 1], atol=5 * 1.4 / np.sqrt(1000))
    assert np.all(exact[:, 1] > 1)  # a single peak is 0.04 wide


@pytest.mark.slow
def test_ranks_are_those_of_both_modes(problem):
    parameters, keys = problem.parameters, jax.random.split(jax.random.key(3), 100)
    planted = jnp.stack([infer.draw_values(parameters, k) for k in keys])
    data = [
        infer.simulate_from(problem.model, v, k, problem.data, draw=infer.draw_gaussian)
        for v, k in zip(planted, keys, strict=True)
    ]
    fits = infer.fit_many(problem, data, planted, jax.random.key(0), num_starts=16)
    exact = []
    for values, own in zip(np.asarray(planted), data, strict=True):
        x, weights = exact_weights(own.c_ell)
        exact.append(weights[x < values[0]].sum())
    # 5 standard errors of a share, at most 0.5/sqrt(effective samples)
    assert float(fits.effective_samples.min()) > 300
    np.testing.assert_allclose(fits.ranks[:, 0], exact, atol=5 * 0.5 / np.sqrt(300))
    # of single peaks at x or -x, which the prior tells apart by 30 % alone, half would be off
    assert np.mean((np.array(exact) > 0.2) & (np.array(exact) < 0.8)) > 0.3


@pytest.mark.slow
def test_the_best_fit_is_found_behind_the_walls_of_a_sharp_spectrum():
    model = infer.TrapModel(infer.TrapSeries(lmax=24, edge_width=0.05))
    ell = np.arange(1, 25)
    first = float(model.mean_spectrum(jnp.array([np.log(1e-3), 0.0, 0.3]))[1])
    template = infer.SpectrumData(ell, np.ones(24), np.full(24, 0.1), np.full(24, 1e-4 * first))
    problem = infer.Problem(model, template)
    data, costs = [], []
    for values in jnp.asarray(WALLS):
        c_ell = np.asarray(model.mean_spectrum(values))[1:]
        data.append(infer.SpectrumData(ell, c_ell, template.log_error, template.noise))
        own = eqx.tree_at(lambda p: p.data, problem, data[-1])
        costs.append(-2 * float(infer.log_posterior(own, values)))
    fits = infer.fit_many(problem, data, jnp.asarray(WALLS), jax.random.key(0), num_starts=256)
    # the data are at their mean: priors pull the best fit a little below
    assert np.all(np.asarray(fits.costs) < np.array(costs) + 1e-6)
    np.testing.assert_allclose(fits.best, WALLS, atol=0.02)


@pytest.mark.slow
def test_a_fit_says_which_optimum_its_errors_leave_out(problem):
    result = infer.fit(problem, num_starts=4)
    assert "a second optimum, " in result.warnings
    assert "is left out of the errors: x = -1." in result.warnings
    assert "samples only" not in result.warnings
