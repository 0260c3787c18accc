import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcr.fields import GridField, Lattice, PowerLaw, UniformField, describe, realise_grid
from jaxcr.fields.field import sample_field
from jaxcr.plots import plot_field

MEAN = jnp.array([3.0, 0.0, 0.0])


@pytest.fixture(scope="module")
def measured():
    law = PowerLaw(5 / 3, outer_scale=16.0, inner_scale=4.0)
    turbulence = realise_grid(
        law, key=jax.random.key(2), shape=(32, 28, 24), spacing=1.0, rms=2.0,
        origin=jnp.array([10.0, -14.0, 0.0]),
    )  # fmt: skip
    field = UniformField(MEAN) + turbulence
    report = describe(field, spectrum=law, rigidities=(1.0,), sphere=20.0)
    return report, np.asarray(sample_field(field, report.lattice))


@pytest.fixture(scope="module")
def figure(measured):
    return plot_field(*measured, title="a field")


def test_panels_of_the_page(figure, measured):
    # Three slices and their colour bar, spectrum, distribution, text.
    labels = [(axes.get_xlabel(), axes.get_ylabel()) for axes in figure.axes]
    assert labels == [
        ("x [pc]", "y [pc]"),
        ("x [pc]", "z [pc]"),
        ("y [pc]", "z [pc]"),
        ("", "|B| [µG]"),
        ("wavenumber k [1/pc]", "E(k) [µG² pc]"),
        ("component minus mean [µG]", "density [1/µG]"),
        ("", ""),
    ]
    assert figure.get_suptitle() == "a field"
    assert [text.get_text() for text in figure.axes[6].texts] == [str(measured[0])]


def test_slices_go_through_the_centre(figure, measured):
    strength = np.linalg.norm(measured[1], axis=-1)
    slices = [strength[:, :, 12], strength[:, 14], strength[16]]
    places = [(10, 42, -14, 14), (10, 42, 0, 24), (-14, 14, 0, 24)]
    titles = ["z = 12.5 pc", "y = 0.5 pc", "x = 26.5 pc"]
    limits = (min(map(np.min, slices)), max(map(np.max, slices)))
    for axes, expected, place, title in zip(figure.axes, slices, places, titles, strict=False):
        (image,) = axes.images
        # The first axis of the plane runs to the right, the second upwards; the same norm.
        assert np.allclose(image.get_array(), expected.T, rtol=1e-14)
        assert image.origin == "lower"
        assert image.get_extent() == list(place)
        assert image.get_clim() == pytest.approx(limits, rel=1e-14)
        assert axes.get_title(loc="left") == title
        assert axes.get_aspect() == 1


def test_spectrum_is_that_of_the_report(figure, measured):
    report, axes = measured[0], figure.axes[4]
    lines = {line.get_label(): line.get_xydata().T for line in axes.lines}
    assert set(lines) == {"measured", "asked, rms measured"}
    assert np.array_equal(lines["measured"], [report.wavenumber, report.spectrum])
    k, asked = lines["asked, rms measured"]
    inside = np.asarray(report.asked) > 0
    assert np.array_equal(k, report.wavenumber)
    assert np.array_equal(asked[inside], np.asarray(report.asked)[inside])
    assert np.isnan(asked[~inside]).all()
    assert (axes.get_xscale(), axes.get_yscale()) == ("log", "log")
    (shade,) = axes.patches
    # Wavelengths to wavenumbers, one rounding each.
    assert 2 * math.pi / shade.get_x() == pytest.approx(report.outer_scale, rel=1e-14)
    right = shade.get_x() + shade.get_width()
    assert 2 * math.pi / right == pytest.approx(report.inner_scale, rel=1e-14)
    (upper,) = axes.child_axes
    assert upper.get_xlabel() == r"wavelength $2\pi/k$ [pc]"


def test_powered_spectrum_is_within_the_axes(figure, measured):
    report, axes = measured[0], figure.axes[4]
    k, spectrum = np.asarray(report.wavenumber), np.asarray(report.spectrum)
    inside = (k > 2 * math.pi / report.outer_scale) & (k < 2 * math.pi / report.inner_scale)
    low, high = axes.get_ylim()
    assert low < spectrum[inside].min()
    assert spectrum[inside].max() < high


def test_distribution_beside_a_gaussian(figure, measured):
    report, samples = measured
    axes = figure.axes[5]
    deviation = report.rms / math.sqrt(3)
    for axis, stairs in enumerate(axes.patches):
        values, edges, _ = stairs.get_data()
        width = edges[1] - edges[0]
        assert stairs.get_label() == f"$B_{'xyz'[axis]}$"
        # A density: sums of 60 numbers.
        assert np.sum(values) * width == pytest.approx(1, rel=1e-12)
        centers = (edges[1:] + edges[:-1]) / 2
        # The mean is off: the middle of the bins knows each value to half a width.
        assert abs(np.sum(values * centers) * width) < width / 2
        squares = np.mean((samples[..., axis] - float(report.mean[axis])) ** 2)
        assert np.sum(values * centers**2) * width == pytest.approx(squares, abs=width**2)
    (gauss,) = axes.lines
    x, y = gauss.get_data()
    # The trapezoidal rule is exact for a Gaussian; beyond six deviations lies 2e-9.
    assert np.trapezoid(y, x) == pytest.approx(1, abs=1e-8)
    assert np.trapezoid(y * x**2, x) == pytest.approx(deviation**2, rel=1e-6)
    assert axes.get_yscale() == "log"


def test_nothing_overlaps(figure):
    figure.set_dpi(60)
    figure.canvas.draw()
    boxes = [axes.get_tightbbox() for axes in figure.axes]
    width, height = figure.canvas.get_width_height()
    for number, box in enumerate(boxes):
        # One pixel for antialiased edges.
        assert box.x0 >= -1
        assert box.y0 >= -1
        assert box.x1 <= width + 1
        assert box.y1 <= height + 1
        for other in boxes[:number]:
            overlap_x = min(box.x1, other.x1) - max(box.x0, other.x0)
            overlap_y = min(box.y1, other.y1) - max(box.y0, other.y0)
            assert min(overlap_x, overlap_y) <= 1


def test_renders_without_asked_spectrum(measured, png):
    report, samples = measured
    plain = describe(UniformField(MEAN) + _grid_of(report, samples))
    figure = plot_field(plain, samples)
    assert [line.get_label() for line in figure.axes[4].lines] == ["measured"]
    png(figure)


def _grid_of(report, samples):
    """Return the fluctuations as a grid."""
    return GridField(
        jnp.asarray(samples) - MEAN[None, None, None],
        spacing=report.lattice.spacing,
        origin=report.lattice.origin,
    )


def test_rejects_samples_of_another_lattice(measured):
    report, samples = measured
    with pytest.raises(ValueError, match=r"plot_field: samples: expected shape \(32, 28, 24, 3\)"):
        plot_field(report, samples[1:])


def test_rejects_a_uniform_field():
    field = UniformField(MEAN)
    report = describe(field, lattice=Lattice(jnp.zeros(3), jnp.ones(3), (8, 8, 8)))
    with pytest.raises(ValueError, match="rms of the report: expected a positive number"):
        plot_field(report, sample_field(field, report.lattice))
