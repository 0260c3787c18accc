import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcr.sky.harmonics import mode_degrees, power_spectrum
from jaxcr.sky.harmonics.modes import synthesis_matrix
from jaxcr.sky.theory import pitch_angle_damping


def test_first_multipoles():
    # l(l+1) = 0, 2, 6, 12.
    expected = np.exp([0, -0.2, -0.6, -1.2])
    assert np.allclose(pitch_angle_damping(np.ones(4), 0.1), expected, rtol=4e-16)


def test_depths_add_up(rng):
    c_ell = rng.random((2, 3, 9))
    twice = pitch_angle_damping(pitch_angle_damping(c_ell, 0.02), 0.05)
    assert np.allclose(twice, pitch_angle_damping(c_ell, 0.07), rtol=1e-14)


def test_a_map_decays_by_half_the_exponent(rng):
    # df/dt = (nu/2) L² f damps a_lm with l(l+1)/2, and the spectrum of that map with l(l+1).
    modes, degree = rng.standard_normal(25), mode_degrees(4)
    both = np.stack([modes, modes * np.exp(-degree * (degree + 1) * 0.05 / 2)])
    before, after = both @ synthesis_matrix(8, 4)
    damped = pitch_angle_damping(power_spectrum(before, lmax=4), 0.05)
    # 1e-6: the quadrature of nside 8 with three refinements at l = 4.
    assert np.allclose(power_spectrum(after, lmax=4)[1:], damped[1:], rtol=1e-6)


def test_gradient():
    slope = jax.grad(lambda depth: jnp.sum(pitch_angle_damping(jnp.ones(3), depth)))(0.1)
    expected = -2 * np.exp(-0.2) - 6 * np.exp(-0.6)
    assert np.isclose(slope, expected, rtol=1e-14)


def test_error():
    with pytest.raises(ValueError, match=r"depth: expected a number >= 0, got -0\.5"):
        pitch_angle_damping(np.ones(3), -0.5)


def test_float32_stays_float32():
    single = jnp.ones(4, jnp.float32)
    assert pitch_angle_damping(single, 0.1).dtype == jnp.float32
