"""Which likelihood is chosen and why; limits of faint multipoles; maps at low l."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcr import infer, sky


def with_values(data, c_ell):
    return eqx.tree_at(lambda d: d.c_ell, data, np.asarray(c_ell))


def test_gaussian_skies_of_few_modes_are_gamma(toy):
    chosen = infer.choose_likelihood(toy.skies(), toy.template())
    assert isinstance(chosen, infer.GammaLikelihood)
    assert "3.0 degrees of freedom" in chosen.reason


def test_the_choice_is_made_where_the_model_is_as_bright_as_the_data(toy):
    class Simulated(toy.skies):
        """Skies whose scatter does not hold the noise of the data."""

        def predict(self, values, data):
            found = super().predict(values, data)
            without = found.mean / (found.mean + found.noise)
            covariance = jnp.outer(without, without) * found.covariance
            return dataclasses.replace(found, covariance=covariance)

    bright = np.exp(2.5) * np.arange(1.0, 9) ** -2.0
    data = with_values(toy.template(noise=3.0, debiased=False), bright)
    # at the start of the parameters the noise wins, and C + N would seem to be sure
    assert np.min(Simulated().predict(Simulated().parameters.start, data).freedom) > 30
    assert isinstance(infer.choose_likelihood(Simulated(), data), infer.GammaLikelihood)


def test_many_skies_are_log_normal(toy):
    chosen = infer.choose_likelihood(toy.skies(), toy.template(num_skies=32))
    assert isinstance(chosen, infer.LogNormalLikelihood)
    assert chosen.limits is None
    assert "mean of 32 skies" in chosen.reason


@pytest.mark.parametrize(
    ("num_skies", "kind"), [(1, infer.LogNormalLikelihood), (32, infer.GaussianLikelihood)]
)
def test_faint_multipoles_are_limits_or_gaussian(toy, num_skies, kind):
    data = toy.template(noise=0.1, num_skies=num_skies)
    data = with_values(data, [1, 0.3, 0.2, 0.1, 0.05, -0.01, 0.02, -0.02])
    chosen = infer.choose_likelihood(toy.skies(), data)
    assert isinstance(chosen, kind)
    assert "l = [" in chosen.reason
    assert ", 8] " in chosen.reason


def test_noise_error_is_that_of_noise_alone(toy):
    data = toy.template(noise=0.1, num_skies=4)
    modes = 4 * (2 * data.ell + 1)
    np.testing.assert_allclose(infer.noise_error(data), 0.1 * np.sqrt(2 / modes), rtol=1e-14)


def test_all_multipoles_under_the_noise(toy):
    data = with_values(toy.template(noise=10.0), np.full(8, 0.1))
    with pytest.raises(
        ValueError, match="noise_limits: C_l above 2 sigma: expected a number >= 1, got 0"
    ):
        infer.choose_likelihood(toy.skies(), data)
    with pytest.raises(ValueError, match=r"noise_limits: data.debiased: expected one of True"):
        infer.noise_limits(toy.template(debiased=False))


@pytest.mark.slow
def test_full_sky_map_is_the_gamma_likelihood_of_its_spectrum(toy, rng):
    lmax = 6
    modes = jnp.asarray(rng.normal(size=(lmax + 1) ** 2))
    low = infer.low_sky_from_modes(modes, jnp.full(lmax + 1, 0.05))
    spectrum = low.spectrum()
    noisy = with_values(toy.template(lmax, noise=0.05), spectrum.c_ell - 0.05)
    by_map = infer.Problem(toy.skies(), noisy, likelihood=infer.MapLikelihood(low))
    by_power = infer.Problem(toy.skies(), noisy, likelihood=infer.GammaLikelihood())
    # sufficient statistics: the difference is a constant, and the Fisher matrices are one
    gap = [
        float(infer.log_likelihood(by_map, v) - infer.log_likelihood(by_power, v))
        for v in (toy.values, toy.values + jnp.array([0.5, -0.4]))
    ]
    assert gap[0] == pytest.approx(gap[1], rel=1e-10)
    np.testing.assert_allclose(
        infer.fisher_matrix(by_map, toy.values),
        infer.fisher_matrix(by_power, toy.values),
        rtol=1e-9,
    )


@pytest.mark.slow
def test_cut_sky_map_has_no_mean_score(toy, key):
    lmax, noise, num = 3, 0.05, 1500
    window = sky.declination_window(2, lowest=-20.0, highest=70.0, m0_blind=True)
    model, data = toy.skies(), toy.template(lmax)
    power = model.mean_spectrum(toy.values)[sky.mode_degrees(lmax)]
    zero = infer.low_sky(np.zeros(48), window, lmax=lmax, noise=noise)
    pixels = jnp.eye(48)
    project = jnp.stack(
        [infer.low_sky(p, window, lmax=lmax, noise=noise).values for p in pixels], axis=1
    )

    def score(key):
        of_sky, of_noise = jax.random.split(key)
        modes = jnp.sqrt(power) * jax.random.normal(of_sky, power.shape)
        map = sky.evaluate_harmonics(modes, sky.pixel_centers(2))
        map = map + noise * jax.random.normal(of_noise, map.shape)
        own = eqx.tree_at(lambda s: s.values, zero, project @ map)
        return jax.grad(
            lambda v: infer.MapLikelihood(own).log_density(model.predict(v, data), data)
        )(toy.values)

    rows = np.asarray(jax.lax.map(jax.jit(score), jax.random.split(key, num)))
    # 4 standard errors; the squares of 1,500 scores to 5 %, 4 of them
    assert np.all(np.abs(rows.mean(0)) < 4 * rows.std(0) / np.sqrt(num))
    problem = infer.Problem(model, data, likelihood=infer.MapLikelihood(zero))
    fisher = np.asarray(infer.fisher_matrix(problem, toy.values)) - np.diag([0, 1.0])
    ratio = np.linalg.eigvals(np.linalg.solve(fisher, rows.T @ rows / num)).real
    np.testing.assert_allclose(ratio, 1, atol=0.2)


def test_bad_maps():
    window = sky.declination_window(4)
    with pytest.raises(ValueError, match="low_sky: noise: expected a positive number"):
        infer.low_sky(np.zeros(192), window, lmax=4, noise=0.0)
    with pytest.raises(ValueError, match=r"low_sky: maps: expected shape \(192,\)"):
        infer.low_sky(np.zeros(48), window, lmax=4, noise=1.0)
