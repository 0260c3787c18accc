"""Picture of a gradient test: two estimates of a derivative of C_l, and their distance."""

import math

import numpy as np
from jaxtyping import Array, Float, Real
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, ScalarFormatter

from jaxcr.plots.checks import as_arrays
from jaxcr.plots.style import BLACK, BLUE, LIGHT_GREY, VERMILION, add_legend, new_figure, polish

_Estimate = Float[Array | np.ndarray, " ell"]
_WIDE_RANGE = 100.0  # more than two decades do not show on a linear axis
_DECADES = 5  # and more than this on each side leave no room for the labels
_SHIFT = 0.12  # half the distance of the two points of one multipole


def plot_gradient(
    *,
    ell: Real[Array | np.ndarray, " ell"],
    pathwise: _Estimate,
    pathwise_error: _Estimate,
    difference: _Estimate,
    difference_error: _Estimate,
    best: _Estimate | None = None,
    best_error: _Estimate | None = None,
    title: str = "",
) -> Figure:
    """Draw the derivative along the orbits and the finite difference, and their distance.

    z = (pathwise - difference) / sqrt(pathwise_error² + difference_error²).

    Parameters
    ----------
    ell
        Multipoles.
    pathwise, pathwise_error, difference, difference_error
        Both estimates of dC_l/dtheta and their standard errors, sr per unit of theta.
    best, best_error
        The estimate to believe and its error, drawn as a band where given.
    title
        Says which parameter theta is.

    Raises
    ------
    ValueError
        If the shapes differ.

    Notes
    -----
    Where the estimates reach 100 times their typical error, the upper axis is logarithmic, but
    for a linear part about zero as wide as that error. z is left out where both errors are zero.
    """
    ell = np.asarray(ell, dtype=float)
    values = as_arrays(
        "plot_gradient", ell.shape, pathwise=pathwise, pathwise_error=pathwise_error,
        difference=difference, difference_error=difference_error,
    )  # fmt: skip
    figure = new_figure(8, 6.4)
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(2.4, 1))
    _draw_estimates(upper, ell, *values)
    if best is not None:
        error = np.zeros(ell.shape) if best_error is None else best_error
        band = as_arrays("plot_gradient", ell.shape, best=best, best_error=error)
        _draw_band(upper, ell, *band)
    polish(upper, y_label=r"$\mathrm{d}C_\ell/\mathrm{d}\theta$ [sr]", title=title)
    add_legend(upper, loc="best")
    _draw_distance(lower, ell, *values)
    polish(lower, x_label=r"multipole $\ell$", y_label="$z$")
    lower.xaxis.set_major_locator(MaxNLocator(integer=True))
    return figure


def _draw_estimates(axes: Axes, ell, pathwise, pathwise_error, difference, difference_error):
    """Draw both estimates side by side at every multipole."""
    bar = {"ms": 7, "elinewidth": 1.8, "capsize": 3, "ls": "none"}
    axes.axhline(0, color=BLACK, lw=0.8)
    axes.errorbar(
        ell - _SHIFT, pathwise, pathwise_error,
        marker="o", color=BLUE, mec="white", mew=0.8, label="along the orbits", **bar,
    )  # fmt: skip
    axes.errorbar(
        ell + _SHIFT, difference, difference_error,
        marker="s", color=VERMILION, mfc="white", mew=1.6, label="finite difference", **bar,
    )  # fmt: skip
    threshold = _linear_part(
        np.abs(np.concatenate([pathwise, difference])),
        np.concatenate([pathwise_error, difference_error]),
    )
    if threshold is None:
        axes.yaxis.set_major_formatter(ScalarFormatter(useMathText=True))
    else:
        axes.set_yscale("symlog", linthresh=threshold)


def _draw_band(axes: Axes, ell, best, error):
    """Draw the estimate to believe as a line in its band of one error."""
    axes.fill_between(ell, best - error, best + error, color=BLACK, alpha=0.15, lw=0)
    axes.plot(ell, best, color=BLACK, lw=1.4, label="to believe")


def _linear_part(size: np.ndarray, error: np.ndarray) -> float | None:
    """Return where the linear part of the axis ends, a power of ten; None if all is linear."""
    size = size[np.isfinite(size) & (size > 0)]
    if not size.size:
        return None
    typical = max(float(np.median(error)), float(size.min()))
    if size.max() < _WIDE_RANGE * typical:
        return None
    typical = max(typical, size.max() / 10**_DECADES)
    return 10.0 ** math.ceil(math.log10(typical))


def _draw_distance(axes: Axes, ell, pathwise, pathwise_error, difference, difference_error):
    """Draw the distance in standard errors, over bands of one and two."""
    error = np.hypot(pathwise_error, difference_error)
    z = np.where(error > 0, pathwise - difference, np.nan) / np.where(error > 0, error, 1.0)
    for bound in (2, 1):
        axes.axhspan(-bound, bound, color=LIGHT_GREY, alpha=0.5, lw=0)
    axes.axhline(0, color=BLACK, lw=0.8)
    axes.plot(ell, z, "o", color=BLACK, ms=7, mec="white", mew=0.8)
    reach = max(3.0, 1.15 * np.max(np.abs(z), initial=0.0, where=np.isfinite(z)))
    axes.set_ylim(-reach, reach)
