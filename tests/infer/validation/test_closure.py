"""Closure and calibration where posteriors are Gaussian: right errors pass, small ones fail."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import norm

from jaxcr import infer

NUM = 200


@pytest.fixture(scope="module")
def right(line):
    return infer.calibration_ranks(line.problem(), line.simulate, jax.random.key(4), num=NUM)


@pytest.fixture(scope="module")
def overconfident(line):
    return infer.calibration_ranks(line.problem(0.7), line.simulate, jax.random.key(4), num=NUM)


@pytest.mark.slow
def test_the_right_errors_close_and_their_ranks_are_uniform(right):
    assert right.closure.passed
    assert right.passed
    assert right.verdict().startswith(f"ranks are uniform over {NUM} data sets; a: p = ")
    assert right.closure.verdict().startswith(f"closes on {NUM} data sets; a: 68 % hold")
    # 1 sigma of each pull: 4 standard errors of a width from 200 data sets, 1/sqrt(400)
    np.testing.assert_allclose(right.closure.pulls.std(0), 1.0, atol=4 / np.sqrt(2 * NUM))


def test_errors_30_percent_too_small_fail(overconfident):
    assert not overconfident.closure.passed
    assert not overconfident.passed
    assert "DOES NOT CLOSE" in overconfident.closure.verdict()
    assert "NOT UNIFORM" in overconfident.verdict()
    # 68 % intervals of 0.7 sigma hold erf(0.7/sqrt 2) = 52 %, more where the prior helps
    assert np.all(overconfident.closure.coverage(0.68) < 0.62)


def test_posteriors_are_those_of_linear_regression(line):
    keys = jax.random.split(jax.random.key(1), 3)
    planted = jnp.array([[0.2, -0.1], [0.0, 0.3], [-0.4, 0.0]])
    data = [line.simulate(v, k) for v, k in zip(planted, keys, strict=True)]
    fits = infer.fit_many(line.problem(), data, planted, jax.random.key(2))
    covariance = np.linalg.inv(line.fisher + line.prior)
    y = np.stack([d.c_ell for d in data]) - 10
    means = y @ line.design @ covariance / 0.2**2
    errors = np.sqrt(np.diagonal(covariance))
    # the best fit: 30 steps of a linear problem in curved angles
    np.testing.assert_allclose(fits.best, means, atol=1e-7)
    # moments of 600 effective samples: 4 of their errors, sigma/sqrt(600) and sigma/sqrt(1200)
    assert np.all(np.asarray(fits.effective_samples) > 600)
    away = (np.asarray(fits.means) - means) / errors
    np.testing.assert_allclose(away, 0.0, atol=4 / np.sqrt(600))
    np.testing.assert_allclose(np.asarray(fits.errors) / errors, 1.0, atol=4 / np.sqrt(1200))


def test_uniformity_tells_uniform_ranks_from_heaps_at_the_ends(rng):
    uniform = rng.uniform(size=(400, 1))
    heaped = rng.beta(0.7, 0.7, size=(400, 1))
    assert min(p[0] for p in infer.uniformity(uniform)) > 0.01
    assert infer.uniformity(heaped)[0][0] < 0.01


def test_posteriors_that_could_not_be_sampled_are_counted(right):
    report = right.closure
    num = np.where(np.arange(NUM) % 100 == 7, 3.0, report.effective_samples)
    worse = eqx.tree_at(lambda r: r.effective_samples, report, num)
    assert worse.poorly_sampled.tolist() == [7, 107]
    assert worse.verdict().endswith("; 2 posteriors worth fewer than 50 samples")
    assert "posteriors worth" not in report.verdict()


def test_values_are_drawn_from_the_priors_within_the_bounds():
    parameters = infer.ParameterSet(
        (
            infer.Parameter("x", 0.2, 0.0, 0.6, infer.HalfNormal(0.3)),
            infer.Parameter("y", 0.5, -1.0, 1.0, infer.Flat()),
            infer.Parameter("z", 0.5, -1.0, 1.0, infer.Flat(), fixed=True),
        )
    )
    drawn = jax.vmap(lambda k: infer.draw_values(parameters, k))(
        jax.random.split(jax.random.key(0), 4000)
    )
    from scipy.stats import kstest, truncnorm, uniform

    assert np.all(np.asarray(drawn[:, 2]) == 0.5)
    # p above 1e-4: a fixed key, fails for one in 5,000 of them
    assert kstest(drawn[:, 0], truncnorm(0, 2, scale=0.3).cdf).pvalue > 1e-4
    assert kstest(drawn[:, 1], uniform(-1, 2).cdf).pvalue > 1e-4


def test_error_texts(line):
    with pytest.raises(ValueError, match="closure: num: expected a number >= 20, got 5"):
        infer.closure(line.problem(), line.simulate, jax.random.key(0), num=5)
    other = infer.SpectrumData(np.arange(1, 4), np.ones(3), np.zeros(3), np.zeros(3))
    with pytest.raises(
        ValueError, match=r"fit_many: multipoles of the data: expected one of \[1, 2"
    ):
        infer.fit_many(line.problem(), [line.data, other], jnp.zeros((2, 2)), jax.random.key(0))


@pytest.mark.parametrize(("num", "closes"), [(32, True), (400, False)])
def test_a_bias_within_its_own_error_is_no_failure(num, closes):
    # 0.3 sigma: 1.7 errors of 32 data sets, 6 of 400
    pulls = norm.ppf((np.arange(num) + 0.5) / num)[:, None] + 0.3
    ones = np.ones((num, 1))
    report = infer.ClosureReport(("x",), 0 * ones, pulls, ones, norm.cdf(-pulls), 500 * ones[:, 0])
    assert report.passed == closes
