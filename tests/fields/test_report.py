import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcr.fields import (
    Clamped,
    FunctionField,
    GridField,
    Lattice,
    PotentialGridField,
    PowerLaw,
    Slab,
    UniformField,
    WaveField,
    describe,
    realise_grid,
    realise_waves,
)
from jaxcr.fields.field import sample_field
from jaxcr.fields.resolution import (
    warn_of_cells,
    warn_of_divergence,
    warn_of_mean,
    warn_of_resonance,
    warn_of_sphere,
    warn_of_straight_orbits,
    warn_of_window,
)

WAVE = 2 * math.pi * 3 / 16
BOX = Lattice(jnp.zeros(3), jnp.ones(3), (16, 16, 16))
MEAN = UniformField(jnp.array([1.0, -2.0, 3.0]))


def wave(polarisation, shape=(16, 12, 10), **options):
    """Return 2 µG cos(k x) along a direction, three waves in 16 pc."""
    x = jnp.arange(16.0) + 0.5
    profile = 2 * jnp.cos(WAVE * x)[:, None, None, None]
    samples = jnp.broadcast_to(profile * jnp.asarray(polarisation)[None, None, None], (*shape, 3))
    return GridField(samples, spacing=1.0, origin=jnp.zeros(3), **options)


def test_one_transverse_wave_by_hand():
    report = describe(wave([0.0, 0.6, 0.8]))
    # Fourier transforms of 2000 numbers of order one.
    assert abs(report.rms - math.sqrt(2)) < 1e-13
    assert report.divergence < 1e-13
    assert abs(report.correlation_length - math.pi / 2 / WAVE) < 1e-12
    assert abs(report.outer_scale - 16 / 3) < 1e-12
    assert abs(report.inner_scale - 16 / 3) < 1e-12
    assert jnp.allclose(report.mean, 0, rtol=0, atol=1e-14)
    assert math.isnan(report.index)


def test_most_energy_is_in_the_shell_of_the_wave():
    report = describe(wave([0.0, 0.6, 0.8], shape=(16, 16, 16)))
    # The third shell reaches from 2.5 to 3.5 fundamentals.
    assert 2.5 < 16 / report.energy_scale < 3.5


def test_divergence_is_the_fraction_along_k():
    report = describe(wave([0.6, 0.8, 0.0]))
    # k·B/(k|B|) is the cosine between the wave and its polarisation; round-off.
    assert abs(report.divergence - 0.6) < 1e-13
    # div B = -1.2 k sin(kx), over the rms of B, sqrt(2), times a cell of 1 pc.
    slope = 1.2 * WAVE * np.sin(WAVE * (np.arange(16) + 0.5)) / math.sqrt(2)
    assert abs(report.divergence_rms - 0.6 * WAVE) < 1e-13
    assert abs(report.divergence_max - np.max(np.abs(slope))) < 1e-13


def test_divergence_per_cell_counts_the_mean_field_and_no_unit_of_length():
    samples = wave([0.6, 0.8, 0.0]).coefficients[:16, :12, :10]
    finer = GridField(samples, spacing=0.25, origin=jnp.zeros(3))
    # Round-off of numbers of order one.
    assert abs(describe(finer).divergence_rms - 0.6 * WAVE) < 1e-13
    # |B|² is 14 and the 2 of the wave.
    assert abs(describe(finer + MEAN).divergence_rms - 0.6 * WAVE * math.sqrt(2 / 16)) < 1e-13


def test_waves_of_two_cells_have_no_derivative_at_the_samples():
    samples = jnp.zeros((8, 8, 8, 3)).at[::2, ..., 0].set(1.0).at[1::2, ..., 0].set(-1.0)
    report = describe(GridField(samples, spacing=1.0, origin=jnp.zeros(3)))
    assert report.divergence == 1
    assert report.divergence_max == 0


def test_mean_field_is_no_fluctuation():
    report = describe(MEAN + 0.5 * wave([0.0, 0.6, 0.8]))
    # Round-off.
    assert jnp.allclose(report.mean, MEAN.value, rtol=0, atol=1e-14)
    assert abs(report.rms - math.sqrt(0.5)) < 1e-13
    assert abs(report.level - math.sqrt(0.5 / 14)) < 1e-13
    assert abs(report.strength - math.sqrt(14.5)) < 1e-13
    assert math.isinf(describe(wave([0.0, 0.6, 0.8])).level)


LAW = PowerLaw(5 / 3, outer_scale=51.2, inner_scale=4.0)


@pytest.fixture(scope="module")
def kolmogorov():
    options = {"shape": (128, 128, 128), "spacing": 1.0, "rms": 3.0}
    return describe(realise_grid(LAW, key=jax.random.key(7), **options), spectrum=LAW)


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


def test_scales_of_a_kolmogorov_realisation(kolmogorov):
    # A mode has power when its cell, half a fundamental to either side, reaches into the range.
    assert abs(128 / kolmogorov.outer_scale - 128 / 51.2) <= 0.5
    assert abs(128 / kolmogorov.inner_scale - 128 / 4) <= 0.5
    # k E(k) falls from the outer scale on; the third shell is the first to be full, and its
    # 100 modes scatter by 10 %, less than the third by which k E falls to the fifth.
    assert 2.5 < 128 / kolmogorov.energy_scale < 4.5


def test_asked_spectrum_stands_beside_the_measured(kolmogorov):
    expected = kolmogorov.rms**2 * LAW(kolmogorov.wavenumber)
    # The modes are float32; one rounding of the mean square.
    assert jnp.allclose(kolmogorov.asked, expected, rtol=1e-6)
    inside = np.arange(5, 30)
    ratio = np.asarray(kolmogorov.spectrum)[inside] / np.asarray(expected)[inside]
    num_modes = np.asarray(kolmogorov.num_modes)[inside]
    # chi² of 25 shells: mean 25, standard deviation 7; the norm itself scatters by 2 %, which
    # adds a few in the shells of 10⁴ modes.
    assert 8 < np.sum(num_modes * (ratio - 1) ** 2) < 60
    # Ten tenths of a decade, the first with little over 100 modes: three of its deviations.
    assert 0 < abs(kolmogorov.deviation) < 0.3


def test_number_of_modes_is_that_of_the_lattice(kolmogorov):
    number = np.fft.fftfreq(128, 1 / 128)
    size = np.sqrt(sum(i**2 for i in np.meshgrid(number, number, number)))
    expected = np.bincount(np.round(size).astype(int).ravel())[11:30]
    # From sums of p and p² of over 1500 modes: two parts in sqrt(1500), four deviations.
    assert np.allclose(np.asarray(kolmogorov.num_modes)[10:29], expected, rtol=0.2)


def test_slab_turbulence_has_two_modes_in_a_shell():
    law = PowerLaw(5 / 3, outer_scale=16.0, inner_scale=2.5)
    field = realise_grid(
        law, key=jax.random.key(1), shape=(32, 32, 32), spacing=1.0, rms=1.0,
        geometry=Slab(jnp.array([0.0, 0.0, 1.0])),
    )  # fmt: skip
    report = describe(field, spectrum=law)
    # k and -k with the same power, times 3/2; the float32 store leaves 1e-7 in the others.
    assert np.allclose(np.asarray(report.num_modes)[2:11], 3, rtol=1e-4)
    # So no tenth of a decade has enough for a comparison.
    assert math.isnan(report.deviation)
    assert "from asked E(k)     too few modes" in str(report)


@pytest.fixture(scope="module")
def turbulence():
    law = PowerLaw(5 / 3, outer_scale=25.6, inner_scale=4.0)
    return realise_grid(law, key=jax.random.key(3), shape=(64, 64, 64), spacing=1.0, rms=2.0)


def test_deviation_from_another_index(turbulence):
    asked = PowerLaw(1.0, outer_scale=25.6, inner_scale=4.0)
    true = PowerLaw(5 / 3, outer_scale=25.6, inner_scale=4.0)
    end = 2 * math.pi / 64 * jnp.array(15.0)
    expected = float(true(end) / asked(end) - 1)
    # k^-2/3 between the laws is -47 % at the last full shell; the mean over the last tenth of a
    # decade, or a part of it, lies at most 2/3 × 0.23 of the remaining 53 % inwards, the norm of
    # one realisation scatters by 2 %.
    assert -0.02 < describe(turbulence, spectrum=asked).deviation - expected < 0.1
    assert expected < -0.45


def test_deviation_sees_scales_that_are_missing(turbulence):
    asked = PowerLaw(5 / 3, outer_scale=25.6, inner_scale=2.1)
    # No mode at all above 16 fundamentals; the float32 store leaves 1e-7 of the amplitude.
    assert abs(describe(turbulence, spectrum=asked).deviation + 1) < 1e-6


def test_gyroradii():
    report = describe(MEAN + 0.5 * wave([0.0, 0.6, 0.8]), rigidities=(2.0, -0.5))
    # 1.08101 pc for 1 PV in 1 µG, to its five decimals; |B| is sqrt(14.5) µG.
    assert np.allclose(report.gyroradius, 1.08101 * np.array([2, 0.5]) / math.sqrt(14.5), rtol=1e-5)
    # The shortest side is 10 pc.
    assert report.box == 10
    assert report.cell == 1
    assert "at 2 PV             gyroradius 0.568 pc: box 17.6 and cell 1.76 gyroradii" in str(
        report
    )


def sentence(found):
    """Return the only sentence of a list."""
    assert len(found) == 1
    return found[0]


def test_warning_of_cells():
    assert warn_of_cells(1.0, 4.0, 1.0) == []
    text = sentence(warn_of_cells(1.0, 2.0, 1.0))
    assert "gyroradius of 1 PV, 2 pc, is under 4 cells, 4 pc" in text
    assert "Take 2 PV, refine spacing to 0.5 pc, or rescale a given cube" in text


def test_warning_of_resonance():
    radius = 1 / (2 * math.pi)
    assert warn_of_resonance(3.0, radius, 1.01, 0.99) == []
    text = sentence(warn_of_resonance(3.0, radius, 9.0, 2.0))
    assert "1 pc, is shorter than the shortest in the field, 2 pc: nothing resonates" in text
    assert "Take at least 6 PV, lower inner_scale to 1 pc, or rescale a given cube" in text
    text = sentence(warn_of_resonance(3.0, radius, 0.5, 0.1))
    assert "longer than the longest in the field, 0.5 pc: only |mu| below 0.5 resonates" in text
    assert "Take at most 1.5 PV, raise outer_scale to 1 pc, or rescale a given cube" in text
    assert warn_of_resonance(3.0, radius, math.nan, math.nan) == []


def test_warning_of_straight_orbits():
    assert warn_of_straight_orbits(3.0, 1000.0, 10.0) == []
    assert warn_of_straight_orbits(3.0, math.inf, 10.0) == []
    text = sentence(warn_of_straight_orbits(3.0, 2000.0, 10.0))
    assert "gyroradius of 3 PV, 2e+03 pc, is 200 boxes: particles fly straight" in text
    assert "gauss 1e6, nT 10, tesla 1e10" in text


def test_a_cube_in_the_wrong_unit_is_warned_of(turbulence):
    weak = UniformField(jnp.array([3e-6, 0.0, 0.0])) + 1e-6 * turbulence
    found = describe(weak, rigidities=(14.0,)).warnings
    assert any("particles fly straight. Is the unit right?" in text for text in found)


def test_warning_of_sphere():
    assert warn_of_sphere(32.0, 64.0) == []
    text = sentence(warn_of_sphere(40.0, 64.0))
    assert "sphere of 40 pc is larger than half the box, 32 pc" in text
    assert "at most 32 pc, or a box of 80 pc." in text


def test_warning_of_divergence():
    assert warn_of_divergence(0.003, 0.01, periodic=True) == []
    text = sentence(warn_of_divergence(0.003, 0.02, periodic=True))
    assert "reaches 0.02 of |B| per cell (rms 0.003), above 0.01" in text
    assert "Use PotentialGridField" in text
    text = sentence(warn_of_divergence(0.003, 0.02, periodic=False))
    assert "curl of a potential; cut a part of a periodic cube after PotentialGridField" in text
    assert "order of axes" not in text
    text = sentence(warn_of_divergence(0.2, 1.0, periodic=True))
    assert text.index("a wrong order of axes or components") < text.index("PotentialGridField")


def test_exchanged_axes_are_suspected(turbulence):
    samples = sample_field(turbulence, turbulence.lattice())
    exchanged = GridField(samples.swapaxes(0, 2), spacing=0.5, origin=jnp.zeros(3))
    found = describe(MEAN + exchanged).warnings
    assert any("a wrong order of axes or components" in text for text in found)


def test_warning_of_mean():
    assert warn_of_mean(3.0) == []
    assert "dB/B0 is infinite. Add a UniformField" in sentence(warn_of_mean(math.inf))


def test_warnings_of_window():
    assert warn_of_window(16.0, 4.0, 64.0, 1.0) == []
    assert "waves of two cells, 2 pc" in sentence(warn_of_window(16.0, 2.1, 64.0, 1.0))
    assert "waves of half their box, 32 pc" in sentence(warn_of_window(30.0, 4.0, 64.0, 1.0))


def test_warnings_of_a_report(turbulence):
    mean = UniformField(jnp.array([3.0, 0.0, 0.0]))
    # |B| is 3.6 µG: gyroradii 0.15, 4.2 and 30 pc against 4 cells and waves of 4 to 26 pc.
    report = describe(mean + turbulence, rigidities=(0.5, 14.0, 100.0), sphere=40.0)
    assert [text[:20] for text in report.warnings] == [
        "The gyroradius of 0.",
        "The longest resonant",
        "The longest resonant",
        "The sphere of 40 pc ",
    ]
    assert "of 0.5 PV, 0.941 pc, is shorter" in report.warnings[1]
    assert "of 100 PV, 188 pc, is longer" in report.warnings[2]
    lines = str(report).splitlines()
    assert sum(line.startswith("warning ") for line in lines) == 4
    assert all(len(line) <= 100 for line in lines)
    assert describe(mean + turbulence, rigidities=(14.0,), sphere=32.0).warnings == ()


def test_report_as_text():
    report = describe(MEAN + wave([0.6, 0.8, 0.0]))
    lines = str(report).splitlines()
    assert lines[:8] == [
        "box                 16 × 12 × 10 pc, 16 × 12 × 10 cells, periodic",
        "mean field          (1, -2, 3) µG",
        "rms fluctuation     1.414 µG, dB/B0 0.378",
        "spectral index      nan",
        f"wavelengths         5.333 to 5.333 pc, k E(k) peaks at {report.energy_scale:.4g} pc",
        "correlation length  1.333 pc (one-sided)",
        "divergence          6.0e-01 (k·B over k|B|, rms)",
        "divergence per cell 2.5e-01 of |B| rms, 3.5e-01 at most (spectral derivative)",
    ]
    assert lines[8].startswith("warning             div B reaches 0.35 of |B| per cell")
    assert all(line.startswith(20 * " ") for line in lines[9:])


def test_text_compares_with_the_asked_spectrum(kolmogorov):
    assert f"from asked E(k)     {kolmogorov.deviation:+.1%} at most" in str(kolmogorov)


def test_what_repeats_is_periodic():
    grid = wave([0.0, 0.6, 0.8])
    double = Lattice(jnp.zeros(3), jnp.ones(3), (32, 12, 10))
    potential = PotentialGridField(
        jnp.ones((8, 8, 8, 3)), spacing=jnp.array([2.0, 1.5, 1.25]), origin=jnp.zeros(3)
    )
    assert describe(MEAN + 2.0 * grid).periodic
    assert describe(grid + potential).periodic
    assert describe(grid, lattice=double).periodic
    assert not describe(grid, lattice=BOX).periodic
    assert not describe(clamped_wave([2.0, -1.0, 0.0])).periodic


def oblique_wave(waves):
    """Return a wave of 2 µG with so many waves in 16 pc along x."""
    return WaveField(
        jnp.array([[waves / 16, 0.0, 0.0]]), jnp.array([0.1]), jnp.array([[0.0, 2.0, 0.0]])
    )


def test_window_stops_the_leak_of_a_wave_that_does_not_fit_the_box():
    lattice = Lattice(jnp.zeros(3), jnp.full(3, 0.5), (32, 32, 32))
    report = describe(oblique_wave(5.3), lattice=lattice)
    energy = np.asarray(report.spectrum)
    shell = np.arange(1, 16)
    # Four fundamentals away Hann's window is down to (1/(60 pi))² = 3e-5, without one (1/(4 pi))²
    # = 6e-3, and less in the sum over the shells beyond.
    assert np.sum(energy[np.abs(shell - 5.3) > 4]) < 1e-4 * np.sum(energy)
    # The rms is that of the samples, without window; round-off.
    samples = 2 * np.cos(2 * np.pi * (5.3 / 16 * (np.arange(32) + 0.5) / 2 + 0.1))
    assert abs(report.rms - np.std(samples)) < 1e-13
    # A transverse wave: round-off of k·B.
    assert report.divergence_max < 1e-14
    assert "below 1e-05 at most (exact derivative)" in str(report)
    assert math.isnan(report.divergence)


@pytest.mark.slow
def test_sampled_waves():
    law = PowerLaw(5 / 3, outer_scale=21.0, inner_scale=3.0)
    field = realise_waves(law, key=jax.random.key(0), num_waves=300, rms=3.0)
    lattice = Lattice(jnp.zeros(3), jnp.ones(3), (64, 64, 64))
    report = describe(field, spectrum=law, rigidities=(2.0,), lattice=lattice)
    # N = 0.136 × 4 pi/3 (19³ - 5³) modes in the filled shells: 1/sqrt(N) over the spread of ln k,
    # 1/3, is 0.05. Two of that.
    assert abs(report.index - 5 / 3) < 0.1
    # The window resolves two fundamentals; 99 % of the power ends within 5 % of the cut.
    assert 64 / 21 - 2 < 64 / report.outer_scale < 64 / 21
    assert abs(report.inner_scale / 3 - 1) < 0.05
    # Half a dozen wavelengths on a side: (21/64)^1.5 = 0.2 for the longest; they have a third.
    assert abs(report.correlation_length / float(law.correlation_length()) - 1) < 0.1
    # Over 100 modes, 10 %, in each of six tenths of a decade: 2.5 deviations.
    assert abs(report.deviation) < 0.25
    # No cells, so no warning of them: 2 pi gyroradii, 4.5 pc, lie among the waves.
    assert not any("cells:" in text for text in report.warnings)
    assert not any("resonant" in text for text in report.warnings)
    assert "cells, sampled, not periodic: Hann window" in str(report)
    assert "divergence  " not in str(report)


def test_divergence_of_a_function_is_its_own_derivative():
    field = FunctionField(
        lambda x: jnp.stack([x[0], 0 * x[0], 4 + 0 * x[0]]),
        lower=jnp.zeros(3), upper=jnp.full(3, 16.0),
    )  # fmt: skip
    report = describe(field, lattice=BOX)
    # div B = 1 µG/pc; the mean of x² over 0.5 ... 15.5 is 64 + 255/12. Round-off.
    strength = math.sqrt(16 + 64 + 255 / 12)
    assert abs(report.divergence_rms * strength - 1) < 1e-13
    assert abs(report.divergence_max * strength - 1) < 1e-13


def clamped_wave(polarisation):
    """Return a wave of 2.7 periods in 16 pc along (1, 2, 0), clamped at the faces."""
    lattice = Lattice(jnp.zeros(3), jnp.full(3, 0.5), (32, 32, 32))
    x = lattice.centers()
    profile = jnp.cos(2 * math.pi * 1.2 / 16 * (x[..., 0] + 2 * x[..., 1]))
    samples = profile[..., None] * jnp.array(polarisation)[None, None, None]
    return GridField(samples, spacing=0.5, origin=jnp.zeros(3), boundary=Clamped())


def test_divergence_of_samples_that_do_not_repeat():
    solenoidal = describe(clamped_wave([2.0, -1.0, 0.0]))
    # What the window leaves, the 3e-3 of the docstring, although the faces jump.
    assert solenoidal.divergence_max < 3e-3
    assert not solenoidal.exact_divergence
    assert not any("div B" in text for text in solenoidal.warnings)
    report = describe(clamped_wave([0.0, 1.0, 0.0]))
    # The slope along y of a cosine, over its rms: k cell sin / rms, and the window's 3e-3; where
    # the window is open the wave reaches its steepest to 2 %.
    slope = 2 * math.pi * 2.4 / 16 * 0.5
    assert abs(report.divergence_max / (slope / report.strength) - 1) < 0.03
    assert any("div B" in text for text in report.warnings)


def test_uniform_field_has_no_spectrum():
    report = describe(UniformField(jnp.array([0.1, 0.2, 0.3])), rigidities=(1.0,), lattice=BOX)
    # What the mean leaves is rounding.
    assert report.rms == 0
    assert math.isnan(report.outer_scale)
    assert report.warnings == ()
    assert [line.split("  ")[0] for line in str(report).splitlines()] == [
        "box", "mean field", "rms fluctuation", "divergence per cell below 1e-05 of |B| rms, "
        "below 1e-05 at most (spectral derivative)", "at 1 PV",
    ]  # fmt: skip


def test_one_layer_of_cells_has_no_shells():
    report = describe(wave([0.0, 0.6, 0.8], shape=(16, 12, 1)))
    assert report.wavenumber.size == 0
    # Round-off.
    assert abs(report.rms - math.sqrt(2)) < 1e-13
    assert math.isnan(report.energy_scale)
    windowed = describe(wave([0.0, 0.6, 0.8], shape=(16, 12, 1), boundary=Clamped()))
    assert windowed.rms == report.rms
    assert math.isnan(windowed.outer_scale)


def test_rejects_a_field_without_grid():
    with pytest.raises(ValueError, match="describe: field: expected a field that contains a grid"):
        describe(MEAN)
    with pytest.raises(ValueError, match="Give lattice=Lattice"):
        describe(oblique_wave(3.0))


@pytest.mark.parametrize("rigidity", [0.0, math.inf])
def test_rejects_a_rigidity_without_gyroradius(rigidity):
    with pytest.raises(ValueError, match="describe: rigidities: expected"):
        describe(wave([0.0, 0.6, 0.8]), rigidities=(1.0, rigidity))


def test_stays_in_float32():
    samples = jnp.zeros((8, 8, 8, 3), jnp.float32).at[::2, :, :, 1].set(1.0)
    grid = GridField(samples, spacing=jnp.float32(1.0), origin=jnp.zeros(3, jnp.float32))
    law = PowerLaw(5 / 3, outer_scale=8.0, inner_scale=2.0)
    report = describe(grid, spectrum=law, rigidities=(1.0,))
    assert report.spectrum.dtype == jnp.float32
    assert report.asked.dtype == jnp.float32
    # Half of the samples 1, half 0; float32.
    assert abs(report.rms - 0.5) < 1e-6
