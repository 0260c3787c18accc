import numpy as np
import pytest

from jaxcr.plots import fisher_ellipse, plot_fit

BEST = np.array([-7.0, -0.2])
COVARIANCE = np.array([[0.04, 0.015], [0.015, 0.02]])
X = np.linspace(-8.0, -6.0, 81)
Y = np.linspace(-0.9, 0.5, 71)


def _quadratic(points):
    """Return d^T covariance^-1 d for points (2, ...) at the distance d from the best."""
    away = points - BEST.reshape(2, *[1] * (points.ndim - 1))
    return np.einsum("i...,ij,j...->...", away, np.linalg.inv(COVARIANCE), away)


def _arguments(**options):
    return {
        "history": 30 + 10.0 ** -np.arange(5.0),
        "best_cost": 30.0,
        "plane_x": X,
        "plane_y": Y,
        "plane_cost": 30 + _quadratic(np.stack(np.meshgrid(X, Y))),
        "best": BEST,
        "covariance": COVARIANCE,
    } | options


def test_ellipse_lies_on_its_level():
    for level in (2.30, 6.17):
        curve = fisher_ellipse(BEST, COVARIANCE, level)
        # Rounding of a 2x2 inverse with condition number 5.
        assert np.allclose(_quadratic(curve), level, rtol=1e-12)
        assert np.allclose(curve[:, 0], curve[:, -1], rtol=1e-12)


def test_contours_of_a_quadratic_cost_are_the_ellipses():
    _, right = plot_fit(**_arguments()).axes
    lines = [c for c in right.collections if c.get_linewidths()[0] > 1]
    assert len(lines) == 2
    for line, level in zip(lines, (6.17, 2.30), strict=True):
        points = np.concatenate([path.vertices for path in line.get_paths()]).T
        # Linear interpolation on the grid: h² k / 8 = 0.025² x 70 / 8, 0.02² x 70 / 8 < 0.006 each.
        assert np.allclose(_quadratic(points), level, atol=0.02)


def test_ellipses_best_and_truth_are_where_they_were_given(png):
    figure = plot_fit(**_arguments(truth=np.array([-6.9, -0.3])))
    lines = figure.axes[1].lines
    assert np.array_equal(np.stack(lines[0].get_data()), fisher_ellipse(BEST, COVARIANCE, 2.30))
    assert np.array_equal(np.stack(lines[1].get_data()), fisher_ellipse(BEST, COVARIANCE, 6.17))
    assert np.array_equal(lines[2].get_xydata(), [BEST])
    assert np.array_equal(lines[3].get_xydata(), [[-6.9, -0.3]])
    assert "planted" in [text.get_text() for text in figure.axes[1].get_legend().get_texts()]
    png(figure)


def test_without_truth_nothing_is_planted():
    right = plot_fit(**_arguments()).axes[1]
    assert len(right.lines) == 3
    assert "planted" not in [text.get_text() for text in right.get_legend().get_texts()]


def test_history_is_the_excess_over_the_best():
    history = np.array([40.0, 31.0, 30.0, 29.9])
    figure = plot_fit(**_arguments(history=history))
    left = figure.axes[0]
    assert left.get_yscale() == "log"
    assert np.array_equal(left.lines[0].get_ydata(), [10.0, 1.0, np.nan, np.nan], equal_nan=True)


def test_plane_without_a_contour_or_with_holes_renders(png):
    plane = _arguments()["plane_cost"]
    far = plot_fit(**_arguments(plane_cost=plane + 100))
    assert len(far.axes[1].collections) == 0
    png(plot_fit(**_arguments(plane_cost=np.where(X > -7.1, np.inf, plane))))
    plot_fit(**_arguments(plane_cost=np.full_like(plane, np.nan)))


def test_errors():
    with pytest.raises(ValueError, match=r"plot_fit: covariance: expected a positive definite"):
        plot_fit(**_arguments(covariance=np.array([[1.0, 2.0], [2.0, 1.0]])))
