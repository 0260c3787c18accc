import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import simpson

from jaxcr.fields.spectra import BendOver
from jaxcr.kinetic.scattering.model import (
    FunctionScattering,
    IsotropicScattering,
    pitch_angle_diffusion,
)
from jaxcr.kinetic.scattering.resonance_functions import (
    GaussianResonance,
    LorentzianResonance,
    NonlinearResonance,
    SecondOrderResonance,
    SharpResonance,
)
from jaxcr.kinetic.scattering.slab import SlabScattering
from jaxcr.units import GYRORADIUS

COSINES = jnp.array([0.0, 1e-3, 0.1, 0.3, -0.6, 0.9])
RIGIDITY = jnp.asarray(0.3 / GYRORADIUS)  # r_L = 0.1 pc in 3 µG
diffusion = eqx.filter_jit(pitch_angle_diffusion)


def bend_over(index=5 / 3):
    return BendOver(index, energy_index=0.0, bend_over_scale=1.0, outer_scale=1e3, inner_scale=1e-3)


@jax.jit
def power(k):
    return bend_over()(k)


def slab(resonance=None, *, rms=2.0, index=5 / 3, endless=False):
    return SlabScattering(
        bend_over(index), rms=rms, mean_strength=3.0, resonance=resonance, endless=endless
    )


def integral(resonance, mu):
    """Both signs of the resonance, by Simpson's rule on 2e5 nodes; rms/B0 = 2/3."""
    k = np.geomspace(2 * np.pi / 1e3, 2 * np.pi / 1e-3, 200_001)
    total = sum(resonance(k, k * mu + offset) for offset in (10.0, -10.0))
    values = k * np.asarray(power(jnp.asarray(k))) * total
    return 100 * (2 / 3) ** 2 * (1 - mu**2) / 4 * simpson(values, x=np.log(k))


def test_isotropic_scattering_and_functions():
    mu = np.asarray(COSINES)
    d = pitch_angle_diffusion(IsotropicScattering(0.4), COSINES, 1.0)
    np.testing.assert_allclose(d, 0.2 * (1 - mu**2), rtol=1e-15)
    both = IsotropicScattering(0.4) + FunctionScattering(lambda mu, rigidity, speed: speed * mu**2)
    d = pitch_angle_diffusion(both, COSINES, 1.0, speed=0.5)
    np.testing.assert_allclose(d, 0.2 * (1 - mu**2) + 0.5 * mu**2, rtol=1e-15)


def test_sharp_resonance_is_quasilinear_theory():
    d = diffusion(slab(), COSINES, RIGIDITY, speed=0.8)
    mu = np.abs(COSINES[2:])
    expected = np.pi / 4 * 0.8 / 0.1**2 * (1 - mu**2) / mu * (2 / 3) ** 2 * power(10 / mu)
    np.testing.assert_allclose(d[2:], expected, rtol=1e-12)  # roundings
    # 1/(r_L k_max) = 1.6e-3: nothing resonates nearer to 90 degrees
    assert d[0] == d[1] == 0


def test_sharp_resonance_of_an_endless_bend_over():
    # The published form for E ~ (1 + k² l²)^(-5/6), C = 0.118862.
    spectrum = BendOver(
        5 / 3, energy_index=0.0, bend_over_scale=1.0, outer_scale=1e9, inner_scale=1e-9
    )
    model = SlabScattering(spectrum, rms=2.0, mean_strength=3.0, endless=True)
    mu, ratio, nu = np.abs(COSINES[1:]), 0.1, 5 / 6
    expected = np.pi * 0.118862 * 4 / 9 * (1 - mu**2) * mu ** (2 * nu - 1)
    expected = expected * ratio ** (2 * nu - 2) * (1 + (mu * ratio) ** 2) ** -nu
    # 4e-6 of C as printed, 1e-6 of the power beyond k = 6e9
    d = diffusion(model, COSINES, RIGIDITY)
    np.testing.assert_allclose(d[1:], expected, rtol=1e-5)
    assert d[0] == 0


def test_endless_spectrum_goes_on_with_its_last_slope():
    mu = jnp.array([1e-6, 1e-5, 1e-4, 2e-4, 5e-4, 1e-3])  # all beyond k_max = 6.3e3
    assert not np.any(diffusion(slab(), mu, RIGIDITY))
    d = diffusion(slab(endless=True), mu, RIGIDITY)
    exponent = np.diff(np.log(d / (1 - np.square(mu)))) / np.diff(np.log(mu))
    np.testing.assert_allclose(exponent, 2 / 3, rtol=1e-7)  # -5/3 up to (k_max l)^-2


@pytest.mark.parametrize(
    ("resonance", "oracle"),
    [
        (LorentzianResonance(3.0), lambda k, x: 3 / (x**2 + 9)),
        (
            GaussianResonance(0.3),
            lambda k, x: np.sqrt(np.pi) / (0.3 * k) * np.exp(-((x / (0.3 * k)) ** 2)),
        ),
    ],
)
def test_broadened_resonances_against_simpsons_rule(resonance, oracle):
    d = diffusion(slab(resonance), COSINES, RIGIDITY)
    expected = [integral(oracle, float(mu)) for mu in COSINES]
    # 1e-6: 1e-7 measured with 48 nodes a panel
    np.testing.assert_allclose(d, expected, rtol=1e-6)


def test_ninety_degrees_is_a_gap_that_broadening_fills():
    assert diffusion(slab(SharpResonance(), endless=True), COSINES, RIGIDITY)[0] == 0
    at = diffusion(slab(SecondOrderResonance()), COSINES, RIGIDITY)[0]
    # D(0) = (Omega²/B0²) int (G/2) sqrt(pi)/(k v w) exp[-(Omega/(k v w))²] dk with w = rms/B0
    k = np.geomspace(2 * np.pi / 1e3, 2 * np.pi / 1e-3, 200_001)
    kernel = np.sqrt(np.pi) / (2 / 3) * np.exp(-((15 / k) ** 2))
    half = np.asarray(power(jnp.asarray(k))) / 2
    expected = 100 * 4 / 9 * simpson(half * kernel, x=np.log(k))
    np.testing.assert_allclose(at, expected, rtol=1e-6)  # 1e-7 measured


@pytest.mark.parametrize(
    ("resonance", "order", "width"), [(LorentzianResonance, 1, 4e-4), (GaussianResonance, 2, 1e-3)]
)
def test_narrow_resonances_tend_to_the_sharp_one(resonance, order, width):
    sharp = diffusion(slab(), COSINES, RIGIDITY)[2:]
    narrow, narrower = (
        diffusion(slab(resonance(w)), COSINES, RIGIDITY)[2:] - sharp for w in (width, width / 2)
    )
    # wings of a Lorentzian give (rms/B0)² Gamma/2 at any mu; Gaussians are off by (width/mu)²
    assert np.all(np.abs(narrow / sharp) < 2e-3)
    # at mu = 0.1, where it shows most; 1 per cent: the next order
    np.testing.assert_allclose(narrow[0] / narrower[0], 2**order, rtol=0.01)


@pytest.mark.slow  # three resonances
def test_second_order_and_nonlinear_are_gaussians_of_their_widths():
    second = diffusion(slab(SecondOrderResonance()), COSINES, RIGIDITY)
    gauss = diffusion(slab(GaussianResonance(2 / 3)), COSINES, RIGIDITY)
    np.testing.assert_allclose(second, gauss, rtol=1e-12)
    nonlinear = diffusion(slab(NonlinearResonance(0.5)), COSINES, RIGIDITY)
    width = float(jnp.sqrt(0.5 * (1 - COSINES[3] ** 2)))
    gauss = diffusion(slab(GaussianResonance(width)), COSINES, RIGIDITY)
    np.testing.assert_allclose(nonlinear[3], gauss[3], rtol=1e-12)


def test_gradients_by_rms_index_and_rigidity():
    def d(numbers):
        model = slab(LorentzianResonance(3.0), rms=numbers[0], index=numbers[1])
        return diffusion(model, COSINES, numbers[2])[3]

    at, step = jnp.array([2.0, 1.6, 0.25]), 1e-5
    difference = [(d(at + s) - d(at - s)) / (2 * step) for s in step * jnp.eye(3)]
    # 1e-7: step² of truncation, eps/step of rounding
    np.testing.assert_allclose(jax.jit(jax.grad(d))(at), jnp.array(difference), rtol=1e-7)


def test_errors_name_what_is_wrong():
    with pytest.raises(ValueError, match="SlabScattering: rms: expected a number >= 0"):
        slab(rms=-1.0)
    with pytest.raises(ValueError, match="SlabScattering: mean_strength: expected a positive"):
        SlabScattering(bend_over(), rms=1.0, mean_strength=0.0)
    with pytest.raises(ValueError, match="IsotropicScattering: rate"):
        IsotropicScattering(-1.0)
    with pytest.raises(ValueError, match=r"LorentzianResonance: rate.*SharpResonance"):
        LorentzianResonance(0.0)
    with pytest.raises(ValueError, match="GaussianResonance: width"):
        GaussianResonance(-0.1)
    with pytest.raises(ValueError, match="NonlinearResonance: alfven_mach"):
        NonlinearResonance(0.0)
    with pytest.raises(
        ValueError, match=r"pitch_angle_diffusion: \|rigidity\|: expected a positive"
    ):
        pitch_angle_diffusion(slab(), COSINES, 0.0)
    with pytest.raises(ValueError, match="pitch_angle_diffusion: speed"):
        pitch_angle_diffusion(slab(), COSINES, 1.0, speed=1.5)
    with pytest.raises(ValueError, match="pitch_angle_diffusion: cosine"):
        pitch_angle_diffusion(slab(), 1.5, 1.0)
