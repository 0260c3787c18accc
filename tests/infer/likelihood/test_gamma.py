"""The Gamma and Gaussian likelihoods against SciPy, their residuals, the windows' share."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import gamma, multivariate_normal, norm

from jaxcr import infer, sky

C_ELL = np.array([1.7, 0.2, 0.14, 0.06, 0.05, 0.02, 0.03, 0.01])


def data(toy, **options):
    base = toy.template(noise=0.05, **options)
    return infer.SpectrumData(base.ell, C_ELL, base.log_error, base.noise, base.num_skies)


def test_uncorrelated_gamma_is_scipys(toy):
    prediction = toy.skies().predict(toy.values, data(toy))
    half = (2 * data(toy).ell + 1) / 2
    total = np.asarray(prediction.mean + prediction.noise)
    expected = gamma(half, scale=total / half).logpdf(C_ELL + 0.05).sum()
    found = infer.GammaLikelihood().log_density(prediction, data(toy))
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_correlated_gaussian_is_scipys(toy):
    prediction = toy.skies(0.3).predict(toy.values, data(toy))
    expected = multivariate_normal(prediction.mean, prediction.covariance).logpdf(C_ELL)
    found = infer.GaussianLikelihood().log_density(prediction, data(toy))
    np.testing.assert_allclose(found, expected, rtol=1e-12)


@pytest.mark.parametrize("form", [infer.GaussianLikelihood, infer.LogNormalLikelihood])
def test_a_limit_is_the_probability_to_lie_below_given_the_values(toy, form):
    limits = np.full(8, -np.inf)
    limits[2] = 0.3  # above the value of C_3
    prediction = toy.skies(0.3).predict(toy.values, data(toy))
    if form is infer.GaussianLikelihood:
        mean, covariance, values, limit = prediction.mean, prediction.covariance, C_ELL, 0.3
    else:
        mean, covariance = prediction.log_mean, prediction.log_covariance
        values, limit = np.log(C_ELL + 0.05), np.log(0.35)
    mean, covariance = np.asarray(mean), np.asarray(covariance)
    rest = np.arange(8) != 2
    weights = np.linalg.solve(covariance[np.ix_(rest, rest)], covariance[rest, 2])
    given = mean[2] + weights @ (values - mean)[rest]
    width = np.sqrt(covariance[2, 2] - weights @ covariance[rest, 2])
    expected = multivariate_normal(mean[rest], covariance[np.ix_(rest, rest)]).logpdf(values[rest])
    expected += norm.logcdf((limit - given) / width)
    found = form(limits=limits).log_density(prediction, data(toy))
    np.testing.assert_allclose(found, expected, rtol=1e-10)


@pytest.mark.parametrize(
    "likelihood",
    [
        infer.GammaLikelihood(),
        infer.GammaLikelihood(share=0.6),
        infer.GaussianLikelihood(),
        infer.LogNormalLikelihood(limits=np.full(8, 0.1)),
        infer.GaussianLikelihood(limits=np.full(8, 0.1)),
    ],
    ids=str,
)
def test_residuals_give_the_density_up_to_a_constant(toy, likelihood):
    model, own = toy.skies(0.3), data(toy, num_skies=3)

    def gap(values):
        prediction = model.predict(values, own)
        squares = jnp.sum(likelihood.residuals(prediction, own) ** 2)
        return squares + 2 * likelihood.log_density(prediction, own)

    # far from the best fit too, where a solver may pass; round-off of roots, and 1e-12 a limit
    points = [toy.values + jnp.array(s) for s in ([0.0, 0.0], [1.5, 0.0], [-2.0, 0.5], [0.3, -1.5])]
    np.testing.assert_allclose([gap(p) for p in points], float(gap(toy.values)), rtol=1e-9)


def test_share_of_a_window_is_that_of_simulated_skies(rng):
    window = sky.declination_window(8, lowest=-20.0, highest=70.0, m0_blind=False)
    lmax, num = 16, 600
    modes = jnp.asarray(rng.normal(size=(num, sky.mode_degrees(lmax).size)))
    maps = jax.vmap(lambda a: sky.evaluate_harmonics(a, sky.pixel_centers(8)))(modes)
    weight = 2 * np.arange(6, 14) + 1
    band = np.asarray(sky.pseudo_spectrum(maps, window, lmax=lmax))[:, 6:14] @ weight
    freedom = 2 * band.mean() ** 2 / band.var() / weight.sum()
    # 600 skies know a variance to 6 %; edges of the band, which modes beyond it share, 10 %
    assert float(infer.window_share(window)) == pytest.approx(freedom, rel=0.2)
    assert freedom < 0.85  # a full sky has 1
