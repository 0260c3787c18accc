import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import quad

from jaxcr.fields import PowerLaw

INDICES = [0.0, 1.0, 1.5, 5 / 3, 2.0, 4.0]
LOW, HIGH = 2 * np.pi / 50.0, 2 * np.pi / 2.0


def spectrum(index, dtype=None):
    index = jnp.asarray(index, dtype)
    return PowerLaw(index, outer_scale=50.0, inner_scale=2.0)


def integral(index, power):
    """Return the integral of k^power E(k), over ln k because E is steep."""
    law = eqx.filter_jit(spectrum(index))
    value, _ = quad(
        lambda u: float(law(jnp.exp(u))) * np.exp((1 + power) * u), *np.log([LOW, HIGH])
    )
    return value


def test_power_law_by_hand():
    # E = k^-2 / (1/low - 1/high).
    k = jnp.array([0.2, 1.0, 3.0])
    expected = k**-2 / (1 / LOW - 1 / HIGH)
    # A power and a quotient: a few roundings.
    assert jnp.allclose(spectrum(2.0)(k), expected, rtol=1e-14)


def test_nothing_outside_the_range():
    outside = jnp.array([0.0, 0.99 * LOW, 1.01 * HIGH, 1e30])
    assert jnp.array_equal(spectrum(5 / 3)(outside), jnp.zeros(4))


def test_kolmogorov_correlation_length_is_a_tenth_of_the_outer_scale():
    # (pi/2)(1/low)(2/3)/(5/3) for an endless range; the end adds (low/high)^(2/3) = 1e-6.
    law = PowerLaw(5 / 3, outer_scale=100.0, inner_scale=1e-7)
    assert jnp.allclose(law.correlation_length(), 10.0, rtol=2e-6)


@pytest.mark.parametrize("index", INDICES)
def test_integral_is_one(index):
    # The tolerance of the quadrature.
    assert abs(integral(index, 0) - 1) < 1e-8


@pytest.mark.parametrize("index", INDICES)
def test_correlation_length_is_the_mean_of_the_inverse(index):
    expected = np.pi / 2 * integral(index, -1)
    # The tolerance of the quadrature.
    assert np.isclose(spectrum(index).correlation_length(), expected, rtol=1e-8)


def test_smooth_through_index_one():
    near = jnp.array([1 - 1e-7, 1.0, 1 + 1e-7])
    values = jax.vmap(lambda index: spectrum(index)(jnp.array(1.0)))(near)
    # The slope by index is of order one, so neighbours differ by 1e-7; no loss of digits.
    assert jnp.allclose(values[0] + values[2], 2 * values[1], rtol=1e-12)


@pytest.mark.parametrize("index", INDICES)
def test_gradient_by_index_equals_differences(index):
    @jax.jit
    def value(index):
        law = spectrum(index)
        return law(jnp.array(1.0)) + law.correlation_length()

    step = 1e-4
    slope = jax.grad(value)(jnp.array(index))
    differences = (value(jnp.array(index + step)) - value(jnp.array(index - step))) / (2 * step)
    # Truncation h²/6 f''' = 2e-9 × 10, rounding 1e-12.
    assert jnp.allclose(slope, differences, rtol=1e-6, atol=1e-7)


def test_gradient_outside_the_range_is_zero():
    slope = jax.grad(lambda index: spectrum(index)(jnp.array(0.0)))(jnp.array(5 / 3))
    assert slope == 0


@pytest.mark.parametrize(("outer", "inner"), [(2.0, 50.0), (2.0, 2.0), (2.0, 0.0), (2.0, -1.0)])
def test_rejects_a_range_that_is_none(outer, inner):
    with pytest.raises(ValueError, match="PowerLaw: inner_scale, outer_scale: expected 0 < inner"):
        PowerLaw(5 / 3, outer_scale=outer, inner_scale=inner)


def test_follows_the_type_of_the_wavenumber():
    value = spectrum(5 / 3, jnp.float32)(jnp.ones(2, jnp.float32))
    assert value.dtype == jnp.float32
    # Powers of numbers below 10 in float32.
    assert jnp.allclose(value.astype(float), spectrum(5 / 3)(jnp.ones(2)), rtol=1e-5)
