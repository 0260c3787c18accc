import jax.numpy as jnp
import numpy as np
import pytest
import scipy.special

from jaxcr.traps import (
    AbsorbingEnd,
    Chain,
    hop_generating_function,
    hop_probability,
    laurent_coefficients,
    occupation_generating_function,
    steady_state,
)


@pytest.mark.parametrize("a", [0.5, 1.0, 1.5])
def test_coefficients_are_the_occupations(a):
    rate = jnp.ones(30)
    chain = Chain(a * rate, rate, left_end=AbsorbingEnd(), right_end=AbsorbingEnd())
    occupation = steady_state(chain, jnp.zeros(30).at[-1].set(1.0))
    coefficients = laurent_coefficients(
        lambda z: occupation_generating_function(a, z), 15, radius=0.4
    )
    np.testing.assert_allclose(coefficients[:16], 0, atol=1e-9)  # z^0 and below
    # 1e-9: 0.4^15 = 1e-6 of rounding of the largest
    np.testing.assert_allclose(coefficients[16:], occupation[:15] / occupation[0], rtol=1e-9)


@pytest.mark.parametrize(("g", "r"), [(1.0, 1.0), (2.0, 0.5)])
def test_hops_follow_skellams_law(g, r):
    m = np.arange(-30, 31)
    mean = 2 * 3.0 * np.sqrt(g * r)
    expected = (g / r) ** (m / 2) * scipy.special.ive(m, mean) * np.exp(mean - 3.0 * (g + r))
    np.testing.assert_allclose(hop_probability(g, r, 3.0, 30), expected, atol=1e-15)
    likely = expected > 1e-6
    np.testing.assert_allclose(hop_probability(g, r, 3.0, 30)[likely], expected[likely], rtol=1e-9)


def test_generating_function_of_no_time_is_one():
    assert hop_generating_function(1.0, 2.0, 0.0, 0.3) == 1.0


def test_a_negative_order_is_rejected():
    with pytest.raises(ValueError, match="laurent_coefficients: max_order: expected a number >= 0"):
        laurent_coefficients(jnp.exp, -1)
