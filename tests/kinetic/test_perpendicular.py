import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import simpson
from scipy.optimize import brentq

from jaxcr.fields.spectra import BendOver, PowerLaw
from jaxcr.kinetic.scattering.perpendicular import (
    composite_field_line_diffusion,
    field_line_perpendicular_diffusion,
    nonlinear_perpendicular_diffusion,
    slab_field_line_diffusion,
    two_dimensional_field_line_diffusion,
    ultrascale,
)

SPECTRUM = PowerLaw(5 / 3, outer_scale=10.0, inner_scale=0.1)
LOW, HIGH = 2 * np.pi / 10, 2 * np.pi / 0.1
STRENGTHS = {"rms": 1.0, "mean_strength": 2.0}
nonlinear = eqx.filter_jit(nonlinear_perpendicular_diffusion)


def power_law_ultrascale():
    norm = (LOW ** (-2 / 3) - HIGH ** (-2 / 3)) * 3 / 2
    return np.sqrt((LOW ** (-8 / 3) - HIGH ** (-8 / 3)) * 3 / 8 / norm)


def test_slab_field_lines():
    spectrum = BendOver(
        5 / 3, energy_index=0.0, bend_over_scale=3.0, outer_scale=1e7, inner_scale=1e-7
    )
    # l_c = 2 pi C l = 0.746834 l as printed; 1e-5 of the power lies beyond the range
    kappa = eqx.filter_jit(slab_field_line_diffusion)(spectrum, **STRENGTHS)
    np.testing.assert_allclose(kappa, 0.25 / 2 * 0.746834 * 3, rtol=1e-5)
    np.testing.assert_allclose(field_line_perpendicular_diffusion(kappa, speed=0.5), kappa / 4)


def test_two_dimensional_field_lines():
    scale = power_law_ultrascale()
    np.testing.assert_allclose(eqx.filter_jit(ultrascale)(SPECTRUM), scale, rtol=1e-12)
    kappa = eqx.filter_jit(two_dimensional_field_line_diffusion)(SPECTRUM, **STRENGTHS)
    np.testing.assert_allclose(kappa, 0.5 * scale / np.sqrt(2), rtol=1e-12)
    # Corrsin's equation itself, kappa = (1/B0²) int (E/2)/(k² kappa) dk
    np.testing.assert_allclose(kappa, 0.25 * scale**2 / 2 / kappa, rtol=1e-12)


def test_composite_field_lines():
    kappa = composite_field_line_diffusion(0.3, 0.4)
    np.testing.assert_allclose(kappa, 0.3 + 0.4**2 / kappa, rtol=1e-14)
    np.testing.assert_allclose(composite_field_line_diffusion(0.3, 0.0), 0.3, rtol=1e-15)
    np.testing.assert_allclose(composite_field_line_diffusion(0.0, 0.4), 0.4, rtol=1e-15)


@pytest.mark.parametrize("share", [0.0, 0.2, 1.0])
def test_nonlinear_guiding_centres_against_scipy(share):
    path, speed = 7.0, 0.5
    k = np.geomspace(LOW, HIGH, 20_001)
    power = k * np.asarray(jax.jit(lambda k: SPECTRUM(k))(jnp.asarray(k)))

    def right(kappa):
        loss = speed / path + k**2 * np.stack(np.broadcast_arrays(speed * path / 3, kappa))[:, None]
        parts = simpson(power / loss, x=np.log(k))
        return (1 / 3) * (speed / 2) ** 2 / 6 * (share * parts[0] + (1 - share) * parts[1])

    expected = brentq(lambda kappa: right(kappa) / kappa - 1, 1e-6, 10, xtol=1e-14)
    kappa = nonlinear(
        SPECTRUM, jnp.asarray(path), **STRENGTHS, slab_share=jnp.asarray(share), speed=0.5
    )
    # 1e-6: E jumps to zero within 1e-6 beyond both ends of the range
    np.testing.assert_allclose(kappa, expected, rtol=1e-6)


def test_limits_of_short_and_long_mean_free_paths():
    short, long = (
        nonlinear(SPECTRUM, jnp.asarray(path), **STRENGTHS, slab_share=jnp.asarray(0.0), speed=0.5)
        for path in (1e-5, 1e9)
    )
    # a² v lambda (rms/B0)²/6 while nothing decorrelates: k² kappa lambda is below 1e-8
    np.testing.assert_allclose(short, 0.5 * 1e-5 * 0.25 / 18, rtol=1e-7)
    # a v ultrascale (rms/B0)/sqrt(6): v/lambda is 1e-8 of k² kappa
    expected = 0.5 * power_law_ultrascale() * 0.5 / np.sqrt(18)
    np.testing.assert_allclose(long, expected, rtol=1e-7)


def test_gradients_are_implicit_and_right():
    def kappa(numbers):
        return nonlinear_perpendicular_diffusion(
            SPECTRUM, numbers[0], rms=numbers[1], mean_strength=2.0, slab_share=numbers[2]
        )

    at, step = jnp.array([7.0, 1.0, 0.2]), 1e-5
    value = jax.jit(kappa)
    difference = [(value(at + s) - value(at - s)) / (2 * step) for s in step * jnp.eye(3)]
    # 1e-7: step² of truncation, eps/step of rounding and of Newton's tolerance
    np.testing.assert_allclose(jax.jit(jax.grad(kappa))(at), jnp.array(difference), rtol=1e-7)


def test_errors_name_what_is_wrong():
    with pytest.raises(ValueError, match=r"parallel_mean_free_path: expected .* got inf"):
        nonlinear_perpendicular_diffusion(SPECTRUM, jnp.inf, **STRENGTHS)
    with pytest.raises(ValueError, match="nonlinear_perpendicular_diffusion: slab_share"):
        nonlinear_perpendicular_diffusion(SPECTRUM, 1.0, **STRENGTHS, slab_share=2.0)
    with pytest.raises(ValueError, match="slab_field_line_diffusion: rms"):
        slab_field_line_diffusion(SPECTRUM, rms=-1.0, mean_strength=1.0)
    with pytest.raises(ValueError, match="two_dimensional_field_line_diffusion: mean_strength"):
        two_dimensional_field_line_diffusion(SPECTRUM, rms=1.0, mean_strength=0.0)
