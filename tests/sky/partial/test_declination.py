import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcr.sky.harmonics import power_spectrum
from jaxcr.sky.healpix import pixel_centers
from jaxcr.sky.healpix.rings import ring_table
from jaxcr.sky.partial import (
    SkyWindow,
    combined_window,
    declination_window,
    hawc_window,
    icecube_window,
    remove_declination_mean,
    windowed_maps,
)


def test_structure_of_declination_only_is_lost():
    north = pixel_centers(8)[:, 2]
    for window in (declination_window(8), icecube_window(8)):
        # 1e-15: round-off of means of numbers of order 1.
        assert np.allclose(remove_declination_mean(north**3 - north, window), 0, atol=1e-15)


def test_the_equatorial_dipole_stays():
    east = pixel_centers(8)[:, 1]  # its mean on a ring is 0
    window = declination_window(8)
    assert np.allclose(remove_declination_mean(east, window), east, atol=1e-15)
    south = np.asarray(icecube_window(8).seen)
    cut = remove_declination_mean(east, icecube_window(8))
    assert np.allclose(cut, np.where(south, east, 0), atol=1e-15)


def test_a_dipole_of_any_direction_keeps_two_thirds_of_its_power():
    # Three orthogonal dipoles: the mean of C_1 over directions is 2/3 of the full one.
    dipoles = remove_declination_mean(pixel_centers(16).T, declination_window(16))
    found = np.mean(np.asarray(power_spectrum(dipoles, lmax=2))[:, 1])
    assert np.isclose(found / (4 * np.pi / 9), 2 / 3, rtol=1e-5)  # quadrature at nside 16


def test_the_mean_is_weighted_with_the_exposure(rng):
    exposure = rng.uniform(0.5, 2, 192)
    sky = rng.standard_normal(192)
    found = np.asarray(remove_declination_mean(sky, SkyWindow(exposure)))
    table = ring_table(4)
    for ring in range(table.size.size):
        inside = table.of_pixel == ring
        mean = np.average(sky[inside], weights=exposure[inside])
        assert np.allclose(found[inside], sky[inside] - mean, atol=1e-14)  # round-off


def test_a_projection_that_ignores_the_unseen(rng):
    window = combined_window(hawc_window(8))
    sky = np.where(np.asarray(window.seen), rng.standard_normal((2, 3, 768)), np.nan)
    once = remove_declination_mean(sky, window)
    assert once.shape == (2, 3, 768)
    assert np.allclose(remove_declination_mean(once, window), once, atol=1e-14)
    assert np.all(np.asarray(once)[..., ~np.asarray(window.seen)] == 0)
    assert np.allclose(once[1, 2], remove_declination_mean(sky[1, 2], window), atol=1e-15)


@pytest.mark.parametrize("weighted", [False, True])
def test_a_window_that_sees_all_orders_loses_its_mean(weighted, rng):
    window = declination_window(
        4, highest=20, exposure=lambda declination: 1 + declination**2, m0_blind=False
    )
    sky = rng.standard_normal(192)
    found = np.asarray(windowed_maps(sky, window, exposure_weighted=weighted))
    assert np.isclose(np.sum(found), 0, atol=1e-13)
    kept = windowed_maps(sky, window, exposure_weighted=weighted, remove_mean=False)
    weight = np.asarray(window.exposure) if weighted else np.asarray(window.seen, float)
    expected = sky * weight / np.mean(weight[weight > 0])
    assert np.allclose(kept, expected, atol=1e-14)  # round-off


def test_gradient(rng):
    window = icecube_window(4)
    sky, step = jnp.asarray(rng.standard_normal((2, 192)))
    value, slope = jax.jvp(lambda x: remove_declination_mean(x, window), (sky,), (step,))
    assert np.allclose(slope, remove_declination_mean(step, window), atol=1e-15)  # linear
    # NaN where nothing is seen reaches neither the value nor the gradient.
    hidden = jnp.where(window.seen, sky, jnp.nan)
    gradient = jax.grad(lambda x: jnp.sum(remove_declination_mean(x, window) ** 2))(hidden)
    assert np.allclose(gradient, 2 * value, atol=1e-14)


def test_errors():
    with pytest.raises(ValueError, match=r"maps: expected shape \(192,\), got .*48.*nside 4"):
        remove_declination_mean(jnp.zeros(48), icecube_window(4))
    with pytest.raises(ValueError, match=r"windowed_maps: maps: expected shape \(.*192,\)"):
        windowed_maps(jnp.zeros(48), icecube_window(4))


def test_float32_stays_float32():
    sky = jnp.ones((2, 192), jnp.float32)
    assert remove_declination_mean(sky, icecube_window(4)).dtype == jnp.float32
    seeing = declination_window(4, m0_blind=False)
    assert windowed_maps(sky, seeing, exposure_weighted=True).dtype == jnp.float32
