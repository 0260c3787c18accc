"""Picture of a chain of traps: phase-space density and occupation, and the place derived."""

import numpy as np
from jaxtyping import Array, Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from jaxcr.plots.checks import as_arrays
from jaxcr.plots.style import (
    BLACK,
    BLUE,
    GREEN,
    TEXT_SIZE,
    TITLE_SIZE,
    VERMILION,
    new_figure,
    polish,
)

_MANY_SITES = 100
"""From here on the site number is logarithmic: the open end is where the density changes."""

_LARGEST = 1e200
"""Occupations grow as a power of the site; ticks nearer to the range of floats overflow."""

_WIDE_RANGE = 30.0
"""Values that differ by more than this factor go on a logarithmic axis."""


def plot_chain(
    *,
    density: Float[Array | np.ndarray, " site"],
    occupation: Float[Array | np.ndarray, " site"],
    place: float | int | None,
    trap_text: str = "",
) -> Figure:
    """Draw density and occupation along the chain, and mark the place of our trap.

    Parameters
    ----------
    density, occupation
        Phase-space density f_k and particles n_k of the sites 1 ... N, any unit.
    place
        Site number, may be fractional, or beyond the sites drawn, which is then said; ``None``
        if no site has the amplitude that was fitted.
    trap_text
        The trap in words, used as title.

    Raises
    ------
    ValueError
        If the shapes differ.

    Notes
    -----
    Values that are not finite or beyond 1e200 are left out. The axis of the sites is logarithmic
    from 100 sites on, that of values >= 0 where they span more than a factor of 30.
    """
    shape = (len(density),)
    density, occupation = as_arrays("plot_chain", shape, density=density, occupation=occupation)
    figure = new_figure(8, 6)
    upper, lower = figure.subplots(2, 1, sharex=True)
    _draw_curve(upper, density, BLUE)
    _draw_curve(lower, occupation, GREEN)
    polish(upper, y_label="phase-space\ndensity $f_k$")
    polish(lower, x_label="site $k$", y_label="occupation $n_k$")
    if place is None:
        _write_above(upper, 0.5, "place: unreachable, no site has this amplitude")
    elif not 1 <= place <= density.size:
        _write_above(upper, 1.0, f"place: site {place:.4g}, beyond the sites drawn")
    else:
        _mark_place(upper, density, float(place))
        _mark_place(lower, occupation, float(place))
        _write_above(upper, _fraction(upper, place), f"place: site {place:.4g}")
    if trap_text:
        figure.suptitle(trap_text, fontsize=TITLE_SIZE, color=BLACK)
    return figure


def _draw_curve(axes: Axes, values: np.ndarray, color: str) -> None:
    """Draw one quantity over the site number, on the axes that suit its range."""
    values = np.where(np.abs(values) < _LARGEST, values, np.nan)
    site = np.arange(1, values.size + 1)
    marker = "o" if values.size <= 60 else ""
    axes.plot(site, values, color=color, lw=2.2, marker=marker, ms=4)
    if values.size >= _MANY_SITES:
        axes.set_xscale("log")
    positive = values[values > 0]
    if positive.size and not np.any(values < 0) and positive.max() > _WIDE_RANGE * positive.min():
        axes.set_yscale("log")
        axes.set_ylim(bottom=max(0.5 * positive.min(), 1 / _LARGEST))
    elif not np.any(values < 0):
        axes.set_ylim(bottom=0)
    axes.margins(x=0.02)


def _mark_place(axes: Axes, values: np.ndarray, place: float) -> None:
    """Draw a line at the place, and a dot on the curve, between sites where it is fractional."""
    axes.axvline(place, color=VERMILION, lw=1.6, ls=(0, (5, 2.5)), zorder=1)
    value = np.interp(place, np.arange(1, values.size + 1), values)
    axes.plot([place], [value], "o", color=VERMILION, ms=10, mec="white", mew=1.2, zorder=4)


def _fraction(axes: Axes, place: float | int) -> float:
    """Return how far along the axis the place is, 0 to 1."""
    pixel = axes.transData.transform((place, axes.get_ylim()[0]))
    return float(axes.transAxes.inverted().transform(pixel)[0])


def _write_above(axes: Axes, fraction: float, text: str) -> None:
    """Write above the axes, from the side on which there is room."""
    align = "left" if fraction < 0.25 else "right" if fraction > 0.75 else "center"
    axes.annotate(
        text, (fraction, 1.0), xycoords="axes fraction", xytext=(0, 5),
        textcoords="offset points", ha=align, va="bottom", fontsize=TEXT_SIZE, color=VERMILION,
    )  # fmt: skip
