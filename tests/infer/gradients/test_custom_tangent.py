"""Least squares on a rough function with an estimated derivative."""

import jax
import jax.numpy as jnp
import numpy as np
import optimistix

from jaxcr import infer

SLOPES = jnp.array([[1.0, 0.5, -0.3], [0.2, -1.0, 0.7]])
PLANTED = jnp.array([0.4, -0.2])


def rippled(values):
    """Return a line, plus a ripple of 1e-3 with slopes of a hundred."""
    return values @ SLOPES + 1e-3 * jnp.sin(1e5 * values.sum() + jnp.arange(3.0))


def fitted(function):
    """Return where Levenberg-Marquardt ends."""
    solver = optimistix.LevenbergMarquardt(rtol=1e-4, atol=1e-4)
    target = PLANTED @ SLOPES
    solution = optimistix.least_squares(
        lambda values, _: function(values) - target, solver, jnp.array([2.0, 1.5]),
        max_steps=100, throw=False,
    )  # fmt: skip
    return np.asarray(solution.value)


def test_levenberg_marquardt_follows_the_trend():
    smooth = infer.estimated_jacobian(rippled, lambda values: SLOPES)
    # the ripple moves the optimum by 1e-3 over slopes of one
    np.testing.assert_allclose(fitted(smooth), PLANTED, atol=5e-3)
    assert np.max(np.abs(fitted(rippled) - np.asarray(PLANTED))) > 0.1


def test_forward_and_reverse_use_the_estimate_and_the_value_is_exact():
    smooth = infer.estimated_jacobian(rippled, lambda values: SLOPES)
    values = jnp.array([0.3, 0.1])
    np.testing.assert_array_equal(smooth(values), rippled(values))
    np.testing.assert_allclose(jax.jacfwd(smooth)(values), SLOPES.T, rtol=1e-14)
    np.testing.assert_allclose(jax.jacrev(smooth)(values), SLOPES.T, rtol=1e-14)
