import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcr.sky.healpix import pixel_centers
from jaxcr.sky.partial import (
    ObservedSky,
    declination_window,
    hawc_window,
    icecube_window,
    observe,
    pseudo_coupling,
    pseudo_spectrum,
    remove_declination_mean,
    uniform_bins,
)

NSIDE = 8
DIPOLE = 0.1 * pixel_centers(NSIDE) @ np.array([0.6, 0.0, 0.8])


def test_many_events_show_the_map_less_its_ring_means():
    window = hawc_window(NSIDE)
    sky = observe(DIPOLE, window, num_events=1e13)
    expected = remove_declination_mean(DIPOLE, window)
    # dI/I against the ring's own mean is (I - mean) / (1 + mean) with a mean of up to 0.08;
    # the rest is Poisson scatter: the rarest pixels have 2e8 events, k = 5.
    assert np.allclose(sky.relative_intensity, expected, atol=0.08 * 0.06 + 5 / np.sqrt(2e8))
    assert np.all(np.asarray(sky.counts)[~np.asarray(window.seen)] == 0)
    assert np.isclose(np.sum(sky.counts), np.sum(sky.background), rtol=1e-12)


def test_each_ring_is_normalised_to_itself():
    sky = observe(DIPOLE, icecube_window(NSIDE), num_events=1e5)
    contrast = np.asarray(sky.counts - sky.background)
    # Round-off of sums of 1e3 events.
    assert np.allclose(remove_declination_mean(contrast, sky.window), contrast, atol=1e-10)
    seeing = observe(DIPOLE, declination_window(NSIDE, m0_blind=False), num_events=1e5)
    ring = np.asarray(seeing.background)
    assert np.allclose(ring, ring[0], rtol=1e-12)  # one background for the whole sky


def test_errors_are_those_of_the_counts():
    # 400 isotropic skies of 30 events a pixel. A ring of n pixels takes a share 1/n off the
    # variance: the mean over its pixels of the square of (dI/I) / error is 1 - 1/n.
    window = icecube_window(NSIDE)
    seen = np.asarray(window.seen)
    num = 30.0 * np.sum(seen)
    sky = observe(np.zeros((400, 12 * NSIDE**2)), window, num_events=num)
    pull = np.asarray(sky.relative_intensity)[:, seen] / np.asarray(sky.error)[:, seen]
    rings = np.unique(pixel_centers(NSIDE)[seen, 2].round(12)).size
    expected = 1 - rings / np.sum(seen)
    # The relative error of the mean square of 400 x 200 pixels is sqrt((2 + 1/30) / 8e4); k = 4.
    assert np.isclose(np.mean(pull**2), expected, rtol=4 * 0.005)
    assert np.allclose(sky.noise_level, 4 * np.pi / 768 / 30, rtol=0.05)


def test_spectrum_has_all_its_parts():
    window = icecube_window(NSIDE)
    coupling, bins = pseudo_coupling(window, lmax=16), uniform_bins(1, 15, 3)
    sky = observe(np.zeros(12 * NSIDE**2), window, num_events=1e7)
    found = sky.spectrum(coupling, bins, model=np.zeros(17))
    direct = pseudo_spectrum(sky.relative_intensity, window, lmax=16)
    assert np.allclose(found.pseudo, direct, rtol=1e-12)  # the same call
    # The sky is the model: nothing but noise. k = 4.5 for chi² of as few as two modes.
    pull = np.asarray((found.pseudo - found.noise - found.model) / found.model_error)[1:]
    assert np.all(np.abs(pull) < 4.5)
    assert np.all(found.noise[8:] > 2 * found.model_error[8:])  # so that its level matters
    pull = np.asarray(found.estimate.c_ell / found.estimate.error)
    assert np.all(np.abs(pull) < 4.5)
    assert sky.spectrum(coupling, bins).model is None


def test_rings_without_counts_are_left_out():
    window = icecube_window(4)
    sky = observe(np.zeros((2, 192)), window, num_events=5.0)
    assert np.all(np.isfinite(sky.relative_intensity))
    assert np.all(np.isfinite(sky.error))
    assert np.all(np.asarray(sky.relative_intensity)[np.asarray(sky.background) == 0] == 0)


def test_same_seed_same_sky():
    window = icecube_window(4)
    counts = [observe(np.zeros(192), window, num_events=1e4, seed=s).counts for s in (0, 0, 1)]
    assert np.array_equal(counts[0], counts[1])
    assert not np.array_equal(counts[0], counts[2])


def test_errors():
    window = icecube_window(4)
    with pytest.raises(ValueError, match=r"observe: maps: expected shape \(192,\), got .*48"):
        observe(np.zeros(48), window, num_events=1e4)
    with pytest.raises(ValueError, match=r"num_events: expected a positive number, got -1"):
        observe(np.zeros(192), window, num_events=-1)
    with pytest.raises(ValueError, match=r"maps: expected a number >= -1, got -2"):
        observe(np.full(192, -2.0), window, num_events=1e4)
    with pytest.raises(ValueError, match=r"maps: expected a finite value.*got nan"):
        observe(np.full(192, np.nan), window, num_events=1e4)


def test_float32_maps():
    sky = observe(jnp.zeros(192, jnp.float32), icecube_window(4), num_events=1e4)
    assert sky.counts.dtype == jnp.result_type(float)  # counts may be above 2^24


def test_unknown_background_is_no_intensity_of_zero():
    window = icecube_window(4)
    ones = jnp.ones(192)
    for counts, background in ((jnp.nan * ones, ones), (ones, jnp.nan * ones), (ones, -ones)):
        with pytest.raises(ValueError, match=r"ObservedSky: \w+: expected a number >= 0, got"):
            ObservedSky(counts, background, window)

    @jax.jit
    def numbers(background):
        sky = ObservedSky(ones, background, window)
        return sky.relative_intensity, sky.error, sky.noise_level

    intensity, error, level = numbers(ones.at[3].set(jnp.nan).at[4].set(0))
    assert np.isnan(intensity[3]) and np.isnan(error[3]) and np.isnan(level)  # noqa: PT018
    assert intensity[4] == error[4] == 0
