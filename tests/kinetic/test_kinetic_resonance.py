"""Resonances: closed forms, inverses, and the phase that a gyrating particle sees."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcr import units
from jaxcr.kinetic import resonance as rs

ROUND_OFF = 1e-14  # a handful of operations
STRENGTH = 3.0


def test_gyrofrequency():
    # one turn in 2 pi r_L / v of path of light
    rigidity = 6.0 / units.GYRORADIUS  # r_L = 2 pc
    np.testing.assert_allclose(rs.gyrofrequency(rigidity, STRENGTH), 0.5, rtol=ROUND_OFF)
    slow = rs.gyrofrequency(-rigidity, STRENGTH, speed=0.4)
    np.testing.assert_allclose(slow, -0.2, rtol=ROUND_OFF)


def test_static_fields_resonate_at_the_projected_gyroradius():
    rigidity = 6.0 / units.GYRORADIUS
    k = rs.resonant_wavenumber(jnp.array([1.0, 0.25, -0.5]), rigidity, STRENGTH)
    np.testing.assert_allclose(k, [-0.5, -2, 1], rtol=ROUND_OFF)  # -1 / (mu r_L)
    assert float(rs.resonant_wavenumber(0.0, rigidity, STRENGTH)) == np.inf


@pytest.mark.parametrize("harmonic", [1, -1, 3])
@pytest.mark.parametrize("rigidity", [2.0, -0.5])
def test_wavenumber_and_cosine_are_inverse(harmonic, rigidity):
    cosine = jnp.linspace(-0.95, 0.9, 14)
    options = {"harmonic": harmonic, "speed": 0.7, "wave_speed": 0.05}
    k = rs.resonant_wavenumber(cosine, rigidity, STRENGTH, **options)
    back = rs.resonant_cosine(k, rigidity, STRENGTH, **options)
    np.testing.assert_allclose(back, cosine, rtol=1e-12, atol=1e-13)  # V - v mu cancels
    # omega - k v mu = n Omega
    mismatch = k * 0.05 - k * 0.7 * cosine
    expected = harmonic * rs.gyrofrequency(rigidity, STRENGTH, speed=0.7)
    np.testing.assert_allclose(mismatch, expected * np.ones(14), rtol=1e-12)


@pytest.mark.parametrize("rigidity", [2.0, -2.0])
@pytest.mark.parametrize("handed", [1, -1])
def test_a_resonant_wave_pushes_always_the_same_way(rigidity, handed):
    # dmu/dt = (Omega/B0) (n × dB)_z along the undisturbed helix dn/dt = Omega n × z; the wave is
    # dB_x + i dB_y = exp[i handed (k z - omega t)]
    mu, speed, wave_speed = 0.6, 0.8, 0.01
    omega = float(rs.gyrofrequency(rigidity, STRENGTH, speed=speed))
    t = np.linspace(0, 2 * np.pi / abs(omega) * 20, 4001)[:-1]
    across = 0.8 * np.exp(-1j * omega * t)
    np.testing.assert_allclose(
        np.gradient(across, t)[1:-1], -1j * omega * across[1:-1], atol=1e-3 * abs(omega)
    )

    def mean_push(harmonic):
        k = float(rs.resonant_wavenumber(
            mu, rigidity, STRENGTH, harmonic=harmonic, speed=speed, wave_speed=wave_speed
        ))  # fmt: skip
        wave = np.exp(1j * handed * (k * (speed * mu * t) - k * wave_speed * t) + 0.5j)
        return np.mean((np.conj(across) * wave).imag)

    # in phase all along: 0.8 sin(0.5) up to round-off of many turns
    np.testing.assert_allclose(mean_push(handed), 0.8 * np.sin(0.5), rtol=1e-10)
    assert abs(mean_push(-handed)) < 1e-10  # the other polarisation averages out over whole turns


def test_the_azimuth_turns_as_the_equation_of_motion_says():
    # n = (cos(Omega t), -sin(Omega t), 0) obeys dn/dt = Omega n × z, for a positive charge
    omega = float(rs.gyrofrequency(2.0, STRENGTH))
    n = np.array([1.0, 0.0, 0.0])
    turn = np.cross(n, [0, 0, STRENGTH]) / (units.GYRORADIUS * 2.0)
    np.testing.assert_allclose(turn, [0, -omega, 0], rtol=ROUND_OFF, atol=0)


def test_transit_time():
    # a wave at 60° with phase speed V runs along B0 at 2 V
    np.testing.assert_allclose(rs.transit_time_cosine(0.01, 0.5), 0.02, rtol=ROUND_OFF)
    np.testing.assert_allclose(rs.transit_time_cosine(0.01, -0.5, speed=0.1), -0.2, rtol=ROUND_OFF)
    assert float(rs.transit_time_cosine(0.01, 0.0)) == np.inf
    # the harmonic 0 of the general condition, at any wave number
    cosine = rs.resonant_cosine(7.0, 1.0, STRENGTH, harmonic=0, wave_speed=0.02)
    np.testing.assert_allclose(cosine, 0.02, rtol=ROUND_OFF)


def test_gradient():
    def k(mu, rigidity, wave_speed):
        return rs.resonant_wavenumber(mu, rigidity, STRENGTH, wave_speed=wave_speed)

    place, step = (0.3, 1.5, 0.02), 1e-6
    found = jax.grad(k, argnums=(0, 1, 2))(*place)
    for axis, slope in enumerate(found):
        up, down = list(place), list(place)
        up[axis] += step
        down[axis] -= step
        # 1e-8: step² of truncation and eps/step of rounding
        np.testing.assert_allclose(slope, (k(*up) - k(*down)) / (2 * step), rtol=1e-8)
    # guards: no NaN where the wave number runs away
    assert not np.isnan(jax.grad(k)(0.02, 1.5, 0.02))


def test_float32_stays_float32():
    assert rs.resonant_wavenumber(jnp.float32(0.5), 1.0, STRENGTH).dtype == jnp.float32


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: rs.gyrofrequency(0.0, 1.0), r"gyrofrequency: \|rigidity\|: expected a positive"),
        (
            lambda: rs.gyrofrequency(1.0, -1.0),
            r"gyrofrequency: strength: expected a positive number, got -1",
        ),
        (lambda: rs.gyrofrequency(1.0, 1.0, speed=1.1), r"speed: .* in \(0, 1\], got 1.1"),
        (
            lambda: rs.resonant_wavenumber(0.5, 1.0, 1.0, harmonic=0),
            r"\|harmonic\|: expected a positive",
        ),
        (lambda: rs.transit_time_cosine(0.1, 0.5, speed=0.0), r"transit_time_cosine: speed"),
    ],
)
def test_errors(call, message):
    with pytest.raises(ValueError, match=message):
        call()
