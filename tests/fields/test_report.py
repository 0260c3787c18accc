import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcr.fields import GridField, PowerLaw, UniformField, describe, realise_grid

WAVE = 2 * math.pi * 3 / 16


def wave(polarisation, shape=(16, 12, 10)):
    """Return 2 µG cos(k x) along a direction, three waves in 16 pc."""
    grid = GridField(jnp.zeros((*shape, 3)), spacing=1.0, origin=jnp.zeros(3))
    x = grid.lattice().centers()[..., 0]
    samples = 2 * jnp.cos(WAVE * x)[..., None] * jnp.asarray(polarisation)[None, None, None]
    return GridField(samples, spacing=1.0, origin=jnp.zeros(3))


def test_one_transverse_wave_by_hand():
    report = describe(wave([0.0, 0.6, 0.8]))
    # Fourier transforms of 2000 numbers of order one.
    assert abs(report.rms - math.sqrt(2)) < 1e-13
    assert report.divergence < 1e-13
    assert abs(report.correlation_length - math.pi / 2 / WAVE) < 1e-12
    assert jnp.allclose(report.mean, 0, rtol=0, atol=1e-14)
    assert math.isnan(report.index)


def test_divergence_is_the_fraction_along_k():
    # k·B/(k|B|) is the cosine between the wave and its polarisation.
    assert abs(describe(wave([0.6, 0.8, 0.0])).divergence - 0.6) < 1e-13


def test_mean_field_is_no_fluctuation():
    turbulence = wave([0.0, 0.6, 0.8])
    report = describe(UniformField(jnp.array([1.0, -2.0, 3.0])) + 0.5 * turbulence)
    assert jnp.allclose(report.mean, jnp.array([1.0, -2.0, 3.0]), rtol=0, atol=1e-14)
    assert abs(report.rms - math.sqrt(0.5)) < 1e-13


@pytest.fixture(scope="module")
def kolmogorov():
    law = PowerLaw(5 / 3, outer_scale=51.2, inner_scale=4.0)
    options = {"shape": (128, 128, 128), "spacing": 1.0, "rms": 3.0}
    return describe(realise_grid(law, key=jax.random.key(7), **options))


def test_index_of_a_kolmogorov_realisation(kolmogorov):
    # Of N modes half are independent, each with two complex amplitudes, so a mean over them
    # scatters by 1/sqrt(N). Power from 2.5 to 32 fundamentals: N = 4 pi/3 32³ = 1.4e5. The slope
    # scatters by 1/sqrt(N) over the spread of ln k, which is 1/3 for modes as k² dk: 0.008.
    deviation = 3 / math.sqrt(4 * math.pi / 3 * 32**3)
    assert abs(kolmogorov.index - 5 / 3) < 4 * deviation
    # The test tells Kolmogorov from Kraichnan.
    assert abs(kolmogorov.index - 3 / 2) > 10 * deviation


def test_spectrum_adds_up_to_the_mean_square(kolmogorov):
    widths = np.diff(kolmogorov.wavenumber, append=kolmogorov.wavenumber[-1])
    total = np.sum(np.asarray(kolmogorov.spectrum) * widths)
    # A sum over 60 shells for the integral, and the modes that a shell happens to hold: 6 % in
    # the first shell with power, which has a fifth of all.
    assert abs(total / kolmogorov.rms**2 - 1) < 0.08


def test_report_as_text():
    lines = str(describe(wave([0.6, 0.8, 0.0]))).splitlines()
    assert lines[0] == "box                 16 × 12 × 10 pc, 16 × 12 × 10 cells"
    assert lines[2] == "rms fluctuation     1.414 µG"
    assert lines[4] == "correlation length  1.333 pc (one-sided)"
    assert lines[5] == "divergence          6.0e-01 (k·B over k|B|, rms)"


def test_rejects_a_field_without_grid():
    with pytest.raises(ValueError, match="describe: field: expected a field that contains a grid"):
        describe(UniformField(jnp.ones(3)))


def test_stays_in_float32():
    samples = jnp.zeros((8, 8, 8, 3), jnp.float32).at[::2, :, :, 1].set(1.0)
    report = describe(
        GridField(samples, spacing=jnp.float32(1.0), origin=jnp.zeros(3, jnp.float32))
    )
    assert report.spectrum.dtype == jnp.float32
    # Half of the samples 1, half 0; float32.
    assert abs(report.rms - 0.5) < 1e-6
