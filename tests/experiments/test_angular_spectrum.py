"""Scatter, derivatives and forecasts of C_l: closed forms, and inputs that turn verdicts over."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcr import infer
from jaxcr.experiments import EXPERIMENTS
from jaxcr.experiments.angular_spectrum import (
    ANGULAR_SPECTRUM,
    cosmic_variance,
    forecast,
    spectrum_derivatives,
)
from jaxcr.experiments.angular_spectrum.setup import LMAX
from jaxcr.statistics import Estimate

SMALL = {
    "cells": 16, "outer_scale": 8.0, "inner_scale": 2.0, "gyroradius": 4.0, "path": 1.0, "nside": 8
}  # fmt: skip


def estimate(value, error):
    return Estimate(jnp.asarray(value, float), jnp.asarray(error, float))


def test_the_command_knows_them():
    names = [x.name for x in ANGULAR_SPECTRUM]
    assert {"cosmic-variance", "spectrum-derivatives", "forecast"} <= set(names)
    assert all(EXPERIMENTS[name] is x for name, x in zip(names, ANGULAR_SPECTRUM, strict=True))


# cosmic-variance


def gaussian_skies(rng, *, fields=400, observers=4, noise=0.02, shared=0.0, common=0.0):
    """Return half-cross spectra of Gaussian skies with C_l = 1/l², from their real modes.

    ``shared`` is the part of the amplitudes that observers of a field have in common, ``common``
    the scatter of a factor on all C_l of a sky.
    """
    spectra = np.zeros((fields, observers, LMAX + 1))
    axial = np.zeros((fields, observers, 2, LMAX + 1))
    factor = 1 + common * rng.standard_normal((fields, observers, 1))
    for l in range(1, LMAX + 1):
        own = rng.standard_normal((fields, observers, 2 * l + 1))
        field = rng.standard_normal((fields, 1, 2 * l + 1))
        modes = factor * (np.sqrt(1 - shared) * own + np.sqrt(shared) * field) / l
        halves = [modes + np.sqrt(2 * noise) * rng.standard_normal(modes.shape) for _ in range(2)]
        spectra[..., l] = np.mean(halves[0] * halves[1], axis=-1)
        axial[..., l] = np.stack([x[..., 0] for x in halves], axis=2)
    return cosmic_variance.Skies(spectra, axial, noise)


@pytest.fixture(scope="module")
def gaussian():
    return cosmic_variance.measure(gaussian_skies(np.random.default_rng(1)))


def test_a_gaussian_sky_has_cosmic_variance(gaussian):
    """Noise of N = 0.02 is five times C_16: its variance is 50 times that of the sky."""
    for name in ("excess", "axial"):
        away = (np.asarray(gaussian[name].value) - 1) / np.asarray(gaussian[name].error)
        assert np.max(np.abs(away[:8])) < 4  # beyond, the jackknife's error is no Gaussian
    for name, value in (
        ("low_excess", 1), ("low_beyond", 0), ("mean_shared", 0), ("neighbours", 0),
        ("dipole_correlation", 0),
    ):  # fmt: skip
        found = gaussian[name]
        assert abs(float(found.value) - value) < 4 * float(found.error)
        assert float(found.error) < 0.5
    # chi² of 2l+1 degrees of freedom, before noise counts
    quiet = cosmic_variance.measure(gaussian_skies(np.random.default_rng(2), noise=1e-9))
    assert abs(float(quiet["low_skewness"].value) - 1) < 4 * float(quiet["low_skewness"].error)
    np.testing.assert_allclose(quiet["skies"].value[1], 100 * 2 / 5, rtol=0.2)


def test_no_verdict_finds_anything_in_a_gaussian_sky(gaussian):
    assert all(x.holds is None for i, x in enumerate(cosmic_variance.judge(gaussian)) if i != 6)
    assert not cosmic_variance.judge(gaussian)[6].holds


def test_common_modes_and_factors_are_found():
    shared = cosmic_variance.measure(
        gaussian_skies(np.random.default_rng(3), shared=0.5, noise=1e-9)
    )
    # a_lm with correlation 1/2 have squares with correlation 1/4
    found = shared["mean_shared"]
    assert abs(float(found.value) - 0.25) < 4 * float(found.error)
    assert cosmic_variance.judge(shared)[3].holds
    factor = cosmic_variance.measure(
        gaussian_skies(np.random.default_rng(4), common=0.2, noise=1e-9)
    )
    verdicts = cosmic_variance.judge(factor)
    assert verdicts[0].holds
    assert verdicts[4].holds
    assert verdicts[5].holds is False  # the dipole goes with the others, not against them


def test_a_dipole_of_its_own_scatters_less():
    skies = gaussian_skies(np.random.default_rng(5), noise=1e-9)
    skies.spectra[..., 1] = 10 + 0.1 * np.random.default_rng(6).standard_normal((400, 4))
    assert cosmic_variance.judge(cosmic_variance.measure(skies))[1].holds


# spectrum-derivatives


def test_the_trap_of_a_point_is_that_of_the_model():
    point = jnp.array([0.1, 1.6, jnp.log(2.5), 0.4])
    values = spectrum_derivatives.model_values(point)
    np.testing.assert_allclose(values[1:], [0.1, 1.6, np.log(1.5), 0.4], rtol=1e-12)


@pytest.mark.slow
def test_the_emulator_differentiates_a_power_law():
    """Skies that go as level² everywhere have d ln C_l / d ln level = 2 and no slope by index."""
    skies = infer.SkyEnsemble(**SMALL, lmax=2, boundary_lmax=24)
    model, by_field = spectrum_derivatives.emulate(skies, 1)
    powers = jnp.exp(2 * model.emulator.nodes[:, 0])[:, None, None]
    mean = jnp.broadcast_to(jnp.mean(by_field, axis=(0, 1))[None], by_field.shape[1:])
    slopes = spectrum_derivatives.emulator_slopes(model, mean * powers.astype(mean.dtype))
    np.testing.assert_allclose(slopes[0], 2, atol=1e-3)  # float32 tensors
    np.testing.assert_allclose(slopes[1], 0, atol=1e-3)


def test_cosines_ignore_the_amplitude():
    rng = np.random.default_rng(7)
    slope = rng.standard_normal(LMAX)
    slopes = jnp.asarray([slope, 2 * slope + 3, -slope + 1, rng.standard_normal(LMAX)])
    root = rng.standard_normal((LMAX, 2 * LMAX))
    found = spectrum_derivatives.cosines(slopes, jnp.asarray(root @ root.T))
    np.testing.assert_allclose(found[0, :3], [1, 1, -1], rtol=1e-9)
    assert abs(float(found[0, 3])) < 0.9


def test_parallel_and_different_parameters():
    names = spectrum_derivatives.NAMES
    errors = np.full((4, 4), 0.01)

    def judged(cosine, error=1.0):
        found = estimate(np.full((4, 4), cosine), error * errors)
        return spectrum_derivatives.judge_parallel(found, *names[:2]).holds

    assert judged(-0.99)
    assert judged(0.5) is False
    assert judged(0.88, error=10) is None


def test_derivatives_that_differ_are_noticed():
    judge = spectrum_derivatives.judge_agreement
    errors = np.full((4, LMAX), 0.01)
    small, large = (estimate(np.full((4, LMAX), x), errors) for x in (0.03, 0.2))
    assert judge("", small, regular=True).holds
    assert judge("", large, regular=True).holds is False
    assert judge("", small, regular=False).holds is None


def test_the_horizon():
    regular, chaotic = (
        spectrum_derivatives.Regularity(np.full(LMAX, x), 1.0, 1.0, x < 1.5, 4) for x in (1.0, 9.0)
    )
    judge, short, long = spectrum_derivatives.judge_horizon, 2.0, 6.0
    assert judge({short: regular, long: chaotic}).holds
    assert judge({short: regular, long: regular}).holds is False


# forecast


@pytest.fixture(scope="module")
def model():
    skies = infer.SkyEnsemble(**SMALL, lmax=LMAX, boundary_lmax=24)
    emulator = infer.build_emulator(skies, num_fields=6, num_nodes=8)
    return infer.SkyModel(emulator, infer.TrapSeries(lmax=24))


def test_the_full_sky_has_the_noise_that_is_stated(model):
    problem = forecast.full_sky(model, jnp.array(infer.PLANTED))
    data = problem.data
    assert not data.m0_blind
    assert data.num_skies == 1
    np.testing.assert_allclose(data.noise, forecast.NOISE * data.c_ell[0], rtol=1e-6)


def case(model, errors, fisher):
    errors = np.asarray(errors, float)
    problem = infer.Problem(
        model, infer.SpectrumData(*(np.ones(1, x) for x in (int, *[float] * 3)))
    )
    covariance = np.diag(np.asarray(fisher, float) ** 2)
    return forecast.Case(problem, covariance, 0 * errors, errors, np.full(len(errors), 1e4))


def test_fisher_and_posterior_errors_are_held_together(model):
    fisher = [0.1, 0.2, 0.5, 0.3]
    names = model.parameters.names
    right = np.asarray(fisher) * (1 + 0.02 * np.random.default_rng(8).standard_normal((9, 4)))
    assert forecast.judge_fisher(names, case(model, right, fisher), "").holds
    wrong = right * np.array([1, 2, 1, 1])
    assert forecast.judge_fisher(names, case(model, wrong, fisher), "").holds is False


def test_a_full_sky_must_be_better(model):
    names = model.parameters.names
    working, full = case(model, [[0.2] * 4], [0.2] * 4), case(model, [[0.1] * 4] * 3, [0.1] * 4)
    place = names.index("ln dB/B0")
    assert forecast.judge_improvement(working, full, place).holds
    assert forecast.judge_improvement(full, working, place).holds is False
    assert forecast.judge_improvement(working, working, place).holds is None


def test_what_is_constrained():
    names = ("ln A", "ln dB/B0", "ln(R-1)", "gradient")
    assert forecast.judge_constrained(names, np.array([0.1, 0.8, 0.9, 1.0])).holds
    assert forecast.judge_constrained(names, np.array([0.1, 0.3, 0.9, 1.0])).holds is False


def test_the_posterior_error_of_many_sets_is_their_rms(model):
    found = forecast.posterior_error(case(model, [[1.0] * 4, [7.0] * 4], [1.0] * 4))
    np.testing.assert_allclose(found.value, 5, rtol=1e-12)
    single = forecast.posterior_error(case(model, [[2.0] * 4], [1.0] * 4))
    np.testing.assert_allclose(single.error, 2 / np.sqrt(2e4), rtol=1e-12)
    assert isinstance(found.value, jax.Array)
