import numpy as np
import pytest

from jaxcr.plots import plot_gradient

ELL = np.arange(1, 7)
PATHWISE = np.array([3.0, -2.0, 1.0, 0.5, -0.2, 0.1])
DIFFERENCE = PATHWISE + 0.5
ERROR = np.full(6, 0.3)


def _figure(**options):
    return plot_gradient(
        **{
            "ell": ELL,
            "pathwise": PATHWISE,
            "pathwise_error": ERROR,
            "difference": DIFFERENCE,
            "difference_error": 4 / 3 * ERROR,
        }
        | options
    )


def test_points_and_bars_are_the_estimates():
    upper, _ = _figure().axes
    for container, values, error in zip(
        upper.containers, (PATHWISE, DIFFERENCE), (0.3, 0.4), strict=True
    ):
        points, _, (bars,) = container
        assert np.array_equal(points.get_ydata(), values)
        # Drawn side by side, yet nearer to their multipole than to the next.
        assert np.array_equal(np.round(points.get_xdata()), ELL)
        ends = np.array([segment[:, 1] for segment in bars.get_segments()])
        assert np.allclose(ends, values[:, None] + [-error, error], rtol=1e-14)


def test_distance_is_in_standard_errors(png):
    figure = _figure(title="by the level")
    _, lower = figure.axes
    # 0.5 / sqrt(0.3² + 0.4²) = 1, the difference above; rounding.
    assert np.allclose(lower.lines[1].get_xydata(), np.stack([ELL, -np.ones(6)], 1), rtol=1e-12)
    png(figure)


def test_estimate_to_believe_is_a_line_in_its_band(png):
    figure = _figure(best=DIFFERENCE, best_error=ERROR)
    upper, _ = figure.axes
    line = next(x for x in upper.lines if x.get_label() == "to believe")
    assert np.array_equal(line.get_xydata(), np.stack([ELL, DIFFERENCE], 1))
    # the band's outline holds both edges
    outline = upper.collections[-1].get_paths()[0].vertices
    for edge in (DIFFERENCE - ERROR, DIFFERENCE + ERROR):
        assert all(
            np.any(np.isclose(outline, point).all(1)) for point in zip(ELL, edge, strict=True)
        )
    png(figure)


def test_large_distances_stay_on_the_axis():
    _, lower = _figure(difference=PATHWISE + 50.0).axes
    assert lower.get_ylim()[0] < -100 < 100 < lower.get_ylim()[1]


def test_scale_is_linear_unless_the_range_is_wide(png):
    assert _figure().axes[0].get_yscale() == "linear"
    falling = PATHWISE * 10.0 ** (-ELL)
    wide = _figure(pathwise=falling, difference=falling, pathwise_error=ERROR * 1e-5,
                   difference_error=ERROR * 1e-5)  # fmt: skip
    axes = wide.axes[0]
    assert axes.get_yscale() == "symlog"
    # The typical error, 3e-6, is inside the linear part; its end is a power of ten.
    assert axes.yaxis.get_transform().linthresh == pytest.approx(1e-5)
    png(wide)


def test_no_error_and_no_signal_render(png):
    zero = np.zeros(6)
    figure = _figure(pathwise=zero, difference=zero, pathwise_error=zero, difference_error=zero)
    assert np.isnan(figure.axes[1].lines[1].get_ydata()).all()
    png(figure)
    png(_figure(pathwise_error=zero, difference_error=zero))
