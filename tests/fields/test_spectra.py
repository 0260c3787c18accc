import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import beta

from jaxcr.fields import BendOver, FunctionSpectrum, PowerLaw

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


def bend_over(index, energy_index=4.0, outer=1e6, inner=1e-6):
    return BendOver(
        index,
        energy_index=energy_index,
        bend_over_scale=3.0,
        outer_scale=outer,
        inner_scale=inner,
    )


@pytest.mark.parametrize(("index", "energy_index"), [(5 / 3, 4.0), (5 / 3, 1.5), (2.0, 2.0)])
def test_bend_over_by_hand(index, energy_index):
    # Endless: the integral of x^q (1 + x²)^-(s+q)/2 is half the beta function ((q+1)/2, (s-1)/2).
    k = jnp.array([0.1, 1 / 3, 2.0])
    x = np.asarray(k) * 3.0
    norm = beta((energy_index + 1) / 2, (index - 1) / 2) / 2 / 3.0
    expected = x**energy_index * (1 + x**2) ** (-(index + energy_index) / 2) / norm
    # The cut at 1e-6 pc takes (2e-7 / 2 pi)^(s - 1) = 1e-5 of the power.
    assert np.allclose(bend_over(index, energy_index)(k), expected, rtol=3e-5)


def test_correlation_length_of_the_bend_over_is_half_its_scale():
    # (pi/2) Beta(2, 5/6) / Beta(5/2, 1/3) = 0.49789 for s = 5/3, q = 4
    law = bend_over(5 / 3)
    assert np.isclose(law.correlation_length() / 3.0, 0.49789, rtol=3e-5)


def test_a_function_is_the_spectrum_that_it_is_proportional_to():
    k = jnp.geomspace(LOW, HIGH, 20)
    own = FunctionSpectrum(lambda k: 7.0 * k**-1.5, outer_scale=50.0, inner_scale=2.0)
    # The rule of 256 nodes is exact for exponentials over one decade.
    assert jnp.allclose(own(k), spectrum(1.5)(k), rtol=1e-12)
    assert jnp.isclose(own.correlation_length(), spectrum(1.5).correlation_length(), rtol=1e-12)
    assert own(jnp.asarray(0.5 * LOW)) == 0


def test_bend_over_has_gradients_by_every_parameter():
    def value(theta):
        law = BendOver(
            theta[0],
            energy_index=theta[1],
            bend_over_scale=theta[2],
            outer_scale=theta[3],
            inner_scale=0.1,
        )
        return law.correlation_length() + jnp.log(law(jnp.array(1.0)))

    theta = jnp.array([5 / 3, 4.0, 3.0, 30.0])
    slope = jax.jit(jax.grad(value))(theta)
    for i in range(4):
        up, down = (value(theta.at[i].add(sign * 1e-5)) for sign in (1, -1))
        # Truncation 1e-10, rounding 1e-11.
        assert jnp.isclose(slope[i], (up - down) / 2e-5, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: bend_over(5 / 3, outer=1.0, inner=2.0), "BendOver: inner_scale, outer_scale"),
        (
            lambda: BendOver(
                2.0, energy_index=4.0, bend_over_scale=0.0, outer_scale=2.0, inner_scale=1.0
            ),
            "BendOver: bend_over_scale: expected a positive length, got 0",
        ),
        (
            lambda: FunctionSpectrum(lambda k: k - 1, outer_scale=50.0, inner_scale=2.0),
            "FunctionSpectrum: function: expected finite positive values",
        ),
    ],
)
def test_rejects_what_is_no_spectrum(make, message):
    with pytest.raises(ValueError, match=message):
        make()
