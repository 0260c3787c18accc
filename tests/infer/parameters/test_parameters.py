"""Parameters: transforms are inverses, bounds hold, errors name the parameter."""

import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import truncnorm

from jaxcr import infer


@pytest.fixture
def parameters():
    return infer.ParameterSet(
        (
            infer.Parameter("a", 0.5, 0.0, 2.0, infer.Flat()),
            infer.Parameter("b", -1.0, -4.0, 1.0, infer.Normal(-2.0, 0.5)),
        )
    )


def test_bounded_and_free_are_inverses(parameters):
    values = jnp.array([1.9, -3.99])
    # round-off, amplified by the slope of the arc cosine near the bounds
    np.testing.assert_allclose(parameters.bounded(parameters.free(values)), values, rtol=1e-13)


def test_any_angle_lands_within_the_bounds_and_reaches_them(parameters):
    for angle in np.linspace(-20, 20, 41):
        values = np.asarray(parameters.bounded(jnp.full(2, angle)))
        assert np.all((values >= np.array([0.0, -4.0])) & (values <= np.array([2.0, 1.0])))
    np.testing.assert_allclose(parameters.bounded(jnp.array([0.0, np.pi])), [0, 1], atol=1e-14)


def test_prior_residuals_are_standard_deviations(parameters):
    residuals = parameters.prior_residuals(jnp.array([1.0, -1.0]))
    np.testing.assert_allclose(residuals, [0.0, 2.0])


def test_prior_sigmas_are_those_within_the_bounds():
    half = infer.Parameter("size", 0.2, 0.0, 0.6, infer.Normal(0.0, 0.3))
    flat = infer.Parameter("flat", 0.5, 0.0, 2.0, infer.Flat())
    sigmas = infer.ParameterSet((half, flat)).prior_sigmas
    # a sum over 1,001 points
    np.testing.assert_allclose(
        sigmas, [truncnorm(0, 2, scale=0.3).std(), 2 / np.sqrt(12)], rtol=2e-3
    )


def test_starts_begin_with_the_given_one_and_spread_as_their_priors(parameters):
    starts = np.asarray(parameters.starts(16))
    np.testing.assert_allclose(starts[0], [0.5, -1.0])
    assert np.all((starts > [0.0, -4.0]) & (starts < [2.0, 1.0]))
    many = np.asarray(parameters.starts(257))[1:]
    np.testing.assert_allclose(many.std(0), parameters.prior_sigmas, rtol=0.02)
    np.testing.assert_allclose(np.median(many, axis=0), [1.0, -2.0], atol=0.02)


def test_start_outside_its_bounds_names_the_parameter():
    with pytest.raises(ValueError, match=r"Parameter mirror: start: expected a number in \(1, 2\)"):
        infer.Parameter("mirror", 3.0, 1.0, 2.0, infer.Flat())
