import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcr.sky.partial import (
    SpectrumBins,
    binned_condition,
    declination_window,
    deconvolve_spectrum,
    forward_spectrum,
    gaussian_error,
    icecube_window,
    pseudo_coupling,
    uniform_bins,
)
from jaxcr.sky.theory import cascade_spectrum

NSIDE, LMAX = 8, 16
NUM_PIXELS = 12 * NSIDE**2


@pytest.fixture(scope="module")
def coupling():
    return pseudo_coupling(icecube_window(NSIDE), lmax=LMAX)


def test_bins_average_with_the_number_of_modes():
    bins = SpectrumBins((1, 2, 4, 8))
    assert bins.labels() == ["1", "2-3", "4-7"]
    assert bins.num_bins == 3
    c_ell = np.arange(10.0)
    assert np.allclose(bins.bin(c_ell), [1, (5 * 2 + 7 * 3) / 12, bins.degrees[2]], atol=1e-14)
    assert np.allclose(bins.bin(np.ones((2, 8))), 1, atol=1e-15)
    assert uniform_bins(1, 9, 3).edges == (1, 4, 7, 10)
    assert uniform_bins(1, 8, 3).edges == (1, 4, 7)
    assert hash(SpectrumBins(list(np.array([1, 2, 4])))) == hash(SpectrumBins((1, 2, 4)))


def test_forward_then_back_returns_the_spectrum(coupling):
    bins = uniform_bins(1, 15, 3)
    flat = np.where((np.arange(24) > 0) & (np.arange(24) < 16), 2e-6, 0.0)
    found = deconvolve_spectrum(forward_spectrum(flat, coupling), coupling, bins)
    # 1e-12: a 5 x 5 solve of condition 3.
    assert np.allclose(found.c_ell, 2e-6, rtol=1e-12)
    # A steep spectrum needs its shape, also above the bins; without it the bins are off.
    steep = np.asarray(cascade_spectrum(23))
    pseudo = forward_spectrum(steep, coupling)
    known = deconvolve_spectrum(pseudo, coupling, bins, fiducial=3 * steep)
    wrong = deconvolve_spectrum(pseudo, coupling, bins)
    assert not np.allclose(wrong.c_ell, bins.bin(steep), rtol=0.1)
    exact = deconvolve_spectrum(pseudo, coupling, bins, fiducial=steep)
    assert np.allclose(exact.c_ell, bins.bin(steep), rtol=1e-12)
    # Power outside the bins comes from the fiducial: three times too much moves the last bin.
    assert np.allclose(known.c_ell[:2], bins.bin(steep)[:2], rtol=2e-2)


def test_noise_is_subtracted_whatever_its_pattern(coupling, rng):
    variance = rng.uniform(1, 2, (2, NUM_PIXELS))
    noise = coupling.noise_spectrum(variance)
    found = deconvolve_spectrum(noise, coupling, uniform_bins(1, 15, 3), variance=variance)
    assert np.allclose(found.c_ell, 0, atol=1e-14)  # round-off of C_l of order 1e-2
    assert np.all(found.noise > 0)


def test_whole_sky_errors_are_those_of_knox():
    # With all orders seen and no noise, sqrt(2 / (2l+1)) C_l; 3e-3: plain quadrature.
    whole = pseudo_coupling(declination_window(NSIDE, m0_blind=False), lmax=6)
    steep = np.asarray(cascade_spectrum(23))
    found = deconvolve_spectrum(
        forward_spectrum(steep, whole), whole, uniform_bins(1, 6, 1), fiducial=steep
    )
    knox = gaussian_error(jnp.asarray(steep[:7]), jnp.zeros(7))[1:]
    assert np.allclose(found.error, knox, rtol=3e-3)
    scale = np.sqrt(np.outer(np.diag(found.covariance), np.diag(found.covariance)))
    assert np.allclose(found.covariance / scale, np.eye(6), atol=3e-3)


def test_errors_without_a_fiducial_are_those_of_the_result(coupling):
    bins = uniform_bins(1, 15, 3)
    flat = np.where((np.arange(24) > 0) & (np.arange(24) < 16), 2e-6, 0.0)
    variance = np.full(NUM_PIXELS, 1e-4)
    pseudo = forward_spectrum(flat, coupling) + coupling.noise_spectrum(variance)
    both = jnp.stack([pseudo, pseudo])
    own = deconvolve_spectrum(both, coupling, bins, variance=variance)
    known = deconvolve_spectrum(pseudo, coupling, bins, variance=variance, fiducial=flat)
    assert own.covariance.shape == (2, 5, 5)
    assert np.allclose(own.error[1], known.error, rtol=1e-10)  # round-off


def test_condition_tells_what_a_window_separates(coupling):
    assert binned_condition(coupling, uniform_bins(1, 15, 3)) < 5
    assert binned_condition(coupling, uniform_bins(1, 15, 1)) > 1e6
    whole = pseudo_coupling(declination_window(NSIDE), lmax=8)
    assert binned_condition(whole, uniform_bins(1, 8, 1)) < 2


def test_gaussian_error_of_folds():
    # Two folds, signal and noise 1: C² + 2 C N + 2 N² = 5 against (C + N)² = 4.
    one = jnp.ones(3)
    ell = np.arange(3)
    assert np.allclose(gaussian_error(one, one) ** 2, 8 / (2 * ell + 1), rtol=1e-14)
    assert np.allclose(gaussian_error(one, one, num_folds=2) ** 2, 10 / (2 * ell + 1), rtol=1e-14)
    assert np.allclose(
        gaussian_error(one, one, sample_variance=False) ** 2, 6 / (2 * ell + 1), rtol=1e-14
    )
    gradient = jax.grad(lambda c: jnp.sum(gaussian_error(c, jnp.zeros(3))))(jnp.zeros(3))
    assert np.all(np.isfinite(gradient))


def test_gradients(coupling, rng):
    bins = uniform_bins(1, 15, 3)
    c_ell, step = jnp.asarray(rng.uniform(0.5, 1, (2, 24)))
    value = forward_spectrum(c_ell + step, coupling) - forward_spectrum(c_ell, coupling)
    slope = jax.jvp(lambda c: forward_spectrum(c, coupling), (c_ell,), (step,))[1]
    assert np.allclose(slope, value, rtol=1e-12)  # linear
    pseudo, move = jnp.asarray(rng.uniform(0.5, 1, (2, LMAX + 1)))

    def error(x):
        return deconvolve_spectrum(x, coupling, bins, variance=np.ones(NUM_PIXELS)).error[2]

    # 1e-7: truncation of the difference, step² = 1e-8 times the curvature.
    difference = (error(pseudo + 1e-4 * move) - error(pseudo - 1e-4 * move)) / 2e-4
    assert np.isclose(jax.jvp(error, (pseudo,), (move,))[1], difference, rtol=1e-7)


@pytest.mark.slow
def test_maps_of_spectra_and_jit(coupling, rng):
    bins = uniform_bins(1, 15, 3)
    pseudo = jnp.asarray(rng.uniform(0.5, 1, (2, 3, LMAX + 1)))
    inside = jax.jit(lambda x, c: deconvolve_spectrum(x, c, bins).c_ell)(pseudo, coupling)
    found = deconvolve_spectrum(pseudo, coupling, bins)
    assert found.c_ell.shape == found.error.shape == (2, 3, 5)
    assert np.allclose(inside, found.c_ell, rtol=1e-10)  # order of the sums


def test_errors(coupling):
    pseudo = jnp.ones(LMAX + 1)
    with pytest.raises(
        ValueError,
        match=r"bins: expected a mixing matrix of condition below 1.0e\+02, got .*"
        r"does not separate l = 1, 2, .*wider bins",
    ):
        deconvolve_spectrum(pseudo, coupling, uniform_bins(1, 15, 1), largest_condition=100)
    with pytest.raises(ValueError, match=r"lmax: expected a number >= 17, got 16.*last edge"):
        deconvolve_spectrum(pseudo, coupling, SpectrumBins((1, 18)))
    with pytest.raises(ValueError, match=r"edges: expected at least two increasing.*got \(0, 2\)"):
        SpectrumBins((0, 2))
    with pytest.raises(ValueError, match=r"edges: expected at least two increasing"):
        SpectrumBins((1, 4, 4))
    with pytest.raises(ValueError, match=r"edges: expected at least two"):
        uniform_bins(5, 6, 4)
    with pytest.raises(ValueError, match=r"uniform_bins: width: expected a number >= 1, got 0"):
        uniform_bins(1, 6, 0)
    with pytest.raises(ValueError, match=r"fiducial: expected shape \(24,\), got shape \(17,\)"):
        deconvolve_spectrum(pseudo, coupling, uniform_bins(1, 15, 3), fiducial=np.ones(17))
    with pytest.raises(ValueError, match=r"spectra: expected shape \(17,\), got shape \(5,\)"):
        deconvolve_spectrum(jnp.ones(5), coupling, uniform_bins(1, 15, 3))
    with pytest.raises(ValueError, match=r"fiducial in bins: expected a positive number, got .*0"):
        deconvolve_spectrum(pseudo, coupling, uniform_bins(1, 15, 3), fiducial=np.zeros(24))
    with pytest.raises(ValueError, match=r"variance: expected shape \(768,\), got shape \(192,\)"):
        deconvolve_spectrum(pseudo, coupling, uniform_bins(1, 15, 3), variance=np.ones(192))


@pytest.mark.slow
def test_float32_stays_float32(coupling):
    pseudo = jnp.ones((2, LMAX + 1), jnp.float32)
    bins = uniform_bins(1, 15, 3)
    found = deconvolve_spectrum(pseudo, coupling, bins, variance=np.ones(NUM_PIXELS))
    assert found.c_ell.dtype == found.error.dtype == jnp.float32
    assert forward_spectrum(jnp.ones(24, jnp.float32), coupling).dtype == jnp.float32
    assert bins.bin(pseudo).dtype == jnp.float32
