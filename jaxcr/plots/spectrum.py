"""Picture of an angular power spectrum: model, data, isotropic skies, cascade."""

import textwrap

import numpy as np
from jaxtyping import Array, Float, Real
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from jaxcr.checks import argument_error, check_finite, check_range
from jaxcr.observed import SpectrumData
from jaxcr.plots.checks import as_arrays
from jaxcr.plots.style import (
    BLACK,
    BLUE,
    GREEN,
    LABEL_SIZE,
    TEXT_SIZE,
    VERMILION,
    add_legend,
    new_figure,
    polish,
)
from jaxcr.sky.noise.isotropic import IsotropicBands

_Curve = Float[Array | np.ndarray, " ell"]
_ISOTROPIC_LEVEL = 90.0
_TICKS = (1, 2, 3, 4, 6, 10, 20, 40, 60, 100, 200, 400, 1000)
_ANGLES = (180, 90, 60, 45, 30, 20, 10, 5, 3, 2, 1, 0.5, 0.2)
_DECADES = 8  # the axis never reaches further down: curves at the rounding level say nothing


def plot_spectrum(
    *,
    ell: Real[Array | np.ndarray, " ell"],
    mean: _Curve,
    low: _Curve,
    high: _Curve,
    low_95: _Curve | None = None,
    high_95: _Curve | None = None,
    data: SpectrumData | None = None,
    isotropic: IsotropicBands | None = None,
    cascade: Float[Array | np.ndarray, " degree"] | None = None,
    title: str = "",
) -> Figure:
    """Draw C_l of the model with its cosmic variance, and what it is compared with.

    Parameters
    ----------
    ell, mean
        Multipoles and mean C_l of the model, sr; l = 0 is left out. Drawn as given: for data
        that lost a_l0, multiply by 2l/(2l+1) before.
    low, high, low_95, high_95
        Edges of the 68 % and 95 % bands of cosmic variance, sr.
    data
        Points; bars are C_l exp(± log_error). Where a debiased C_l <= 0, an arrow at its noise.
    isotropic
        Its 90 % band is drawn.
    cascade
        Shape from l = 0 on, as `jaxcr.sky.cascade_spectrum`; normalised to the model's C_1.

    Raises
    ------
    ValueError
        If shapes differ, the isotropic bands lack 90 %, or ``ell`` lacks the cascade's norm l = 1.
    """
    ell = np.asarray(ell)
    curves = as_arrays(
        "plot_spectrum", ell.shape, mean=mean, low=low, high=high, low_95=low_95, high_95=high_95
    )
    keep = ell >= 1
    check_range("plot_spectrum: multipoles from 1 on", np.count_nonzero(keep), 1)
    ell = check_finite("plot_spectrum: ell", ell[keep])
    mean, *edges = (None if curve is None else curve[keep] for curve in curves)
    figure = new_figure(10.5, 5.6)
    axes = figure.add_subplot()
    axes.set(xscale="log", yscale="log")
    shown = [curve for curve in (mean, *edges[:2], edges[3]) if curve is not None]
    if data is not None:
        shown.append(_draw_data(axes, data))
    _draw_model(axes, ell, mean, *edges)
    if cascade is not None:
        _draw_cascade(axes, np.asarray(cascade, dtype=float), ell, mean)
    if isotropic is not None:
        shown.append(draw_isotropic(axes, isotropic, ell))
    set_limits(axes, ell if data is None else np.concatenate([ell, data.ell]), shown)
    polish(axes, x_label=r"multipole $\ell$", y_label=r"$C_\ell$ [sr]", title=title)
    add_angles(axes)
    add_legend(axes, loc="upper left", bbox_to_anchor=(1.01, 1.0), borderaxespad=0)
    return figure


def _draw_model(axes: Axes, ell, mean, low, high, low_95, high_95) -> None:
    """Draw the mean as a line, the bands lighter the wider."""
    axes.plot(ell, mean, color=BLUE, lw=2.2, label="model")
    axes.fill_between(ell, low, high, color=BLUE, alpha=0.28, lw=0, label="cosmic variance, 68 %")
    if low_95 is not None and high_95 is not None:
        axes.fill_between(
            ell, low_95, high_95, color=BLUE, alpha=0.13, lw=0, label="cosmic variance, 95 %"
        )


def draw_isotropic(axes: Axes, isotropic: IsotropicBands, ell) -> np.ndarray:
    """Draw the band that isotropic skies fill; return its lower edge."""
    levels = np.asarray(isotropic.levels)
    row = int(np.argmin(np.abs(levels - _ISOTROPIC_LEVEL)))
    if abs(levels[row] - _ISOTROPIC_LEVEL) > 1e-3:
        raise argument_error(
            "plot_spectrum: isotropic",
            expected="bands that contain the level 90.0",
            got=f"levels {levels.tolist()}",
            remedy="Call isotropic_bands with levels=(68.0, 90.0, 99.0).",
        )
    lower, upper = (np.asarray(edge)[row, 1:] for edge in (isotropic.lower, isotropic.upper))
    degree = np.arange(1, lower.size + 1)
    inside = degree <= ell.max()
    axes.fill_between(
        degree[inside], lower[inside], upper[inside],
        facecolor="#ececec", edgecolor="#a6a6a6", hatch="////", lw=0, zorder=0.5,
        label="isotropic sky, 90 %",
    )  # fmt: skip
    return lower[inside]


def _draw_cascade(axes: Axes, shape, ell, mean) -> None:
    """Draw the cascade with the C_1 of the model."""
    if not np.any(ell == 1):
        raise argument_error(
            "plot_spectrum: ell",
            expected="l = 1 among the multipoles, for the cascade is normalised there",
            got=str(ell.tolist()),
            remedy="Add l = 1, or leave out the cascade.",
        )
    degree = np.arange(1, min(shape.size - 1, int(ell.max())) + 1)
    curve = shape[degree] / shape[1] * mean[ell == 1][0]
    axes.plot(degree, curve, color=GREEN, lw=2, ls=(0, (5, 2.5)), label="cascade of a dipole")


def _draw_data(axes: Axes, data: SpectrumData) -> np.ndarray:
    """Draw points with their bars, and arrows where only the noise is known; return values."""
    seen = data.c_ell > 0
    value, width = data.c_ell[seen], data.log_error[seen]
    bars = np.stack([value * -np.expm1(-width), value * np.expm1(width)])
    label = textwrap.fill(data.label, 26) or "data"
    axes.errorbar(
        data.ell[seen], value, yerr=bars, fmt="o", ms=6.5, color=VERMILION,
        mec="white", mew=0.8, elinewidth=1.8, capsize=3, zorder=4, label=label,
    )  # fmt: skip
    limits = data.noise[~seen]
    if limits.size:
        axes.plot(
            data.ell[~seen], limits, ls="none", marker=r"$\downarrow$", ms=13, color=VERMILION,
            zorder=4, label="data below zero:\nnoise level",
        )  # fmt: skip
    return np.concatenate([value - bars[0], value + bars[1], limits])


def set_limits(axes: Axes, ell, shown) -> None:
    """Fit the axes to what is positive, over a bounded number of decades."""
    values = np.concatenate(shown)
    values = values[np.isfinite(values) & (values > 0)]
    top = 2 * values.max()
    axes.set_ylim(max(0.5 * values.min(), top / 10**_DECADES), top)
    axes.set_xlim(ell.min() / 1.07, ell.max() * 1.07)
    axes.xaxis.set_major_locator(FixedLocator(_TICKS))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))


def add_angles(axes: Axes) -> None:
    """Add an upper axis with the angle 180°/l."""
    upper = axes.secondary_xaxis("top", functions=(_angle, _angle))
    upper.xaxis.set_major_locator(FixedLocator(_ANGLES))
    upper.xaxis.set_minor_locator(NullLocator())
    upper.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}°"))
    upper.tick_params(labelsize=TEXT_SIZE, colors=BLACK)
    upper.set_xlabel(r"angle $180°/\ell$", fontsize=LABEL_SIZE, color=BLACK)


def _angle(ell):
    """Return 180/l, which is its own inverse; matplotlib also asks at 0."""
    ell = np.asarray(ell, dtype=float)
    return 180 / np.where(ell > 0, ell, np.nan)
