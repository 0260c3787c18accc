"""Picture of a fit: how the cost converged, and the plane of two parameters."""

import math

import numpy as np
from jaxtyping import Array, Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from jaxcr.checks import argument_error
from jaxcr.plots.checks import as_arrays
from jaxcr.plots.style import BLACK, BLUE, ORANGE, VERMILION, add_legend, new_figure, polish

_LEVELS = (2.30, 6.17)  # quantiles of chi² with 2 degrees of freedom at 68.3 % and 95.4 %
_SHADES = (0.45, 0.2)
_Pair = Float[Array | np.ndarray, "2"]


def plot_fit(
    *,
    history: Float[Array | np.ndarray, " step"],
    best_cost: float | Float[Array | np.ndarray, ""],
    plane_x: Float[Array | np.ndarray, " x"],
    plane_y: Float[Array | np.ndarray, " y"],
    plane_cost: Float[Array | np.ndarray, "y x"],
    best: _Pair,
    covariance: Float[Array | np.ndarray, "2 2"],
    names: tuple[str, str] = ("ln A", "ln dB/B0"),
    truth: _Pair | None = None,
    titles: tuple[str, str] = ("", ""),
) -> Figure:
    """Draw the convergence of a fit, and the shape of the cost about its optimum.

    Parameters
    ----------
    history, best_cost
        Cost, -2 ln posterior, at every step; the lowest cost known. Steps at or below it are
        left out of the logarithmic axis.
    plane_x, plane_y, plane_cost
        Cost over a grid of two parameters: either at the minimum over all others, or with the
        others held.
    best, covariance
        Best values of the two, and their covariance from the Fisher matrix, with the others free
        or held as in the plane.
    names, truth
        Labels of the two; the values that were planted, if they are known.
    titles
        Of the convergence and of the plane.

    Raises
    ------
    ValueError
        If ``plane_cost`` is not (y, x), the others are not of two parameters, or the covariance
        is not positive definite.
    """
    shape = (len(plane_y), len(plane_x))
    (plane,) = as_arrays("plot_fit", shape, plane_cost=plane_cost)
    best, truth = as_arrays("plot_fit", (2,), best=best, truth=truth)
    (covariance,) = as_arrays("plot_fit", (2, 2), covariance=covariance)
    figure = new_figure(12, 5)
    left, right = figure.subplots(1, 2)
    _draw_history(left, np.asarray(history, dtype=float) - float(best_cost), titles[0])
    _draw_contours(right, np.asarray(plane_x), np.asarray(plane_y), plane - float(best_cost))
    for level in _LEVELS:
        right.plot(*fisher_ellipse(best, covariance, level), color=VERMILION, lw=1.8, ls="--")
    right.plot(*best, "+", color=BLACK, ms=13, mew=2.2, zorder=5)
    if truth is not None:
        right.plot(*truth, "*", color=ORANGE, ms=17, mec=BLACK, mew=0.9, zorder=4)
    polish(right, x_label=names[0], y_label=names[1], title=titles[1])
    add_legend(right, handles=_handles(with_truth=truth is not None), loc="best")
    return figure


def fisher_ellipse(
    center: Float[np.ndarray, "2"],
    covariance: Float[np.ndarray, "2 2"],
    level: float,
    *,
    num_points: int = 200,
) -> Float[np.ndarray, "2 point"]:
    """Return the closed curve on which (x - center)^T covariance^-1 (x - center) = level."""
    if not (covariance[0, 0] > 0 and np.linalg.det(covariance) > 0):
        raise argument_error(
            "plot_fit: covariance",
            expected="a positive definite matrix",
            got=covariance.tolist(),
            remedy="Invert the Fisher matrix of parameters that the data constrain.",
        )
    angle = np.linspace(0, 2 * math.pi, num_points)
    circle = np.stack([np.cos(angle), np.sin(angle)])
    return center[:, None] + math.sqrt(level) * np.linalg.cholesky(covariance) @ circle


def _draw_history(axes: Axes, excess: np.ndarray, title: str) -> None:
    """Draw the cost above the best one at every step."""
    excess = np.where(excess > 0, excess, np.nan)
    axes.plot(np.arange(excess.size), excess, color=BLUE, lw=2.2)
    axes.set_yscale("log")
    polish(axes, x_label="step", y_label="cost $-$ best cost", title=title)


def _draw_contours(axes: Axes, x: np.ndarray, y: np.ndarray, excess: np.ndarray) -> None:
    """Fill the two regions of the cost's rise that lie on the plane."""
    excess = np.ma.masked_invalid(excess)
    for level, shade in zip(reversed(_LEVELS), reversed(_SHADES), strict=True):
        if excess.min() < level:
            axes.contourf(x, y, excess, levels=[-math.inf, level], colors=[BLUE], alpha=shade)
        if excess.min() < level < excess.max():
            axes.contour(x, y, excess, levels=[level], colors=[BLUE], linewidths=1.4)


def _handles(*, with_truth: bool) -> list[Patch | Line2D]:
    """Return what the legend shows, for contours have no entry of their own."""
    outer, inner = _SHADES[1], 1 - (1 - _SHADES[0]) * (1 - _SHADES[1])
    handles = [
        Patch(facecolor=BLUE, alpha=inner, label="cost, 68 %"),
        Patch(facecolor=BLUE, alpha=outer, label="cost, 95 %"),
        Line2D([], [], color=VERMILION, lw=1.8, ls="--", label="Fisher matrix"),
        Line2D([], [], color=BLACK, marker="+", ms=12, mew=2.2, ls="none", label="best fit"),
    ]
    if with_truth:
        star = {"marker": "*", "ms": 15, "mec": BLACK, "mew": 0.9}
        handles.append(Line2D([], [], color=ORANGE, ls="none", label="planted", **star))
    return handles
