import healpy
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcr.sky import (
    alm,
    cross_spectrum,
    debiased_spectrum,
    mode_degrees,
    pixel_centers,
    power_spectrum,
    real_harmonics,
    rotate_map,
    smooth,
)
from jaxcr.sky.healpix.grid import UNSEEN

above_two_nside = pytest.mark.filterwarnings("ignore:.*above 2 nside:UserWarning")


def test_dipole_has_the_closed_form(rng):
    axis = rng.standard_normal(3)
    axis /= np.linalg.norm(axis)
    c_ell = power_spectrum(3e-3 * pixel_centers(8) @ axis)
    # f = A n.p has a_10 = A sqrt(4 pi / 3), hence C_1 = 4 pi A² / 9. 1e-5: what three
    # refinements leave of the quadrature error of 768 pixels.
    assert np.isclose(c_ell[1], 4 * np.pi * 9e-6 / 9, rtol=1e-5)
    assert np.all(np.abs(np.delete(c_ell, 1)) < 1e-9 * c_ell[1])


def test_power_does_not_see_a_constant(rng):
    sky = rng.standard_normal(768)
    # 1e-12: the constant 5 costs one digit of the round-off.
    assert np.allclose(power_spectrum(sky + 5), power_spectrum(sky), rtol=1e-12, atol=1e-15)


def test_sum_of_cross_spectra_is_the_spectrum_of_the_sum(rng):
    first, second = jnp.asarray(rng.standard_normal((2, 192)))
    whole = power_spectrum(first + second)
    parts = power_spectrum(first) + power_spectrum(second) + 2 * cross_spectrum(first, second)
    assert np.allclose(whole, parts, rtol=1e-12, atol=1e-15)  # bilinear: round-off only


def test_real_harmonics_carry_the_power(rng):
    sky = rng.standard_normal(192)
    modes = real_harmonics(sky, lmax=8)
    sums = np.bincount(mode_degrees(8), weights=np.asarray(modes) ** 2)
    assert np.allclose(sums / (2 * np.arange(9) + 1), healpy.anafast(sky, lmax=8), rtol=1e-12)


@above_two_nside
@pytest.mark.parametrize(
    ("nside", "lmax"),
    [
        (4, 11),
        (8, 16),
        (16, 32),
        (32, 64),
        pytest.param(8, 23, marks=pytest.mark.slow),
        pytest.param(16, 47, marks=pytest.mark.slow),
    ],
)
def test_equals_healpy(nside, lmax, rng):
    sky = 1 + rng.standard_normal(12 * nside**2)
    other = sky + rng.standard_normal(sky.size)
    expected = healpy.anafast(sky - sky.mean(), lmax=lmax, iter=3)
    # 1e-10 is the promise; 6e-15 is reached.
    assert np.allclose(power_spectrum(sky, lmax=lmax)[1:], expected[1:], rtol=1e-10, atol=0)
    crossed = healpy.anafast(sky - sky.mean(), other - other.mean(), lmax=lmax, iter=3)
    # Absolute here, since a cross power can be near zero.
    tolerance = 1e-10 * np.max(crossed)
    assert np.allclose(cross_spectrum(sky, other, lmax=lmax), crossed, rtol=0, atol=tolerance)
    assert np.allclose(alm(sky, lmax=lmax), healpy.map2alm(sky, lmax=lmax, iter=3), atol=1e-12)


def test_batch_jit_and_vmap_change_nothing(rng):
    maps = jnp.asarray(rng.standard_normal((2, 3, 192)))
    batched = power_spectrum(maps, lmax=7)
    assert batched.shape == (2, 3, 8)
    one_by_one = jnp.stack([jnp.stack([power_spectrum(m, lmax=7) for m in row]) for row in maps])
    mapped = jax.jit(jax.vmap(jax.vmap(lambda m: power_spectrum(m, lmax=7))))(maps)
    # 1e-13: the order of the sum over pixels may differ.
    assert np.allclose(batched, one_by_one, rtol=1e-13)
    assert np.allclose(batched, mapped, rtol=1e-13)
    assert alm(maps, lmax=7).shape == (2, 3, 36)
    assert real_harmonics(maps, lmax=7).shape == (2, 3, 64)


def test_first_call_under_jit_leaves_no_tracer_behind(rng):
    sky = jnp.asarray(rng.standard_normal(48))
    inside = jax.jit(lambda m: power_spectrum(m, lmax=3))(sky)
    assert np.allclose(power_spectrum(sky, lmax=3), inside, rtol=1e-13, atol=1e-15)


def test_gradient_against_differences(rng):
    sky, step = jnp.asarray(rng.standard_normal((2, 192)))

    @jax.jit
    def power(m):
        return jnp.sum(power_spectrum(m) * jnp.arange(9.0))

    # C_l is quadratic, so the central difference is exact at any step: only round-off is left.
    difference = (power(sky + step) - power(sky - step)) / 2
    gradient = jax.jit(jax.grad(power))
    assert np.isclose(jnp.vdot(gradient(sky), step), difference, rtol=1e-10)
    assert np.all(gradient(jnp.zeros(192)) == 0)


def test_errors_and_warning():
    sky = jnp.zeros(192)
    for function in (power_spectrum, alm, real_harmonics):
        with pytest.raises(ValueError, match=r"lmax: expected 0 .* = 11, got 12.*2 nside = 8"):
            function(sky, lmax=12)
        with pytest.warns(UserWarning, match="lmax 9 is above 2 nside = 8"):
            function(sky, lmax=9)
    with pytest.raises(ValueError, match=r"number of pixels.*got 100"):
        power_spectrum(jnp.zeros(100))
    with pytest.raises(ValueError, match=r"second: expected shape \(192,\), got shape \(2, 192\)"):
        cross_spectrum(sky, jnp.zeros((2, 192)))


@pytest.mark.parametrize("blank", [np.nan, UNSEEN, np.inf, "masked", "float32"])
def test_a_part_of_the_sky_is_no_sky(blank, rng):
    """UNSEEN is no intensity of -1.6e30: without a window there is no spectrum of such a map."""
    sky = rng.standard_normal(192)
    spoilt = sky.copy()
    spoilt[3] = 7.0 if blank == "masked" else UNSEEN if blank == "float32" else blank
    if blank == "masked":
        spoilt = np.ma.masked_array(spoilt, np.arange(192) == 3)
    if blank == "float32":
        spoilt = spoilt.astype(np.float32)
    for function in (
        power_spectrum,
        alm,
        lambda x: real_harmonics(x, lmax=4),
        lambda x: cross_spectrum(np.ones_like(x), x),
        lambda x: cross_spectrum(x, np.ones_like(x)),
        lambda x: debiased_spectrum(x, noise=0.0),
        lambda x: smooth(x, fwhm=0.1),
        lambda x: rotate_map(x, np.eye(3), lmax=4),
    ):
        with pytest.raises(ValueError, match=r"a finite value in every pixel, got 1 .*SkyWindow"):
            function(spoilt)
        whole = sky if blank != "float32" else sky.astype(np.float32)
        assert np.all(np.isfinite(jax.tree.leaves(function(whole))[-1]))
    if blank != np.inf:
        turned = rotate_map(spoilt, np.eye(3))  # each pixel from itself and, with 0, its neighbours
        assert np.isnan(turned[3])
        assert not np.any(np.asarray(turned) < -10)


def test_inside_jit_a_pixel_without_a_number_spoils_the_spectrum(rng):
    for blank in (np.nan, UNSEEN):
        sky = jnp.asarray(rng.standard_normal(192)).at[3].set(blank)
        found = jax.jit(
            lambda x: (
                power_spectrum(x),
                alm(x),
                debiased_spectrum(x, noise=1e-3),
                smooth(x, fwhm=1),
            )
        )(sky)
        assert np.all(np.isnan(found[0]))
        assert np.all(np.isnan(found[1]))
        assert np.all(np.isnan(found[2].error[1:]))  # l = 0, whose mean was removed, holds 0
        assert np.all(np.isnan(found[3]))


def test_float32_stays_float32(rng):
    sky = 1 + 1e-3 * rng.standard_normal((2, 768))
    single = jnp.asarray(sky, dtype=jnp.float32)
    c_ell = power_spectrum(single)
    assert c_ell.dtype == cross_spectrum(single, single).dtype == jnp.float32
    assert real_harmonics(single, lmax=4).dtype == jnp.float32
    assert alm(single).dtype == jnp.complex64
    # 1e-3: a fluctuation of 1e-3 on a mean of 1 is stored to 6e-5, averaged over 768 pixels.
    assert np.allclose(c_ell[:, 1:], power_spectrum(sky)[:, 1:], rtol=1e-3)
