import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import gamma, hyp2f1

from jaxcr.fields.spectra import BendOver, FunctionSpectrum, PowerLaw
from jaxcr.kinetic.scattering.closed_forms import (
    bend_over_mean_free_path,
    weak_scattering_diffusion,
)
from jaxcr.kinetic.scattering.mean_free_path import (
    kappa_parallel,
    momentum_diffusion,
    parallel_mean_free_path,
    rigidity_exponent,
    scattering_rate,
)
from jaxcr.kinetic.scattering.model import FunctionScattering, IsotropicScattering
from jaxcr.kinetic.scattering.resonance_functions import SecondOrderResonance
from jaxcr.kinetic.scattering.slab import SlabScattering
from jaxcr.units import GYRORADIUS

mean_free_path = eqx.filter_jit(parallel_mean_free_path)
exponent = eqx.filter_jit(rigidity_exponent)


@jax.jit
def closed_form(rigidity, index):
    return bend_over_mean_free_path(
        rigidity, index=index, bend_over_scale=1.0, rms=1.0, mean_strength=1.0
    )


def endless_slab(index, *, rms=1.0, inner_scale=1e-12):
    spectrum = BendOver(
        index, energy_index=0.0, bend_over_scale=1.0, outer_scale=1e9, inner_scale=inner_scale
    )
    return SlabScattering(spectrum, rms=rms, mean_strength=1.0, endless=True)


def rigidity(gyroradius):
    return jnp.asarray(gyroradius / GYRORADIUS)


def test_isotropic_scattering_has_v_over_nu():
    @jax.jit
    def all_three(model):
        quantities = (parallel_mean_free_path, kappa_parallel, scattering_rate)
        return [quantity(model, 1.0, speed=0.5) for quantity in quantities]

    path, kappa, rate = all_three(IsotropicScattering(0.4))
    np.testing.assert_allclose(path, 0.5 / 0.4, rtol=1e-12)
    np.testing.assert_allclose(kappa, 0.25 / 1.2, rtol=1e-12)
    np.testing.assert_allclose(rate, 0.4, rtol=1e-12)


def test_waves_that_scatter_isotropically_have_the_product_of_both_diffusions():
    """D_pp kappa = p² v_A² (1 - H²)/9; and the mean of a power of mu."""

    @jax.jit
    def both(model, helicity):
        spread = momentum_diffusion(
            model, 1.0, alfven_speed=1e-4, speed=0.5, cross_helicity=helicity
        )
        return spread * kappa_parallel(model, 1.0, speed=0.5)

    for helicity in (0.0, 0.6, -1.0):
        product = both(IsotropicScattering(0.4), helicity)
        expected = 1e-8 * (1 - helicity**2) / 9
        # scattering below mu = 1e-12 is left out
        np.testing.assert_allclose(product, expected, rtol=1e-11, atol=1e-30)
    slab = FunctionScattering(lambda mu, rigidity, speed: (1 - mu**2) * jnp.abs(mu) ** (2 / 3))
    found = momentum_diffusion(slab, 1.0, alfven_speed=0.1)
    # int_0^1 (1 - mu²) mu^(2/3) dmu
    np.testing.assert_allclose(found, 0.01 * (3 / 5 - 3 / 11), rtol=1e-11)


@jax.jit
def path_of_power(q, backward):
    """For D = (1 - mu²) abs(mu)^(q - 1), times a factor for mu < 0."""

    def d(mu, rigidity, speed):
        return (1 - mu**2) * jnp.abs(mu) ** (q - 1) * jnp.where(mu > 0, 1.0, backward)

    return parallel_mean_free_path(FunctionScattering(d), 1.0)


@pytest.mark.parametrize("q", [1.0, 1.5, 5 / 3, 1.9, 1.99])
def test_power_laws_of_mu_up_to_the_divergence(q):
    # (3/4) int_0^1 (1 - mu²) mu^(1-q) dmu
    expected = 0.75 * (1 / (2 - q) - 1 / (4 - q))
    # the power below mu = 1e-12 has an error of 1e-15 / (2 - q)
    np.testing.assert_allclose(path_of_power(q, 1.0), expected, rtol=1e-12)


@pytest.mark.parametrize("q", [2.0, 2.5])
def test_it_is_infinite_from_index_two_on(q):
    assert path_of_power(q, 1.0) == jnp.inf


def test_forward_and_backward_scattering_both_count():
    np.testing.assert_allclose(path_of_power(1.0, 0.25), (1 + 4) / 4, rtol=1e-12)


@pytest.mark.parametrize(
    ("index", "paths"),
    [
        (5 / 3, [0.51647, 2.39876, 5.48713, 58.88673]),
        (3 / 2, [0.12669, 1.26793, 4.32668, 70.35640]),
    ],
)
def test_bend_over_spectra_have_the_published_mean_free_path(index, paths):
    model, nu = endless_slab(index), index / 2
    constant = gamma(nu) / (2 * np.sqrt(np.pi) * gamma(nu - 0.5))
    for ratio, path in zip([1e-3, 0.1, 1.0, 10.0], paths, strict=True):
        series = hyp2f1(-nu, 1 - nu, 3 - nu, -(ratio**2)) / ((1 - nu) * (2 - nu))
        expected = 3 / (8 * np.pi * constant) * ratio ** (2 - 2 * nu) * series
        np.testing.assert_allclose(expected, path, atol=6e-6)  # as printed
        closed = closed_form(rigidity(ratio), index)
        np.testing.assert_allclose(closed, expected, rtol=1e-10)  # of scipy's series
        # 1e-6: the power of the spectrum beyond k = 6e12 is 1e-7 (index 3/2)
        np.testing.assert_allclose(mean_free_path(model, rigidity(ratio)), expected, rtol=1e-6)


def test_closed_form_for_other_strengths_and_scales():
    numbers = {"index": 1.6, "bend_over_scale": 1.0, "rms": 1.0, "mean_strength": 1.0}
    path = bend_over_mean_free_path(0.5, **numbers)
    scaled = {**numbers, "bend_over_scale": 7.0, "rms": 0.6, "mean_strength": 3.0}
    # lengths scale with l, B0²/rms² = 25
    np.testing.assert_allclose(
        bend_over_mean_free_path(0.5 * 3 * 7, **scaled), 7 * 25 * path, rtol=1e-12
    )


@pytest.mark.parametrize(
    ("turns", "kappa"), [(0.1, 19.267), (1.0, 1.77998), (10.0, 0.754562), (100.0, 0.34952)]
)
def test_slab_of_giacalone_and_jokipii(turns, kappa):
    """Their ApJ 520 (1999) 204, eq. 14, in slab turbulence E ~ 1/(1 + (k L)^(5/3))."""
    spectrum = FunctionSpectrum(_gj, outer_scale=1e9, inner_scale=1e-11)
    model = SlabScattering(spectrum, rms=1.0, mean_strength=1.0, endless=True)
    radius, sine = 1 / turns, np.sin(3 * np.pi / 5)
    along = 3 / 20 * radius**2 / sine * (1 + 72 / 7 * turns ** (5 / 3))
    np.testing.assert_allclose(along, kappa, rtol=2e-5)  # as printed
    # 1e-6: the power beyond k = 6e11 is 2e-8
    np.testing.assert_allclose(mean_free_path(model, rigidity(radius)) / 3, along, rtol=1e-6)


def _gj(k):
    return 1 / (1 + k ** (5 / 3))


def test_rigidity_exponents():
    deep = [exponent(endless_slab(index), rigidity(1e-4)) for index in (5 / 3, 3 / 2)]
    # corrections are of order (r_L/l)^(5/3), 1e-6 and less
    np.testing.assert_allclose(deep, [1 / 3, 1 / 2], atol=1e-5)
    # above the bend-over they fall as (r_L/l)^-5/3 or slower: 1e-3
    np.testing.assert_allclose(exponent(endless_slab(5 / 3), rigidity(1e3)), 2.0, atol=2e-3)


def test_a_spectrum_that_ends_leaves_a_gap_which_broadening_cures():
    spectrum = PowerLaw(5 / 3, outer_scale=10.0, inner_scale=0.1)
    kwargs = {"rms": 1.0, "mean_strength": 1.0}
    rate = eqx.filter_jit(scattering_rate)
    assert rate(SlabScattering(spectrum, **kwargs), rigidity(0.5)) == 0
    second = SlabScattering(spectrum, **kwargs, resonance=SecondOrderResonance())
    assert rate(second, rigidity(0.5)) > 0.01


def test_gradients_by_rms_index_and_rigidity():
    def path(numbers):
        return mean_free_path(endless_slab(numbers[1], rms=numbers[0]), numbers[2])

    at, step = jnp.array([0.7, 1.6, 0.25]), 1e-5
    difference = [(path(at + s) - path(at - s)) / (2 * step) for s in step * jnp.eye(3)]
    gradient = jax.jit(jax.grad(path))(at)
    # 1e-7: step² of truncation, eps/step of rounding
    np.testing.assert_allclose(gradient, jnp.array(difference), rtol=1e-7)
    np.testing.assert_allclose(gradient[0] * 0.7, -2 * path(at), rtol=1e-12)  # rms^-2


def test_gradient_of_the_closed_form_by_the_index():
    difference = (closed_form(0.25, 1.6 + 1e-5) - closed_form(0.25, 1.6 - 1e-5)) / 2e-5
    gradient = jax.jit(jax.grad(closed_form, argnums=1))(0.25, 1.6)
    np.testing.assert_allclose(gradient, difference, rtol=1e-8)  # step², eps/step


def test_isotropic_turbulence_without_a_mean_field():
    numbers = {"rms": 2.0, "correlation_length": 3.0, "speed": 0.5}
    for size in (1e5, 1e7):
        kappa = weak_scattering_diffusion(size, **numbers)
        gyroradius = GYRORADIUS * size / 2
        np.testing.assert_allclose(kappa, 2 / 3 * 0.5 * gyroradius**2 / 3, rtol=1e-14)


def test_errors_name_what_is_wrong():
    numbers = {"index": 1.6, "bend_over_scale": 1.0, "rms": 1.0, "mean_strength": 1.0}
    with pytest.raises(
        ValueError, match=r"bend_over_mean_free_path: index: expected a number in \(1, 2\)"
    ):
        bend_over_mean_free_path(1.0, **{**numbers, "index": 2.0})
    with pytest.raises(ValueError, match="bend_over_mean_free_path: bend_over_scale"):
        bend_over_mean_free_path(1.0, **{**numbers, "bend_over_scale": 0.0})
    with pytest.raises(ValueError, match=r"parallel_mean_free_path: \|rigidity\|"):
        parallel_mean_free_path(IsotropicScattering(1.0), 0.0)
    with pytest.raises(ValueError, match="kappa_parallel: speed"):
        kappa_parallel(IsotropicScattering(1.0), 1.0, speed=0.0)
    with pytest.raises(ValueError, match="momentum_diffusion: alfven_speed"):
        momentum_diffusion(IsotropicScattering(1.0), 1.0, alfven_speed=1.0)
    with pytest.raises(ValueError, match="momentum_diffusion: cross_helicity"):
        momentum_diffusion(IsotropicScattering(1.0), 1.0, alfven_speed=1e-4, cross_helicity=1.5)
    with pytest.raises(ValueError, match="weak_scattering_diffusion: rms"):
        weak_scattering_diffusion(1.0, rms=0.0, correlation_length=1.0)
