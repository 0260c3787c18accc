import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcr.sky.healpix import pixel_centers
from jaxcr.sky.noise import isotropic_bands
from jaxcr.sky.partial import (
    SkyWindow,
    SpectrumEstimate,
    combined_window,
    declination_window,
    fiducial_from,
    hawc_window,
    icecube_window,
    observe,
    pseudo_coupling,
    pseudo_spectrum,
    transit_exposure,
)


def test_icecube_sees_the_south():
    window = icecube_window(32)
    seen = pixel_centers(32)[:, 2] <= np.sin(np.radians(-25))
    assert np.array_equal(window.seen, seen)
    assert window.m0_blind
    assert window.zonal
    # The cap holds (1 - sin 25 deg) / 2 = 0.2887 of the sphere; 0.02: half a ring of pixels.
    assert np.isclose(window.sky_fraction, (1 - np.sin(np.radians(25))) / 2, atol=0.02)


def test_transit_exposure_is_the_mean_over_a_day():
    latitude, zenith = np.radians(19.0), np.radians(57.0)
    declination = np.radians(np.array([-60.0, -37.0, 0.0, 19.0, 70.0, 89.0]))
    hour = (np.arange(100_000) + 0.5) * 2 * np.pi / 100_000
    cosine = np.sin(latitude) * np.sin(declination)[:, None] + np.cos(latitude) * np.cos(
        declination
    )[:, None] * np.cos(hour)
    mean = np.mean(np.where(cosine > np.cos(zenith), cosine, 0), axis=1)
    # 1e-5: the sum over 1e5 hours misses the edge by up to one step of height cos(57 deg).
    assert np.allclose(transit_exposure(declination, latitude, zenith), mean, atol=1e-5)


def test_a_detector_at_the_pole_never_loses_its_sky():
    declination = np.radians(np.array([-80.0, -30.0, -20.0]))
    found = transit_exposure(declination, -np.pi / 2, np.radians(65.0))
    assert np.allclose(found, [np.sin(np.radians(80)), 0.5, 0.0], atol=1e-12)  # cos(zenith)


def test_hawc_sees_between_its_horizons():
    window = hawc_window(16)
    declination = np.degrees(np.arcsin(pixel_centers(16)[:, 2]))
    assert np.array_equal(window.seen, (declination > 19 - 57) & (declination < 19 + 57))
    assert window.zonal


def test_combined_window_adds_exposures():
    both = combined_window(icecube_window(8), hawc_window(8))
    alone = np.asarray(icecube_window(8).exposure) + np.asarray(hawc_window(8).exposure)
    assert np.array_equal(both.exposure, alone)
    assert both.m0_blind
    assert not combined_window(declination_window(8, m0_blind=False)).m0_blind
    assert both.sky_fraction > 0.9


def test_any_exposure_map():
    exposure = 1 + pixel_centers(4)[:, 0]
    window = SkyWindow(exposure, m0_blind=False)
    assert not window.zonal
    assert window.nside == 4
    slope = declination_window(4, lowest=-30, exposure=lambda declination: 2 + declination)
    south = slope.exposure[np.asarray(slope.seen)]
    assert np.isclose(south.min(), 2 + np.radians(-30), atol=1e-12)  # the ring at -30 degrees


def test_windows_pass_through_jit():
    window = icecube_window(2)
    doubled = jax.jit(lambda w: SkyWindow(2 * w.exposure, w.m0_blind))(window)
    assert np.array_equal(doubled.exposure, 2 * window.exposure)


def test_errors():
    with pytest.raises(ValueError, match=r"number of pixels.*got 50"):
        SkyWindow(jnp.ones(50))
    with pytest.raises(ValueError, match=r"SkyWindow: exposure: expected a number >= 0, got -1"):
        SkyWindow(-jnp.ones(48))
    with pytest.raises(ValueError, match=r"sum of the exposure: expected a positive number, got 0"):
        SkyWindow(jnp.zeros(48))
    with pytest.raises(ValueError, match=r"exposure: expected a number >= 0, got nan"):
        SkyWindow(jnp.full(48, jnp.nan))
    with pytest.raises(ValueError, match=r"nside: expected a power of two.*got 3"):
        icecube_window(3)
    with pytest.raises(ValueError, match=r"highest: expected .* in \(10, 90\], got -10"):
        declination_window(4, lowest=10, highest=-10)
    with pytest.raises(ValueError, match=r"combined_window: .*one nside, got nside \[4, 8\]"):
        combined_window(icecube_window(4), icecube_window(8))
    with pytest.raises(ValueError, match="combined_window: windows: expected one or more"):
        combined_window()
    with pytest.raises(ValueError, match=r"transit_exposure: latitude.* got 19.0.*radians"):
        transit_exposure(np.zeros(1), 19.0, 57.0)


def test_float32_stays_float32():
    assert SkyWindow(jnp.ones(48, jnp.float32)).sky_fraction.dtype == jnp.float32


def test_what_runs_on_the_host_says_so_inside_jit():
    window, ones = icecube_window(2), jnp.ones(48)
    for function in (
        lambda x: pseudo_spectrum(ones, SkyWindow(x), lmax=4),
        lambda x: pseudo_coupling(SkyWindow(x), lmax=4).mixing_matrix,
        lambda x: observe(x, window, num_events=100).counts,
        lambda x: isotropic_bands(nside=2, lmax=2, num_events=9, exposure=x).mean,
        lambda x: fiducial_from(SpectrumEstimate(jnp.arange(3.0), x[:3], x[:3], x[:3]), 4),
    ):
        with pytest.raises(
            ValueError, match=r"expected numbers that are known, got an array inside"
        ):
            jax.jit(function)(ones)
