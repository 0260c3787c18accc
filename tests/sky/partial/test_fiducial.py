import jax.numpy as jnp
import numpy as np
import pytest

from jaxcr.sky.partial import (
    SpectrumEstimate,
    deconvolve_spectrum,
    fiducial_from,
    forward_spectrum,
    icecube_window,
    pseudo_coupling,
    uniform_bins,
)
from jaxcr.sky.theory import cascade_spectrum

NSIDE = 8
BINS = uniform_bins(1, 15, 3)
ELL = np.arange(3 * NSIDE)


@pytest.fixture(scope="module")
def coupling():
    return pseudo_coupling(icecube_window(NSIDE), lmax=2 * NSIDE)


@pytest.mark.parametrize(
    ("c_ell", "before", "after"),
    [(np.asarray(cascade_spectrum(23)), 0.5, 0.1), (np.where(ELL > 0, 1.0, 0.0), 0.6, 0.15)],
    ids=["cascade", "flat"],
)
def test_a_second_deconvolution_has_little_bias_left(coupling, c_ell, before, after):
    pseudo = forward_spectrum(c_ell, coupling)
    first = deconvolve_spectrum(pseudo, coupling, BINS)
    second = deconvolve_spectrum(
        pseudo, coupling, BINS, fiducial=fiducial_from(first, coupling.lmax_in)
    )
    exact = deconvolve_spectrum(pseudo, coupling, BINS, fiducial=c_ell)
    # In errors of one sky: without noise, what differs from the truth is bias alone.
    bias = [np.max(np.abs(x.c_ell - BINS.bin(c_ell)) / exact.error) for x in (first, second)]
    assert bias[0] > before
    assert bias[1] < after


def test_the_law_of_the_cascade_is_kept_and_continued():
    degree = np.array([2.0, 5.0, 11.0])
    law = 18 / ((2 * degree + 1) * (degree + 1) * (degree + 2))
    estimate = SpectrumEstimate(degree, jnp.asarray(3 * law), jnp.asarray(law), jnp.zeros(3))
    expected = 3 * np.asarray(cascade_spectrum(40))
    assert np.allclose(fiducial_from(estimate, 40), expected, rtol=1e-13)  # one log and exp
    two = SpectrumEstimate(
        degree, jnp.asarray([2 * law, 4 * law]), jnp.asarray([law, law]), jnp.zeros((2, 3))
    )
    assert np.allclose(fiducial_from(two, 40), expected, rtol=1e-13)  # the mean of two skies


def test_bins_of_noise_are_passed_by():
    degree, c_ell = np.array([1.0, 4.0, 8.0, 16.0]), np.array([1.0, 1e-3, 0.01, -0.5])
    estimate = SpectrumEstimate(degree, jnp.asarray(c_ell), jnp.full(4, 0.01), jnp.zeros(4))
    found = fiducial_from(estimate, 20)
    assert found[0] == 0
    assert np.all(found[1:] > 0)
    assert np.isclose(found[8], 0.01, rtol=1e-13)
    assert found[8] < found[4] < found[1]  # not through 1e-3
    law = np.asarray(cascade_spectrum(20))
    assert np.allclose(found[8:] / law[8:], 0.01 / law[8], rtol=1e-12)  # nor to -0.5
    # The best bin stays where all are below half their error.
    weak = SpectrumEstimate(degree, jnp.asarray(c_ell), jnp.full(4, 10.0), jnp.zeros(4))
    assert np.isclose(fiducial_from(weak, 20)[1], 1, rtol=1e-13)


def test_errors():
    estimate = SpectrumEstimate(np.array([1.0, 4.0]), -jnp.ones(2), jnp.ones(2), jnp.zeros(2))
    with pytest.raises(ValueError, match=r"estimate: expected at least one positive bin, got none"):
        fiducial_from(estimate, 20)
    good = SpectrumEstimate(np.array([1.0, 4.0]), jnp.ones(2), jnp.ones(2), jnp.zeros(2))
    with pytest.raises(ValueError, match=r"lmax: expected a number >= 1, got 0"):
        fiducial_from(good, 0)


def test_numbers_that_are_none_are_no_bins():
    """NaN in a bin was left out as if the bin were negative."""
    ell = np.array([1.0, 2.0, 3.0])
    good, bad = jnp.array([3.0, 2.0, 1.0]), jnp.array([3.0, jnp.nan, 1.0])
    for c_ell, error in ((bad, good), (good, bad)):
        with pytest.raises(ValueError, match=r"of the estimate: expected .*got nan at index 1"):
            fiducial_from(SpectrumEstimate(ell, c_ell, error, good), 8)
