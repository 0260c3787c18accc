import jax.numpy as jnp
import numpy as np
import pytest

from jaxcr.observed import SpectrumData
from jaxcr.plots import plot_spectrum
from jaxcr.sky import IsotropicBands, cascade_spectrum

ELL = np.arange(1, 13)
MEAN = 2e-6 / ELL**3.0
DATA = SpectrumData(
    np.array([1, 3, 5]),
    np.array([2e-6, 1e-7, -1e-10]),
    np.array([0.1, 0.4, 0.2]),
    np.full(3, 3e-10),
    label="a spectrum, for demonstration",
)


@pytest.fixture
def bands():
    levels = jnp.array([68.0, 90.0, 99.0])
    lower = 1e-10 * jnp.arange(1.0, 14.0)[None] / levels[:, None]
    return IsotropicBands(levels, lower, 1000 * lower, 30 * lower[0], 30 * lower[0])


def _curves(**options):
    return {"ell": ELL, "mean": MEAN, "low": MEAN / 2, "high": 2 * MEAN} | options


def _labelled(axes, label):
    handles, labels = axes.get_legend_handles_labels()
    return handles[labels.index(label)]


def _edges(band):
    """Return both edges of a filled band, low and high, at each of its abscissas."""
    points = np.asarray(band.get_paths()[0].vertices)
    x = np.unique(points[:, 0])
    return x, *np.array([[f(points[points[:, 0] == a, 1]) for a in x] for f in (min, max)])


def test_mean_and_bands_are_the_curves_given():
    figure = plot_spectrum(**_curves(low_95=MEAN / 4, high_95=4 * MEAN))
    (axes,) = figure.axes
    assert np.array_equal(_labelled(axes, "model").get_xydata(), np.stack([ELL, MEAN], axis=1))
    for label, factor in (("cosmic variance, 68 %", 2), ("cosmic variance, 95 %", 4)):
        x, low, high = _edges(_labelled(axes, label))
        assert np.array_equal(x, ELL)
        # Powers of two: exact.
        assert np.array_equal(low * factor, MEAN)
        assert np.array_equal(high, MEAN * factor)


def test_monopole_is_left_out():
    curves = {name: np.append(1.0, value) for name, value in _curves().items()}
    curves["ell"] = np.arange(13)
    figure = plot_spectrum(**curves)
    assert np.array_equal(_labelled(figure.axes[0], "model").get_xdata(), ELL)


def test_points_and_bars_are_the_data():
    (axes,) = plot_spectrum(**_curves(data=DATA)).axes
    points, _, (bars,) = _labelled(axes, DATA.label.replace("for ", "for\n"))
    assert np.array_equal(points.get_xydata(), [[1, 2e-6], [3, 1e-7]])
    ends = np.array([segment[:, 1] for segment in bars.get_segments()])
    expected = points.get_ydata()[:, None] * np.exp(np.array([[-0.1, 0.1], [-0.4, 0.4]]))
    # C - C (1 - exp(-s)) in float64: a few roundings.
    assert np.allclose(ends, expected, rtol=1e-14, atol=0)


def test_negative_point_is_an_arrow_at_its_noise():
    (axes,) = plot_spectrum(**_curves(data=DATA)).axes
    arrows = _labelled(axes, "data below zero:\nnoise level")
    assert np.array_equal(arrows.get_xydata(), [[5, 3e-10]])
    assert axes.get_ylim()[0] < 3e-10


def test_isotropic_band_is_the_90_percent_one(bands):
    (axes,) = plot_spectrum(**_curves(isotropic=bands)).axes
    x, low, high = _edges(_labelled(axes, "isotropic sky, 90 %"))
    assert np.array_equal(x, ELL)
    assert np.array_equal(low, np.asarray(bands.lower)[1, 1:])
    assert np.array_equal(high, np.asarray(bands.upper)[1, 1:])
    assert axes.get_ylim()[0] < low.min()


def test_cascade_starts_at_the_dipole_of_the_model():
    (axes,) = plot_spectrum(**_curves(cascade=cascade_spectrum(8))).axes
    x, y = _labelled(axes, "cascade of a dipole").get_data()
    assert np.array_equal(x, np.arange(1, 9))
    # C_2 / C_1 = 18/60; one rounding each.
    assert np.allclose(y[:2], [MEAN[0], 0.3 * MEAN[0]], rtol=1e-14, atol=0)


def test_upper_axis_is_the_angle():
    (axes,) = plot_spectrum(**_curves()).axes
    (upper,) = axes.child_axes
    upper.figure.draw_without_rendering()
    left, right = axes.get_xlim()
    for angle, ell in ((90.0, 2.0), (30.0, 6.0)):
        pixel = upper.transData.transform((angle, 0))[0]
        assert left < ell < right
        # Pixels; the logarithms round at 1e-13 of the figure's 1500.
        assert pixel == pytest.approx(axes.transData.transform((ell, 1e-8))[0], abs=1e-6)
    assert axes.get_yscale() == axes.get_xscale() == "log"


def test_everything_renders(png, bands):
    png(plot_spectrum(**_curves(data=DATA, isotropic=bands, cascade=cascade_spectrum(12),
                                low_95=-MEAN, high_95=3 * MEAN, title="C_l")))  # fmt: skip


def test_errors(bands):
    wrong = IsotropicBands(bands.levels + 1, bands.lower, bands.upper, bands.median, bands.mean)
    with pytest.raises(ValueError, match="plot_spectrum: isotropic: expected bands that contain"):
        plot_spectrum(**_curves(isotropic=wrong))
    later = {name: value[1:] for name, value in _curves().items()}
    with pytest.raises(ValueError, match="plot_spectrum: ell: expected l = 1"):
        plot_spectrum(**later, cascade=cascade_spectrum(12))


def test_float32_is_drawn(png):
    curves = {name: jnp.asarray(value, jnp.float32) for name, value in _curves().items()}
    png(plot_spectrum(**curves))
