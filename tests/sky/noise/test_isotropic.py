import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from jaxcr.sky import isotropic_bands, pixel_centers, power_spectrum
from jaxcr.sky.partial import declination_window, icecube_window, pseudo_coupling

NUM_SKIES = 4000
ELL = np.arange(1, 17)


@pytest.fixture(scope="module")
def bands():
    return isotropic_bands(nside=8, lmax=16, num_events=1e6, num_skies=NUM_SKIES)


def test_mean_is_the_poisson_level(bands):
    # The error of the mean over 4000 skies is sqrt(2 / (2l+1) / 4000); k = 4. Another 6e-4:
    # the refined quadrature at nside 8 carries up to that much more than white noise.
    allowed = 4 * np.sqrt(2 / (2 * ELL + 1) / NUM_SKIES) + 6e-4
    assert np.all(np.abs(np.asarray(bands.mean)[1:] / (4 * np.pi / 1e6) - 1) < allowed)


def test_bands_are_percentiles_of_chi_squared(bands):
    chi = stats.chi2(2 * ELL + 1)
    for lower, upper, level in zip(bands.lower, bands.upper, bands.levels, strict=True):
        for drawn, share in ((lower, 0.5 - level / 200), (upper, 0.5 + level / 200)):
            value = chi.ppf(share)
            # A sample quantile has the error sqrt(q(1-q)/n) / density; k = 4.5 for 96 values.
            error = np.sqrt(share * (1 - share) / NUM_SKIES) / chi.pdf(value)
            scaled = np.asarray(drawn)[1:] * (2 * ELL + 1) * 1e6 / (4 * np.pi)
            assert np.all(np.abs(scaled - value) < 4.5 * error + 6e-4 * value)


def test_bands_are_nested_around_the_median(bands):
    rows = np.concatenate([bands.lower[::-1], bands.median[None], bands.upper])[:, 1:]
    assert np.all(np.diff(rows, axis=0) > 0)
    assert np.array_equal(bands.levels, [68.0, 90.0, 99.0])


def test_a_dipole_stands_out_and_no_sky_does(bands):
    amplitude = 10 * np.sqrt(9 * 1e-6)  # C_1 = 4 pi A² / 9 is 100 times the level 4 pi / 1e6
    c_ell = np.asarray(power_spectrum(amplitude * pixel_centers(8)[:, 0]))
    assert c_ell[1] > bands.upper[-1, 1]
    assert np.all(c_ell[2:] < bands.lower[-1, 2:])


def test_huge_numbers_of_events():
    events = 4e10
    found = isotropic_bands(nside=4, lmax=8, num_events=events, num_skies=500)
    # k = 4.5 standard errors at each l, and 2e-3 for the refined quadrature at nside 4.
    ell = np.arange(1, 9)
    allowed = 4.5 * np.sqrt(2 / (2 * ell + 1) / 500) + 2e-3
    assert np.all(np.abs(np.asarray(found.mean)[1:] * events / (4 * np.pi) - 1) < allowed)


def test_cut_sky_has_less_power():
    exposure = np.where(pixel_centers(8)[:, 2] < 0, 2.0, 0.0)
    found = isotropic_bands(
        nside=8, lmax=16, num_events=1e6, num_skies=1000, levels=(95.0,), exposure=exposure
    )
    # With the events on a share f of the sky, <C_l> = 4 pi f² / N (addition theorem), apart
    # from the mean that is removed, which the high l do not feel. 2e-2: neighbouring l are
    # correlated, 9 of them from 1000 skies to 1 % each.
    share = np.mean(exposure > 0)
    assert np.isclose(np.mean(found.mean[8:]), 4 * np.pi * share**2 / 1e6, rtol=2e-2)
    assert found.lower.shape == (1, 17)


def test_uneven_exposure_raises_the_noise():
    exposure = 1 + 0.9 * pixel_centers(4)[:, 2]
    found = isotropic_bands(nside=4, lmax=8, num_events=1e6, num_skies=1000, exposure=exposure)
    # <C_l> = (4 pi / N) <e> <1/e> over the sky, 1.63 here. 3e-2: 4 standard errors of the mean
    # over l = 4 ... 8 of 1000 skies, 0.4 %, and the removed mean.
    expected = 4 * np.pi / 1e6 * np.mean(exposure) * np.mean(1 / exposure)
    assert np.isclose(np.mean(found.mean[4:]), expected, rtol=3e-2)


def test_a_blind_window_has_the_noise_of_its_coupling():
    window, num, events = icecube_window(8), 1000, 1e5
    found = isotropic_bands(nside=8, lmax=16, num_events=events, num_skies=num, window=window)
    variance = np.where(np.asarray(window.seen), float(np.sum(window.seen)) / events, 0.0)
    coupling = pseudo_coupling(window, lmax=16)
    expected = np.asarray(coupling.noise_spectrum(variance))[1:]
    covariance = coupling.covariance(np.zeros(24), variance)
    error = np.sqrt(np.diag(covariance)[1:] / num)
    # k = 4.2, and 1e-3 of the level: one over the mean of 2000 counts on the shortest rings.
    assert np.all(np.abs(np.asarray(found.mean)[1:] - expected) < 4.2 * error + 1e-3 * expected)
    # It can fail: the noise falls below a white level of this share of the sky at low l.
    share = float(window.sky_fraction)
    assert np.asarray(found.mean)[1] < 0.8 * 4 * np.pi / events * share**2


def test_a_seeing_window_is_its_exposure_with_plain_quadrature():
    window = declination_window(4, highest=30, m0_blind=False)
    arguments = {"nside": 4, "lmax": 4, "num_events": 1e5, "num_skies": 50}
    found = isotropic_bands(window=window, **arguments)
    other = isotropic_bands(exposure=window.exposure, **arguments)
    # The same skies; refined quadrature adds what the cut leaves between the modes, up to 4 %.
    assert np.allclose(found.mean[1:], other.mean[1:], rtol=4e-2)
    assert not np.allclose(found.mean[1:], other.mean[1:], rtol=1e-6)


def test_few_events_leave_rings_empty():
    found = isotropic_bands(nside=4, lmax=4, num_events=3.0, num_skies=20, window=icecube_window(4))
    assert np.all(np.isfinite(found.upper))


def test_large_maps_take_the_other_transform():
    fine, coarse = (
        isotropic_bands(
            nside=nside, lmax=8, num_events=1e5, num_skies=num, window=icecube_window(nside)
        )
        for nside, num in ((32, 40), (16, 400))
    )
    # 40 skies and l = 4 ... 8 of some 12 modes each: 5 %, k = 3.5; 3 % for the other edge.
    assert np.isclose(np.mean(fine.mean[4:]), np.mean(coarse.mean[4:]), rtol=0.2)


def test_skies_do_not_depend_on_the_number_of_threads(monkeypatch):
    arguments = {"nside": 8, "lmax": 4, "num_events": 1e4, "num_skies": 4000}
    draws = []
    for workers in (1, 3):
        monkeypatch.setattr("os.cpu_count", lambda num=workers: num)
        draws.append(isotropic_bands(**arguments))
    assert np.array_equal(draws[0].upper, draws[1].upper)


def test_same_start_same_bands():
    draws = [
        isotropic_bands(nside=2, lmax=4, num_events=1e4, num_skies=20, seed=seed).median
        for seed in (0, 0, 1)
    ]
    assert np.array_equal(draws[0], draws[1])
    assert not np.array_equal(draws[0], draws[2])


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"nside": 3}, "nside: expected a power of two"),
        ({"lmax": 6}, "lmax: expected 0 .* = 5, got 6"),
        ({"num_events": 0}, "num_events: expected a positive number, got 0"),
        ({"num_skies": 0}, "num_skies: expected a number >= 1, got 0"),
        ({"levels": (68.0, 100.0)}, "levels: expected a number in \\(0, 100\\), got 100"),
        ({"exposure": np.ones(12)}, r"exposure: expected shape \(48,\), got shape \(12,\)"),
        ({"exposure": np.full(48, -1.0)}, "exposure: expected a number >= 0, got -1"),
        ({"exposure": np.zeros(48)}, "sum of the exposure: expected a positive number, got 0"),
        ({"exposure": np.ones(48), "window": icecube_window(2)}, "one of the two, got both"),
        ({"window": icecube_window(4)}, "nside of the window: expected one of 2, got 4"),
    ],
)
def test_errors(change, text):
    arguments = {"nside": 2, "lmax": 4, "num_events": 1e4, "num_skies": 10} | change
    with pytest.raises(ValueError, match=text):
        isotropic_bands(**arguments)


def test_default_precision():
    found = isotropic_bands(nside=2, lmax=4, num_events=1e4, num_skies=10)
    assert found.mean.dtype == found.lower.dtype == jnp.result_type(float)
