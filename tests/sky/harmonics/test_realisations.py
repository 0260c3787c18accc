import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcr.sky.harmonics import spectrum_statistics, spectrum_sums


def gaussian_spectra(rng, num_skies, c_ell):
    """Draw C_l of Gaussian skies: chi² of 2l+1 degrees of freedom."""
    freedom = 2 * np.arange(c_ell.size) + 1
    return c_ell * rng.chisquare(freedom, (num_skies, c_ell.size)) / freedom


def test_equals_numpy(rng):
    spectra = rng.random((40, 5))
    statistics = spectrum_statistics(spectra)
    covariance = np.cov(spectra, rowvar=False)
    # 1e-13: round-off of sums over 40 skies.
    assert np.allclose(statistics.mean, spectra.mean(axis=0), rtol=1e-13)
    assert np.allclose(statistics.covariance, covariance, rtol=1e-13, atol=1e-15)
    assert np.allclose(statistics.error, np.sqrt(np.diag(covariance) / 40), rtol=1e-13)
    assert np.allclose(statistics.correlation, np.corrcoef(spectra.T), rtol=1e-13, atol=1e-14)
    lower, upper = statistics.band((68.0, 90.0))
    assert np.allclose(lower, np.percentile(spectra, [16, 5], axis=0), rtol=1e-13)
    assert np.allclose(upper, np.percentile(spectra, [84, 95], axis=0), rtol=1e-13)
    assert statistics.num_skies == 40


def test_sums_add_up(rng):
    spectra = 1e3 + rng.random((30, 4))  # a large mean, so that sums of squares would cancel
    parts = [spectrum_sums(part) for part in (spectra[:1], spectra[1:2], spectra[2:])]
    whole, joined = spectrum_sums(spectra), parts[0] + parts[1] + parts[2]
    assert joined.num_skies == 30
    # 1e-11: deviations of 0.3 are rounded to 1e-13 beside the mean of 1000.
    assert np.allclose(joined.mean, whole.mean, rtol=1e-15 * 8)
    assert np.allclose(joined.covariance, whole.covariance, rtol=1e-11, atol=1e-12)
    assert np.allclose(joined.error, whole.error, rtol=1e-11)


def test_cosmic_variance_of_gaussian_skies(rng):
    c_ell = 1.0 / np.arange(1, 10) ** 2
    statistics = spectrum_statistics(gaussian_spectra(rng, 4000, c_ell))
    # var C_l = 2 C_l² / (2l+1). The variance of 4000 draws of chi²_k is known to
    # sqrt((2 + 12/k) / 4000), 6 % at k = 1: 4 of those.
    freedom = 2 * np.arange(9) + 1
    ratio = np.diag(statistics.covariance) / (2 * c_ell**2 / freedom)
    assert np.all(np.abs(ratio - 1) < 4 * np.sqrt((2 + 12 / freedom) / 4000))
    # Independent multipoles: 36 correlations, each 0 to 1/sqrt(4000) = 0.016; 4.5 of those.
    assert np.all(np.abs(np.triu(statistics.correlation, 1)) < 4.5 / np.sqrt(4000))
    assert np.all(np.abs(statistics.mean - c_ell) < 4 * statistics.error)


def test_a_multipole_without_scatter_has_no_correlation(rng):
    spectra = rng.random((40, 5)) * np.array([0.0, 1.0, 1.0, 1.0, 1.0])
    statistics = spectrum_statistics(spectra)
    assert np.all(statistics.correlation[0] == 0)
    assert np.isclose(statistics.correlation[1, 1], 1)
    gradient = jax.jit(jax.grad(lambda x: jnp.sum(spectrum_sums(x).correlation)))
    gradient = gradient(jnp.asarray(spectra))
    assert np.all(np.isfinite(gradient))


def test_sums_stream_under_jit(rng):
    spectra = jnp.asarray(rng.random((6, 5, 3)))

    @jax.jit
    def stream(blocks):
        first = spectrum_sums(blocks[0])
        return jax.lax.scan(
            lambda sums, block: (sums + spectrum_sums(block), None), first, blocks[1:]
        )[0]

    whole = spectrum_sums(spectra.reshape(30, 3))
    assert np.allclose(stream(spectra).covariance, whole.covariance, rtol=1e-12, atol=1e-15)


def test_errors(rng):
    with pytest.raises(ValueError, match=r"statistics: spectra: number of skies.* >= 2, got 1"):
        spectrum_statistics(np.ones((1, 4)))
    with pytest.raises(
        ValueError, match=r"sums: spectra: (expected at least one entry|number of skies)"
    ):
        spectrum_sums(np.ones((0, 4)))
    broken = rng.random((5, 4))
    broken[3, 1] = np.nan
    with pytest.raises(ValueError, match=r"finite numbers, got nan at index 3, 1"):
        spectrum_statistics(broken)
    with pytest.raises(ValueError, match=r"levels: expected .* in \(0, 100\), got 100\.0"):
        spectrum_statistics(np.ones((2, 4))).band((68.0, 100.0))


def test_float32_stays_float32(rng):
    spectra = jnp.asarray(rng.random((10, 3)), dtype=jnp.float32)
    statistics = spectrum_statistics(spectra)
    assert statistics.covariance.dtype == statistics.error.dtype == jnp.float32
    assert statistics.band()[0].dtype == jnp.float32
    assert (spectrum_sums(spectra) + spectrum_sums(spectra)).mean.dtype == jnp.float32
