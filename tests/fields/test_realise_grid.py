import math
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcr.fields import BendOver, CubicSpline, Isotropic, PowerLaw, describe, realise_grid
from jaxcr.fields.field import sample_field
from jaxcr.fields.shells import count_mirrored
from jaxcr.fields.wave_vectors import wave_vectors

NUM_KEYS = 12
# Power from 3.5 to 16 fundamentals of 64 cells, so that shells 4 to 15 hold it throughout.
KOLMOGOROV = PowerLaw(5 / 3, outer_scale=64 / 3.5, inner_scale=4.0)
SMALL = PowerLaw(5 / 3, outer_scale=8.0, inner_scale=2.0)
FUNDAMENTAL = 2 * math.pi / 64


def realise(law=KOLMOGOROV, num=64, key=0, **options):
    options = {"spacing": 1.0, "rms": 3.0, "storage": jnp.float64, "shape": (num,) * 3} | options
    return realise_grid(law, key=jax.random.key(key), **options)


def samples_of(field):
    return np.asarray(sample_field(field, field.lattice()))


@pytest.fixture(scope="module")
def ensemble():
    """Return reports and samples of independent fields of one spectrum."""
    fields = [realise(key=key) for key in range(NUM_KEYS)]
    return [describe(field) for field in fields], np.stack([samples_of(f) for f in fields])


def lattice_sizes(num=64):
    index = np.fft.fftfreq(num, 1 / num)
    return np.sqrt(sum(i**2 for i in np.meshgrid(index, index, index, indexing="ij")))


def standard_errors(reports, expected):
    """Return how far the mean spectrum is from the expected, in standard errors, per full shell.

    Of N modes in a shell half are independent, each with two complex amplitudes: the mean power
    scatters by 1/sqrt(N), the average over keys by 1/sqrt(N keys).
    """
    size = lattice_sizes()
    shells = np.arange(5, 15)
    num_modes = np.array([np.count_nonzero(np.round(size) == n) for n in shells])
    mean = np.mean([np.asarray(r.spectrum) for r in reports], axis=0)[shells - 1]
    k = np.asarray(reports[0].wavenumber)[shells - 1]
    # A mode has the mean of E over a fundamental around it.
    around = np.linspace(-0.5, 0.5, 101)[:, None] * FUNDAMENTAL
    expected = np.trapezoid(np.asarray(expected(jnp.asarray(k + around))), dx=0.01, axis=0)
    return (mean / expected - 1) * np.sqrt(num_modes * len(reports))


def test_ensemble_has_the_spectrum(ensemble):
    reports, _ = ensemble
    deviations = standard_errors(reports, lambda k: 9 * KOLMOGOROV(k))
    # 4 standard errors in each of 10 shells: missed by chance once in 1600.
    assert np.max(np.abs(deviations)) < 4
    # A wrong slope shows: Kraichnan instead of Kolmogorov.
    wrong = PowerLaw(3 / 2, outer_scale=64 / 3.5, inner_scale=4.0)
    assert np.max(np.abs(standard_errors(reports, lambda k: 9 * wrong(k)))) > 8


def test_no_power_outside_the_range(ensemble):
    reports, _ = ensemble
    shells = np.arange(1, 32)
    # Modes from 3 to 16.5 fundamentals have a part of their cell in the range.
    outside = (shells < 3) | (shells > 17)
    # Rounding of the transforms, squared.
    assert np.max(np.asarray(reports[0].spectrum)[outside]) < 1e-28


def test_ensemble_has_the_rms(ensemble):
    reports, _ = ensemble
    squares = np.array([r.rms**2 for r in reports])
    error = np.std(squares, ddof=1) / math.sqrt(NUM_KEYS)
    # 3 standard errors, measured on 12 fields, of 3 % or less.
    assert abs(np.mean(squares) - 9) < 3 * error
    assert error < 0.03 * 9


@pytest.mark.parametrize("outer", [16.0, 11.0, 8.0, 5.0])
def test_modes_hold_the_whole_spectrum(outer):
    # The cells of a box that spans few waves: their power, added up, is that of the integral.
    law = PowerLaw(5 / 3, outer_scale=outer, inner_scale=2.0)
    k = wave_vectors((16, 16, 16), jnp.ones(3))
    power, _ = Isotropic().lattice_modes(k, jnp.full(3, 2 * jnp.pi / 16), law)
    total = float(jnp.sum(power * count_mirrored(16, power.dtype)[None, None]))
    # Point values are off by up to 22 %; the corners of the cells leave 1.5 %.
    assert abs(total - 1) < 0.015


def test_ensemble_has_the_index(ensemble):
    reports, _ = ensemble
    index = np.array([r.index for r in reports])
    error = np.std(index, ddof=1) / math.sqrt(NUM_KEYS)
    # 4 standard errors; one field has 3/sqrt(4 pi/3 16³) = 0.023, see test_report.
    assert abs(np.mean(index) - 5 / 3) < 4 * error
    assert error < 2 * 0.023 / math.sqrt(NUM_KEYS)


def test_correlation_length_is_that_of_the_spectrum(ensemble):
    reports, samples = ensemble
    # B(0)·B(s) summed over half the box, s > 0, is the power at k_x = 0 times half the box.
    lengths = []
    for axis in (1, 2, 3):
        plane = np.sum(np.mean(samples, axis=axis) ** 2, axis=(1, 2, 3)) / 64**2
        lengths.append(32 * plane / np.mean(np.sum(samples**2, axis=4), axis=(1, 2, 3)))
    lengths = np.mean(lengths, axis=0)
    error = np.std(lengths, ddof=1) / math.sqrt(NUM_KEYS)
    expected = float(KOLMOGOROV.correlation_length())
    # 4 standard errors; the sum of k^(-11/3) over the modes of a plane is 3 % above the integral.
    assert abs(np.mean(lengths) - 1.03 * expected) < 4 * error
    # Precise enough to tell the one-sided length from the two-sided one, twice as long.
    assert 4 * error < 0.2 * expected
    reported = np.mean([r.correlation_length for r in reports])
    # 0.01 % apart in the sum over modes; E in the first shells scatters by 1 % between ensembles.
    assert abs(reported / expected - 1) < 0.03


def test_components_are_alike(ensemble):
    _, samples = ensemble
    squares = np.mean(samples**2, axis=(1, 2, 3))
    share = squares / np.sum(squares, axis=1, keepdims=True)
    error = np.std(share, axis=0, ddof=1) / math.sqrt(NUM_KEYS)
    # 5 standard errors, measured on 12 fields.
    assert np.all(np.abs(np.mean(share, axis=0) - 1 / 3) < 5 * error)


def test_components_do_not_correlate(ensemble):
    _, samples = ensemble
    for i, j in ((0, 1), (1, 2), (2, 0)):
        product = np.mean(samples[..., i] * samples[..., j], axis=(1, 2, 3))
        # 5 standard errors, measured on 12 fields.
        assert abs(np.mean(product)) < 5 * np.std(product, ddof=1) / math.sqrt(NUM_KEYS)


def test_values_are_gaussian(ensemble):
    _, samples = ensemble
    kurtosis = np.mean(samples**4, axis=(1, 2, 3)) / np.mean(samples**2, axis=(1, 2, 3)) ** 2
    kurtosis = np.mean(kurtosis, axis=1)
    # 5 standard errors, and the bias of a ratio in one field: 6 over 500 independent cubes.
    assert abs(np.mean(kurtosis) - 3) < 5 * np.std(kurtosis, ddof=1) / math.sqrt(NUM_KEYS) + 0.012


def test_no_divergence(ensemble):
    reports, _ = ensemble
    # Rounding of the transforms: 1e-16 times a few.
    assert max(report.divergence for report in reports) < 1e-12


def test_no_divergence_whatever_the_box():
    report = describe(realise(SMALL, shape=(15, 16, 21), stencil=CubicSpline()))
    # Rounding of the transforms: 1e-16 times a few.
    assert report.divergence < 1e-12
    assert jnp.allclose(report.mean, 0, rtol=0, atol=1e-12)


def test_exact_rms_rescales_one_field():
    field, exact = realise(SMALL, num=16), realise(SMALL, num=16, exact_rms=True)
    assert abs(describe(field).rms - 3) > 1e-3
    # One sum over 16³ cells.
    assert abs(describe(exact).rms - 3) < 1e-12
    ratio = samples_of(exact) / samples_of(field)
    assert np.allclose(ratio, 3 / describe(field).rms, rtol=1e-8)


def test_same_key_same_field():
    first, again, other = (samples_of(realise(SMALL, num=16, key=key)) for key in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.allclose(first, other)


def test_finer_grid_of_the_same_box_keeps_the_large_scales():
    law = PowerLaw(5 / 3, outer_scale=16.0, inner_scale=4.0)
    coarse = realise(law, num=32, spacing=0.5, key=5)
    fine = realise(law, num=64, spacing=0.25, key=5)
    modes = [np.fft.rfftn(samples_of(f), axes=(0, 1, 2), norm="forward") for f in (coarse, fine)]
    low = np.r_[:8, -7:0]
    # Half a cell between the first samples of the two.
    shift = np.fft.fftfreq(32, 1 / 32)[low] * 2 * np.pi / 16 * 0.125
    phase = shift[:, None, None] + shift[None, :, None] + shift[None, None, :8]
    moved = modes[1][np.ix_(low, low, np.arange(8))] * np.exp(1j * phase)[..., None]
    # Rounding of transforms: the power, though summed over another number of modes, is the same.
    np.testing.assert_allclose(modes[0][np.ix_(low, low, np.arange(8))], moved, atol=1e-13)
    assert np.max(np.abs(moved)) > 0.1


def test_power_does_not_depend_on_the_plane(ensemble):
    # Modes without waves along z are stored twice in a real transform: taken apart they lose half.
    _, samples = ensemble
    modes = np.fft.fftn(samples, axes=(1, 2, 3), norm="forward")
    power = np.mean(np.sum(np.abs(modes) ** 2, axis=-1), axis=0)
    planes = [power[:, :, 0], power[:, 0, :], power[0]]
    sums = np.array([x.sum() for x in planes])
    # Some 400 independent modes a plane, of 12 fields: 2 % each; 4 standard errors.
    assert np.max(np.abs(sums / sums.mean() - 1)) < 0.08


def test_box_is_centred_unless_it_has_an_origin():
    assert jnp.array_equal(realise(SMALL, num=16, spacing=0.5).origin, jnp.array([-4.0] * 3))
    assert jnp.array_equal(realise(SMALL, num=16, origin=jnp.ones(3)).origin, jnp.ones(3))


def test_gradient_by_rms_is_the_field_of_unit_rms():
    here = jnp.array([0.3, 0.1, -0.7])

    def value(rms):
        return realise(SMALL, num=16, rms=rms, storage=jnp.int16)(here)

    # Linear: one rounding.
    assert jnp.allclose(jax.jacfwd(value)(jnp.array(3.0)), value(jnp.array(1.0)), rtol=1e-14)


def test_gradient_by_index_equals_differences():
    here = jnp.array([0.3, 0.1, -0.7])

    def value(index):
        law = PowerLaw(index, outer_scale=8.0, inner_scale=2.0)
        return realise(law, num=16)(here)

    step = 1e-4
    slope = jax.jacfwd(value)(jnp.array(5 / 3))
    differences = (value(jnp.array(5 / 3 + step)) - value(jnp.array(5 / 3 - step))) / (2 * step)
    # Truncation h²/6 f''' and rounding 1e-15/1e-4, both below 1e-8.
    assert jnp.allclose(slope, differences, rtol=0, atol=1e-7)
    assert jnp.max(jnp.abs(slope)) > 1e-3


@pytest.mark.slow
def test_gradient_by_the_scales_equals_differences():
    here = jnp.array([0.3, 0.1, -0.7])

    def value(scales):
        law = PowerLaw(5 / 3, outer_scale=scales[0], inner_scale=scales[1])
        return realise(law, num=16)(here)

    at, step = jnp.array([9.0, 2.6]), 1e-5
    slopes = jax.jacfwd(value)(at)
    for i in range(2):
        move = step * jnp.eye(2)[i]
        differences = (value(at + move) - value(at - move)) / (2 * step)
        # Truncation and rounding, both below 1e-8. Modes move into the range cell by cell.
        assert jnp.allclose(slopes[:, i], differences, rtol=0, atol=1e-6)
        assert jnp.max(jnp.abs(slopes[:, i])) > 1e-2


def test_rejects_an_outer_scale_beyond_the_box():
    law = PowerLaw(5 / 3, outer_scale=40.0, inner_scale=4.0)
    with pytest.raises(ValueError, match=r"outer_scale: expected at most the box, 32 pc, got 40"):
        realise(law, shape=(64, 32, 64))


def test_rejects_an_inner_scale_below_two_cells():
    with pytest.raises(
        ValueError, match=r"inner_scale: expected at least two cells, 4\.2 pc, got 4"
    ):
        realise(spacing=2.1)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"shape": (16, 0, 16)}, r"shape: expected a number >= 1, got 0"),
        ({"spacing": -1.0}, r"spacing: expected one positive length, .*got -1"),
        ({"rms": -1.0}, r"rms: expected a strength in µG, not negative, got -1"),
        ({"rms": float("nan")}, r"rms: expected a strength in µG"),
    ],
)
def test_rejects_what_makes_no_box(options, message):
    with pytest.raises(ValueError, match="realise_grid: " + message):
        realise(**options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("shape=(16, 16), spacing=1.0", "shape: expected tuple[int, int, int], got tuple (16, 16)"),
        (
            "shape=(16,) * 3, spacing=jax.numpy.array([1.0, 1.0, 2.0])",
            "spacing: expected a number or a whole number, got float32",
        ),
    ],
)
def test_holds_arguments_against_annotations_outside_the_tests_too(options, message):
    program = (
        "import jax\nfrom jaxcr.fields import *\n"
        "law = PowerLaw(5 / 3, outer_scale=8.0, inner_scale=2.0)\n"
        f"realise_grid(law, key=jax.random.key(0), rms=1.0, {options})"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert "realise_grid: " + message in done.stderr


def test_stays_in_float32():
    field = realise(SMALL, num=16, spacing=jnp.float32(1.0), storage=jnp.float32)
    assert field.coefficients.dtype == jnp.float32
    assert field.origin.dtype == jnp.float32
    # Rounding of float32 in transforms of 4096 cells.
    assert describe(field).divergence < 1e-5


def test_bend_over_has_its_rms_spectrum_and_correlation_length():
    law = BendOver(5 / 3, energy_index=4.0, bend_over_scale=4.0, outer_scale=64.0, inner_scale=2.5)
    reports = [describe(realise(law, key=i, rms=2.0)) for i in range(8)]
    # The peak is at four fundamentals: some thousand modes of eight boxes, 1 %.
    length = np.mean([r.correlation_length for r in reports])
    assert length == pytest.approx(float(law.correlation_length()), rel=0.02)
    assert np.mean([r.rms for r in reports]) == pytest.approx(2.0, rel=0.02)
    measured = np.mean([np.asarray(r.spectrum) for r in reports], axis=0)
    k = np.asarray(reports[0].wavenumber)
    chosen = (k > 0.3) & (k < 2.3)  # some hundred modes in every shell, below the cut
    expected = 4.0 * np.asarray(law(jnp.asarray(k)))
    np.testing.assert_allclose(measured[chosen], expected[chosen], rtol=0.1)
    np.testing.assert_allclose(np.mean(measured[chosen] / expected[chosen]), 1, atol=0.01)
