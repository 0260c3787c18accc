import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import simpson
from scipy.special import jv, jvp

from jaxcr.fields.spectra import BendOver, PowerLaw
from jaxcr.kinetic.scattering.cascade import GoldreichSridharScattering
from jaxcr.kinetic.scattering.model import pitch_angle_diffusion
from jaxcr.kinetic.scattering.resonance_functions import GaussianResonance
from jaxcr.kinetic.scattering.slab import SlabScattering
from jaxcr.kinetic.scattering.waves import (
    IsotropicWaveScattering,
    TransitTimeScattering,
    resonance_weights,
)
from jaxcr.units import GYRORADIUS

STRENGTHS = {"rms": 1.0, "mean_strength": 2.0}
SPECTRUM = PowerLaw(5 / 3, outer_scale=100.0, inner_scale=1e-3)
RIGIDITY = jnp.asarray(0.2 / GYRORADIUS)  # r_L = 0.1 pc
COSINES = jnp.array([0.0, 0.005, 0.3, -0.6, 0.9])
diffusion = eqx.filter_jit(pitch_angle_diffusion)


@jax.jit
def power_of(k):
    return SPECTRUM(k)


def isotropic(mu, toroidal, order):
    """Sharp magnetostatic resonances n and -n by Simpson's rule in the cosine of the wave.

    The mean over both signs of it, of which each n meets one.
    """
    x = np.geomspace(1e-5, 1, 100_001)
    k = order * 10 / (abs(mu) * x)
    w = k * 0.1 * np.sqrt((1 - x**2) * (1 - mu**2)) + 1e-30
    weight = toroidal * (order * jv(order, w) / w) ** 2 + (1 - toroidal) * x**2 * jvp(order, w) ** 2
    power = np.asarray(power_of(jnp.asarray(k)))
    integral = simpson(power * weight * np.pi / (abs(mu) * x) * x, x=np.log(x))
    return 100 / 4 * (1 - mu**2) * integral


def test_weights_of_small_and_large_gyroradii():
    w = jnp.array([0.0, 0.3, 4.0, 50.0])
    weights = jax.jit(lambda w: [resonance_weights(n, w) for n in (0, 1, -3)])(w)
    # of small gyroradii only the first harmonic turns the particle, as slab waves do
    np.testing.assert_allclose(np.array(weights)[:, :, 0].T, [[0, 0.25, 0]] * 2, atol=1e-15)
    for n, (toroidal, poloidal) in zip((0, 1, 3), weights, strict=True):
        np.testing.assert_allclose(toroidal[1:], (n * jv(n, w[1:]) / w[1:]) ** 2, atol=1e-13)
        np.testing.assert_allclose(poloidal, jvp(n, w) ** 2, atol=1e-13)


@pytest.mark.parametrize("toroidal", [0.0, 1.0])
def test_isotropic_static_waves_against_simpsons_rule(toroidal):
    model = IsotropicWaveScattering(SPECTRUM, **STRENGTHS, toroidal=toroidal, num_harmonics=1)
    d = diffusion(model, COSINES, RIGIDITY)
    expected = [isotropic(float(mu), toroidal, 1) for mu in COSINES[2:]]
    # the rule in k has 96 nodes for what oscillates with J_1: 2e-3 measured
    np.testing.assert_allclose(d[2:], expected, rtol=5e-3)
    assert d[0] == 0


def test_waves_along_the_field_are_slab_waves():
    # A spectrum that ends where resonances at mu = 0.9 need waves within 0.999 < x < 1 of the
    # cosine of the field: there w < 0.03 and all of W is 1/4. E is even, 1/(2 pi) from 2 pi on.
    spectrum = PowerLaw(0.0, outer_scale=1.0, inner_scale=0.5)
    gyroradius = 1 / (0.999 * 0.9 * 4 * np.pi)
    model = IsotropicWaveScattering(spectrum, **STRENGTHS, num_harmonics=1)
    d = diffusion(model, COSINES, jnp.asarray(2 * gyroradius / GYRORADIUS))[4]
    slab = np.pi / 4 / gyroradius**2 * (1 - 0.81) / 4 / (2 * np.pi) / 0.9
    # of isotropic waves a share dx lies at x, here 0.001; 1e-3: terms of order 1 - x
    np.testing.assert_allclose(d / slab, 0.001, rtol=1e-3)


def test_transit_time_against_its_own_formula():
    speed, mu = 0.02, 0.3
    model = TransitTimeScattering(SPECTRUM, **STRENGTHS, wave_speed=speed)
    d = diffusion(model, COSINES, RIGIDITY)
    # v²(1-mu²)²/4 int d³k k_par² sin² P/B0² [2 J_1/w]² pi delta(k (x mu - V)), P = E/(4 pi k²)
    x = speed / mu
    k = np.geomspace(2 * np.pi / 100, 2 * np.pi / 1e-3, 200_001)
    w = k * 0.1 * np.sqrt((1 - x**2) * (1 - mu**2))
    power = np.asarray(power_of(jnp.asarray(k))) / 4
    kernel = (2 * jv(1, w) / w) ** 2 * k**2 * x**2 * (1 - x**2) * np.pi / (2 * k * mu)
    expected = (1 - mu**2) ** 2 / 4 * simpson(k * power * kernel, x=np.log(k))
    # 96 nodes in k: 1e-3 measured
    np.testing.assert_allclose(d[2], expected, rtol=5e-3)
    # too slow to ride the waves
    assert d[0] == d[1] == 0
    np.testing.assert_allclose(diffusion(model, -COSINES, RIGIDITY), d, rtol=1e-12)  # even


def test_broadened_transit_time_fills_ninety_degrees_and_tends_to_the_sharp_one():
    def model(width):
        return TransitTimeScattering(
            SPECTRUM, **STRENGTHS, wave_speed=0.02, resonance=GaussianResonance(width)
        )

    wide, narrow = (diffusion(model(width), COSINES, RIGIDITY) for width in (0.5, 1e-3))
    assert wide[0] > wide[3] > 0
    sharp = TransitTimeScattering(SPECTRUM, **STRENGTHS, wave_speed=0.02)
    # (width/mu)² = 1e-5, and the nodes in the angle of k: 1e-4
    np.testing.assert_allclose(narrow[2:], diffusion(sharp, COSINES, RIGIDITY)[2:], rtol=2e-3)


def cascade(mu, order):
    """Sharp resonances n and -n of Alfvén waves by Simpson's rule in k across the field."""
    k = np.geomspace(2 * np.pi / 100, 2 * np.pi / 1e-3, 100_001)
    cutoff = (2 * np.pi / 100) ** (1 / 3) * k ** (2 / 3)
    w = k * 0.1 * np.sqrt(1 - mu**2)
    along = order * 10 / abs(mu)
    power = np.asarray(power_of(jnp.asarray(k))) * np.exp(-along / cutoff) / (2 * cutoff)
    values = power * (order * jv(order, w) / w) ** 2 * 2 * np.pi / abs(mu)
    return 100 / 4 * (1 - mu**2) * simpson(k * values, x=np.log(k))


def test_cascade_against_simpsons_rule_and_against_slab_waves():
    model = GoldreichSridharScattering(SPECTRUM, **STRENGTHS, num_harmonics=2)
    d = diffusion(model, COSINES, RIGIDITY)
    expected = [cascade(float(mu), 1) + cascade(float(mu), 2) for mu in COSINES[2:]]
    # 256 nodes in k, for J_n² that turn fast at large w
    np.testing.assert_allclose(d[2:], expected, rtol=2e-3)
    of_slab = diffusion(SlabScattering(SPECTRUM, **STRENGTHS), COSINES, RIGIDITY)
    # eddies along the field hardly scatter (Chandran 2000; Yan & Lazarian 2002)
    assert np.all(d[2:4] < 0.01 * of_slab[2:4])


@pytest.mark.slow  # compiles for eight seconds
def test_gradient_of_the_cascade_by_rigidity():
    model = GoldreichSridharScattering(SPECTRUM, **STRENGTHS, num_harmonics=2)

    def value(rigidity):
        return diffusion(model, COSINES, rigidity)[3]

    step = 1e-6
    difference = (value(RIGIDITY + step) - value(RIGIDITY - step)) / (2 * step)
    # 1e-6: J_n² turn with k_max r_L = 600 radians, so that step² counts 1e5 times
    np.testing.assert_allclose(jax.jit(jax.grad(value))(RIGIDITY), difference, rtol=1e-6)


def test_errors_name_what_is_wrong():
    with pytest.raises(ValueError, match="IsotropicWaveScattering: rms"):
        IsotropicWaveScattering(SPECTRUM, rms=-1.0, mean_strength=1.0)
    with pytest.raises(
        ValueError, match=r"IsotropicWaveScattering: num_harmonics: expected a number in \[1, 7\]"
    ):
        IsotropicWaveScattering(SPECTRUM, **STRENGTHS, num_harmonics=0)
    with pytest.raises(ValueError, match="IsotropicWaveScattering: toroidal"):
        IsotropicWaveScattering(SPECTRUM, **STRENGTHS, toroidal=1.5)
    with pytest.raises(ValueError, match="TransitTimeScattering: wave_speed"):
        TransitTimeScattering(SPECTRUM, **STRENGTHS, wave_speed=1.0)
    with pytest.raises(ValueError, match="GoldreichSridharScattering: alfven_mach"):
        GoldreichSridharScattering(SPECTRUM, **STRENGTHS, alfven_mach=2.0)
    steep = BendOver(1.5, energy_index=0.0, bend_over_scale=1.0, outer_scale=9.0, inner_scale=1.0)
    with pytest.raises(ValueError, match=r"index of the spectrum: expected 1\.667"):
        GoldreichSridharScattering(steep, **STRENGTHS)
