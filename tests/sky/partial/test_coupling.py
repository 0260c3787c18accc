import healpy
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcr.sky import degrade_map
from jaxcr.sky.harmonics.modes import mode_degrees, synthesis_matrix
from jaxcr.sky.healpix import pixel_centers
from jaxcr.sky.partial import (
    SkyWindow,
    declination_window,
    hawc_window,
    icecube_window,
    mixing_matrix,
    observe,
    pseudo_coupling,
    pseudo_spectrum,
    wigner_mixing_matrix,
    windowed_maps,
)
from jaxcr.sky.partial.pixel_coupling import dense_coupling
from jaxcr.sky.partial.ring_coupling import zonal_coupling
from jaxcr.sky.partial.ring_spectra import ring_spectrum

NSIDE, LMAX = 8, 16


def gaussian_skies(rng, c_ell, num):
    """Return Gaussian maps with spectrum c_ell up to 3 nside - 1."""
    lmax = len(c_ell) - 1
    modes = rng.standard_normal((num, (lmax + 1) ** 2)) * np.sqrt(c_ell[mode_degrees(lmax)])
    return modes @ synthesis_matrix(NSIDE, lmax)


def test_the_whole_sky_only_loses_m_0():
    matrix = mixing_matrix(declination_window(16), lmax=12, lmax_in=12)[1:, 1:]
    ell = np.arange(1, 13)
    # 1e-3: plain quadrature at nside 16 is not exact; a sum over orders would be.
    assert np.allclose(matrix, np.diag(2 * ell / (2 * ell + 1)), atol=1e-3)
    seeing = mixing_matrix(declination_window(16, m0_blind=False), lmax=12, lmax_in=12)
    assert np.allclose(seeing[1:, 1:], np.eye(12), atol=1e-3)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("window", [icecube_window(NSIDE), hawc_window(NSIDE)])
def test_rings_equal_pixels(window, weighted):
    options = {"exposure_weighted": weighted, "remove_mean": True}
    by_ring = zonal_coupling(window, LMAX, 23, **options)
    by_pixel = dense_coupling(window, LMAX, 23, **options)
    ratio = by_ring.mixing_matrix[1:].sum(axis=1) / by_pixel.mixing_matrix[1:].sum(axis=1)
    # A ring of n pixels takes m for m + n: negligible below nside, 1.3 % at 2 nside for the cap.
    assert np.allclose(ratio[:NSIDE], 1, atol=2e-3)
    assert np.allclose(ratio[NSIDE:], 1, atol=3e-2)
    variance = np.full(12 * NSIDE**2, 1e-3)
    noise = by_ring.noise_spectrum(variance)[1:], by_pixel.noise_spectrum(variance)[1:]
    assert np.allclose(noise[0], noise[1], rtol=1e-4)  # 3e-6 at nside 16
    c_ell = np.where(np.arange(24) > 0, 1 / (1 + np.arange(24.0)) ** 3, 0)
    covariance = [np.diag(x.covariance(c_ell, variance))[1:] for x in (by_ring, by_pixel)]
    assert np.allclose(covariance[0], covariance[1], rtol=2e-2)  # twice the above


def test_seeing_window_rings_equal_pixels():
    window = declination_window(NSIDE, highest=30, m0_blind=False)
    for remove_mean in (True, False):
        options = {"exposure_weighted": False, "remove_mean": remove_mean}
        by_ring = zonal_coupling(window, 6, 8, **options)
        by_pixel = dense_coupling(window, 6, 8, **options)
        # 1e-5: below nside the polar rings hardly confuse the orders.
        assert np.allclose(by_ring.mixing_matrix, by_pixel.mixing_matrix, atol=1e-5)


def test_the_operator_is_that_of_the_maps(rng):
    window = SkyWindow(np.maximum(pixel_centers(NSIDE)[:, 0] + 0.3, 0))  # not zonal
    coupling = pseudo_coupling(window, lmax=LMAX, exposure_weighted=True)
    modes = rng.standard_normal(24**2)
    sky = modes @ synthesis_matrix(NSIDE, 23)
    seen = np.asarray(coupling.response[0]) @ modes
    direct = np.asarray(coupling.row_average).T @ seen**2
    found = pseudo_spectrum(sky, window, lmax=LMAX, exposure_weighted=True)
    assert np.allclose(found, direct, rtol=1e-11)  # round-off of products of 1e3 terms


def test_pseudo_spectrum_equals_healpy(rng):
    sky = rng.standard_normal(12 * NSIDE**2)
    for window in (icecube_window(NSIDE), hawc_window(NSIDE)):
        reference = healpy.anafast(np.asarray(windowed_maps(sky, window)), lmax=LMAX, iter=0)
        # 1e-10, with an absolute 1e-16 for C_0, which is 0.
        found = pseudo_spectrum(sky, window, lmax=LMAX)
        assert np.allclose(found, reference, rtol=1e-10, atol=1e-16)


@pytest.mark.parametrize("window", [icecube_window(NSIDE), hawc_window(NSIDE)])
def test_mean_and_scatter_of_gaussian_skies(window, rng):
    num = 2000
    c_ell = np.where(np.arange(24) > 0, 1 / (1 + np.arange(24.0)) ** 2, 0)
    spread = np.asarray(window.exposure) * 0.4 + 0.1  # noise that depends on declination
    sky = gaussian_skies(rng, c_ell, num)
    sky += spread * rng.standard_normal(sky.shape)
    found = np.asarray(pseudo_spectrum(sky, window, lmax=LMAX))[:, 1:]
    coupling = dense_coupling(window, LMAX, 23, exposure_weighted=False, remove_mean=True)
    signal = np.asarray(coupling.mixing_matrix @ c_ell)[1:]
    expected = signal + np.asarray(coupling.noise_spectrum(spread**2))[1:]
    covariance = np.asarray(coupling.covariance(c_ell, spread**2))[1:, 1:]
    error = np.sqrt(np.diag(covariance) / num)
    # k = 4.2: 16 correlated multipoles. The noise alone is above 10 of these errors at l = 16.
    assert np.all(np.abs(found.mean(axis=0) - expected) < 4.2 * error)
    assert np.any(np.abs(found.mean(axis=0) - signal) > 10 * error)
    # The relative error of a variance from 2000 skies is sqrt(2/2000) = 3.2 %, more for the few
    # modes of l = 1; k = 5. Correlations: an error of 1 / sqrt(2000), k = 5.
    assert np.allclose(found.var(axis=0), np.diag(covariance), rtol=5 * 0.05)
    scale = np.sqrt(np.outer(np.diag(covariance), np.diag(covariance)))
    assert np.allclose(np.corrcoef(found.T), covariance / scale, atol=5 / np.sqrt(num))


@pytest.mark.parametrize(("nside", "lmax"), [(1, 2), (4, 11), (8, 16)])
def test_host_spectra_equal_healpy(nside, lmax, rng):
    maps = rng.standard_normal((2, 12 * nside**2))
    found = ring_spectrum(maps, nside, lmax)
    reference = [healpy.anafast(x, lmax=lmax, iter=0) for x in maps]
    assert np.allclose(found, reference, rtol=1e-10)
    single = ring_spectrum(maps.astype(np.float32), nside, lmax)
    assert single.dtype == np.float32
    assert np.allclose(single, reference, rtol=1e-4)  # round-off of sums of 1e3 terms


def test_power_above_lmax_leaks_in():
    narrow = mixing_matrix(icecube_window(NSIDE), lmax=LMAX, lmax_in=LMAX)
    wide = mixing_matrix(icecube_window(NSIDE), lmax=LMAX)
    assert wide.shape == (17, 24)
    assert np.allclose(wide[:, :17], narrow, atol=1e-15)
    assert np.sum(wide[16, 17:]) > 0.1 * np.sum(wide[16])


def test_white_skies_keep_the_share_of_the_sky():
    # For the mask alone sum over l' of M_ll' is the share of the sky (Parseval); 3e-2 for the
    # power of its sharp edge above 3 nside - 1.
    window = declination_window(16, highest=-25, m0_blind=False)
    matrix = mixing_matrix(window, lmax=8, remove_mean=False)
    assert np.allclose(matrix.sum(axis=1), window.sky_fraction, rtol=3e-2)


def test_rings_equal_the_wigner_formula():
    window = declination_window(16, highest=-25, m0_blind=False)
    by_ring = np.asarray(mixing_matrix(window, lmax=20, lmax_in=24, remove_mean=False))
    by_symbol = np.asarray(wigner_mixing_matrix(window, lmax=20, lmax_in=24))
    # 2e-3 of the largest element, 0.1: plain quadrature against a mask cut off at L = 44.
    assert np.allclose(by_ring, by_symbol, atol=2e-4)


def test_wigner_formula_of_the_whole_sky_is_one():
    whole = SkyWindow(jnp.ones(192), m0_blind=False)
    # 1e-3: the spectrum of a constant by plain quadrature at nside 4.
    assert np.allclose(wigner_mixing_matrix(whole, lmax=4, lmax_in=6), np.eye(5, 7), atol=1e-3)


def test_gradients(rng):
    coupling = pseudo_coupling(icecube_window(4), lmax=6)
    c_ell, step = jnp.asarray(rng.uniform(0.5, 1, (2, 12)))
    total = jax.jit(lambda c: jnp.sum(coupling.covariance(c, jnp.ones(192))))
    difference = (total(c_ell + step) - total(c_ell - step)) / 2
    # Quadratic in C, so that the central difference is exact but for round-off.
    assert np.isclose(jnp.vdot(jax.grad(total)(c_ell), step), difference, rtol=1e-11)
    window = icecube_window(4)
    power = jax.jit(lambda x: jnp.sum(pseudo_spectrum(x, window, lmax=6)))
    sky, move = jnp.asarray(rng.standard_normal((2, 192)))
    difference = (power(sky + move) - power(sky - move)) / 2
    assert np.isclose(jnp.vdot(jax.grad(power)(sky), move), difference, rtol=1e-11)


def test_errors():
    window = icecube_window(4)
    with pytest.raises(ValueError, match=r"pseudo_coupling: lmax: expected 0 .* = 11, got 12"):
        mixing_matrix(window, lmax=12)
    with pytest.raises(ValueError, match=r"lmax_in: expected .* in \[8, 11\], got 6"):
        mixing_matrix(window, lmax=8, lmax_in=6)
    with pytest.raises(ValueError, match=r"pseudo_spectrum: lmax: expected .*got 12"):
        pseudo_spectrum(jnp.zeros(192), window, lmax=12)
    with pytest.raises(ValueError, match=r"m0_blind of the window: expected .*False, got True"):
        wigner_mixing_matrix(window, lmax=4)
    patch = SkyWindow(np.maximum(pixel_centers(32)[:, 0], 0))
    message = r"depends on right ascension: expected .* in \[1, 16\], got 32.*degrade_map\(maps"
    with pytest.raises(ValueError, match=message):
        mixing_matrix(patch, lmax=4)
    with pytest.raises(ValueError, match=r"observe: maps: expected a finite value .*exposure 0"):
        observe(jnp.full(192, jnp.nan), window, num_events=100)


def test_a_measured_exposure_is_zonal_to_round_off(rng):
    """Sums of events differ in the last bits along a ring: that is no right ascension."""
    window = hawc_window(32)  # above the nside of pixel by pixel
    share = np.asarray(window.exposure)
    noisy = SkyWindow(share * (1 + 1e-7 * rng.standard_normal(share.size)))
    assert noisy.zonal
    # 1e-6: the round-off of the exposure.
    assert np.allclose(mixing_matrix(noisy, lmax=4), mixing_matrix(window, lmax=4), atol=1e-6)
    assert not SkyWindow(share * (1 + 1e-4 * rng.standard_normal(share.size))).zonal
    holes = np.where(np.arange(share.size) % 1000 == 0, 0, share)
    assert not SkyWindow(holes).zonal


def test_a_background_map_of_fine_pixels(rng):
    """The way that the error names: maps and window on nside 16, blind to m = 0 or not."""
    centers = pixel_centers(32)
    exposure = np.maximum(centers[:, 2] + 0.3, 0) * (1 + 0.1 * centers[:, 0])
    sky = 1e-3 * centers[:, 1]
    for blind in (True, False):
        fine = SkyWindow(exposure, blind)
        coarse = SkyWindow(degrade_map(fine.exposure, nside=16), blind)
        map = degrade_map(np.where(exposure > 0, sky, np.nan), nside=16, weight=fine.exposure)
        coupling = pseudo_coupling(coarse, lmax=8)
        found = pseudo_spectrum(map, coarse, lmax=8)
        # A dipole along y has a known image in the coarse pixels. 2e-2: means over parts of
        # pixels at the edge, and a pixel of 3.7 degrees in place of its centre.
        modes = np.zeros(coupling.response.shape[2])
        modes[3] = -1e-3 * np.sqrt(4 * np.pi / 3)  # sqrt2 Im a_11 of p_y
        expected = np.asarray(coupling.row_average).T @ (coupling.response[0] @ modes) ** 2
        assert np.allclose(found[1:4], expected[1:4], rtol=2e-2)


def test_float32_stays_float32():
    sky = jnp.ones((2, 192), jnp.float32)
    assert pseudo_spectrum(sky, icecube_window(4), lmax=4).dtype == jnp.float32
