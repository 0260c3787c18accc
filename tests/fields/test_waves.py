"""Plane waves: one wave by hand, statistics of many, derivatives, precision."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcr.fields import BendOver, PowerLaw, WaveField, realise_waves

SPECTRUM = PowerLaw(5 / 3, outer_scale=100.0, inner_scale=0.01)


@pytest.fixture(scope="module")
def field():
    return realise_waves(SPECTRUM, key=jax.random.key(3), num_waves=200, rms=2.0)


def test_one_wave_by_hand():
    wave = WaveField(jnp.array([[0.5, 0, 0]]), jnp.array([0.1]), jnp.array([[0, 3.0, 4.0]]))
    value = wave(jnp.array([0.7, 5.0, -2.0]))
    # One cosine and a product: round-off.
    np.testing.assert_allclose(value, np.cos(2 * np.pi * 0.45) * np.array([0, 3, 4]), atol=1e-15)
    assert wave.max_strength() == 5.0
    assert wave.lattice() is None


@pytest.mark.slow
def test_divergence_vanishes_and_the_jacobian_equals_differences(field, rng):
    points = jnp.asarray(rng.uniform(-50, 50, size=(20, 3)))
    jacobian = jax.vmap(field.jacobian)(points)
    # The same sum in another order.
    np.testing.assert_allclose(jacobian, jax.vmap(jax.jacfwd(field))(points), atol=1e-10)
    # Derivatives are of the order 2 pi / 0.01 × rms of the small scales; round-off of 200 terms.
    assert jnp.max(jnp.abs(jnp.trace(jacobian, axis1=1, axis2=2))) < 1e-11
    assert jnp.max(jnp.abs(jacobian)) > 1
    step = 1e-7
    along = (jax.vmap(field)(points + step * jnp.eye(3)[:1]) - jax.vmap(field)(points)) / step
    # Truncation h/2 (2 pi / 0.01)² × 0.01, rounding 1e-15 / 1e-7.
    np.testing.assert_allclose(along, jacobian[:, :, 0], atol=2e-3)


def test_every_wave_carries_the_power_of_its_cell(field):
    # Cells in ln k: the power up to any cell's end is that of the spectrum, to the rule's 1e-12.
    power = np.cumsum(np.sum(np.asarray(field.amplitudes) ** 2, axis=1) / 2)
    low, high = (float(x) for x in SPECTRUM.edges(jnp.float64))
    ends = low * (high / low) ** (np.arange(1, 201) / 200)
    expected = (low ** (-2 / 3) - ends ** (-2 / 3)) / (low ** (-2 / 3) - high ** (-2 / 3))
    np.testing.assert_allclose(power, expected, rtol=1e-10)


@pytest.mark.slow
def test_mean_square_over_space_and_realisations(key):
    law = BendOver(5 / 3, energy_index=4.0, bend_over_scale=2.0, outer_scale=40.0, inner_scale=0.02)

    def samples(key):
        of_waves, of_points = jax.random.split(key)
        field = realise_waves(law, key=of_waves, num_waves=100, rms=3.0)
        return jax.vmap(field)(jax.random.uniform(of_points, (50, 3), minval=-1e3, maxval=1e3))

    b = np.asarray(jax.vmap(samples)(jax.random.split(key, 200)))
    squares = np.sum(b**2, axis=2).mean(1)
    error = squares.std() / np.sqrt(200)
    assert abs(squares.mean() - 9) < 4 * error
    assert error < 0.2
    # Components alike, mean zero: 4 standard errors of 10,000 nearly independent samples.
    np.testing.assert_allclose(b.mean((0, 1)), 0, atol=4 * np.sqrt(3 / 1e4))
    np.testing.assert_allclose((b**2).mean((0, 1)), 3, rtol=0.1)


@pytest.mark.slow
def test_correlation_is_that_of_the_spectrum(key):
    law = PowerLaw(5 / 3, outer_scale=20.0, inner_scale=0.5)
    lag = 1.5

    def product(key):
        field = realise_waves(law, key=key, num_waves=60, rms=1.0)
        return field(jnp.zeros(3)) @ field(jnp.array([0.0, lag, 0.0]))

    products = np.asarray(jax.vmap(product)(jax.random.split(key, 20_000)))
    # Isotropic turbulence: <B(0)·B(s)> / rms² is the integral of E(k) sin(ks)/(ks).
    k = np.geomspace(2 * np.pi / 20 * (1 + 1e-9), 2 * np.pi / 0.5 * (1 - 1e-9), 20_001)
    weight = np.asarray(law(jnp.asarray(k))) * np.sinc(k * lag / np.pi)
    expected = np.trapezoid(weight, k)
    assert abs(products.mean() - expected) < 4 * products.std() / np.sqrt(20_000)
    assert expected > 0.3


def test_float32_stays_accurate_far_from_the_origin(field):
    near = jax.random.uniform(jax.random.key(1), (100, 3), jnp.float32, -1, 1)
    single = jax.vmap(field)(near)
    double = jax.vmap(field)(near.astype(jnp.float64))
    assert single.dtype == jnp.float32
    # Phases in float64; roundings of 200 waves of rms 2 add as a random walk.
    np.testing.assert_allclose(single, double, atol=4e-6)
    far = near + 512
    np.testing.assert_allclose(
        jax.vmap(field)(far), jax.vmap(field)(far.astype(jnp.float64)), atol=4e-6
    )


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.float64])
def test_the_cosine_is_right_to_rounding(dtype):
    place = jnp.linspace(-0.5, 0.5, 100_001, dtype=dtype)
    wave = WaveField(
        jnp.array([[1.0, 0.0, 0.0]], dtype),
        jnp.zeros(1, dtype),
        jnp.array([[0.0, 1.0, 0.0]], dtype),
    )
    value = jax.vmap(wave)(jnp.stack([place, 0 * place, 0 * place], axis=1))[:, 1]
    true = np.cos(2 * np.pi * np.asarray(place, float))
    # The phase is known to half a rounding of half a cycle, times 2 pi.
    assert np.max(np.abs(np.asarray(value) - true)) < 4 * np.finfo(dtype).eps


def test_gradients_by_amplitude_and_index():
    def value(theta):
        law = PowerLaw(theta[1], outer_scale=100.0, inner_scale=1.0)
        field = realise_waves(law, key=jax.random.key(0), num_waves=50, rms=theta[0])
        return field(jnp.array([1.0, 2.0, 3.0]))[0]

    theta = jnp.array([2.0, 5 / 3])
    slope = jax.grad(value)(theta)
    for i in range(2):
        up, down = (value(theta.at[i].add(sign * 1e-6)) for sign in (1, -1))
        # Truncation 1e-11, rounding 1e-15 / 1e-6.
        assert jnp.isclose(slope[i], (up - down) / 2e-6, rtol=1e-6, atol=1e-8)


def test_the_key_fixes_the_waves(field):
    again = realise_waves(SPECTRUM, key=jax.random.key(3), num_waves=200, rms=2.0)
    other = realise_waves(SPECTRUM, key=jax.random.key(4), num_waves=200, rms=2.0)
    assert jnp.array_equal(again.frequencies, field.frequencies)
    assert not jnp.array_equal(other.frequencies, field.frequencies)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: realise_waves(SPECTRUM, key=jax.random.key(0), num_waves=9, rms=1.0),
            "realise_waves: num_waves: expected a number >= 10, got 9",
        ),
        (
            lambda: WaveField(jnp.ones((2, 3)), jnp.ones(1), jnp.ones((2, 3))),
            "WaveField: frequencies: expected shape",
        ),
        (
            lambda: WaveField(jnp.ones((1, 3)), jnp.ones(1), jnp.ones((1, 3))),
            "WaveField: amplitudes: expected vectors across",
        ),
    ],
)
def test_rejects_what_is_no_field(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_correlation_length_of_the_bend_over_spectrum():
    law = BendOver(
        5 / 3, energy_index=4.0, bend_over_scale=1.0, outer_scale=600.0, inner_scale=1e-4
    )
    lengths = []
    for i in range(6):
        field = realise_waves(law, key=jax.random.key(i), num_waves=300, rms=1.0)
        k = 2 * np.pi * np.linalg.norm(field.frequencies, axis=1)
        power = np.sum(np.asarray(field.amplitudes) ** 2, axis=1)
        # B(0)·B(s) over all directions is sin(ks)/(ks), its integral pi/(2k).
        lengths.append(np.pi / 2 * np.sum(power / k) / np.sum(power))
    # One field scatters by 1 %: where a wave lies within its cell.
    assert np.mean(lengths) == pytest.approx(0.49789, rel=0.02)
