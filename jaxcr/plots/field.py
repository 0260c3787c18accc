"""Picture of a field: slices, spectrum, distribution and the report, on one page."""

import math

import numpy as np
from jaxtyping import Array, Float
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from jaxcr.checks import check_positive, check_shape
from jaxcr.fields import FieldReport
from jaxcr.plots.style import (
    BLACK,
    BLUE,
    GREEN,
    LABEL_SIZE,
    LIGHT_GREY,
    TEXT_SIZE,
    TITLE_SIZE,
    VERMILION,
    add_legend,
    new_figure,
    polish,
)

_PLANES = ((0, 1, 2), (0, 2, 1), (1, 2, 0))
"""Axis to the right, axis upwards, axis across, of every slice."""

_NAMES = "xyz"
_BINS = 60
_WIDEST = 6.0
"""In standard deviations: what lies beyond is counted in the outermost bins."""


def plot_field(
    report: FieldReport,
    samples: Float[Array | np.ndarray, "nx ny nz xyz=3"],
    *,
    title: str = "",
) -> Figure:
    """Draw three slices of |B|, the spectrum, the distribution, and the text of the report.

    Parameters
    ----------
    report
        As ``jaxcr.fields.describe`` returns it; its asked spectrum, if any, is drawn too.
    samples
        B in µG on ``report.lattice``, (nx, ny, nz, 3), as ``sample_field`` returns it.

    Raises
    ------
    ValueError
        If the samples are not on the lattice of the report, or the field is uniform.

    Notes
    -----
    The slices go through the sample next above the centre of the box. Grey in the spectrum: the
    wavenumbers that hold power. The Gaussian has the rms of the fluctuations over sqrt(3).
    """
    samples = np.asarray(samples, dtype=float)
    remedy = "Take sample_field(field, report.lattice)."
    check_shape("plot_field: samples", samples, (*report.lattice.shape, 3), remedy=remedy)
    remedy = "A uniform field has no spectrum to draw: print the report."
    check_positive("plot_field: rms of the report", report.rms, remedy=remedy)
    lines = str(report).count("\n") + 1
    figure = new_figure(12.5, 9.8 + 0.215 * lines)
    figure.get_layout_engine().set(h_pad=0.12)
    grid = figure.add_gridspec(3, 6, height_ratios=(4.2, 4.8, 0.215 * lines))
    _draw_slices(
        [figure.add_subplot(grid[0, 2 * i : 2 * i + 2]) for i in range(3)], report, samples
    )
    _draw_spectrum(figure.add_subplot(grid[1, :3]), report)
    _draw_distribution(figure.add_subplot(grid[1, 3:]), report, samples)
    _write_report(figure.add_subplot(grid[2, :]), report)
    if title:
        figure.suptitle(title, fontsize=TITLE_SIZE, color=BLACK)
    return figure


def _draw_slices(axes: list[Axes], report: FieldReport, samples: np.ndarray) -> None:
    """Draw |B| in three planes with one scale of colours."""
    lattice = report.lattice
    spacing = np.asarray(lattice.spacing, float)
    low = np.asarray(lattice.origin, float)
    high = low + spacing * lattice.shape
    planes = [
        np.linalg.norm(np.take(samples, lattice.shape[across] // 2, axis=across), axis=-1)
        for _, _, across in _PLANES
    ]
    limits = {"vmin": min(map(np.min, planes)), "vmax": max(map(np.max, planes))}
    for panel, plane, (right, up, across) in zip(axes, planes, _PLANES, strict=True):
        image = panel.imshow(
            plane.T, origin="lower", extent=(low[right], high[right], low[up], high[up]),
            cmap=colormaps["cividis"], interpolation="nearest", **limits,
        )  # fmt: skip
        place = low[across] + (lattice.shape[across] // 2 + 0.5) * spacing[across]
        polish(
            panel,
            x_label=f"{_NAMES[right]} [pc]",
            y_label=f"{_NAMES[up]} [pc]",
            title=f"{_NAMES[across]} = {place:.4g} pc",
        )
        panel.grid(visible=False)
    bar = axes[0].figure.colorbar(image, ax=axes, shrink=0.85, aspect=22, pad=0.015)
    bar.set_label("|B| [µG]", fontsize=LABEL_SIZE, color=BLACK)
    bar.ax.tick_params(labelsize=TEXT_SIZE, colors=BLACK)
    bar.outline.set_linewidth(0.6)


def _draw_spectrum(axes: Axes, report: FieldReport) -> None:
    """Draw E(k) measured and asked, and shade the wavenumbers that hold power."""
    k, spectrum = np.asarray(report.wavenumber), np.asarray(report.spectrum)
    low, high = 2 * math.pi / report.outer_scale, 2 * math.pi / report.inner_scale
    axes.set(xscale="log", yscale="log")
    axes.axvspan(low, high, color=LIGHT_GREY, alpha=0.45, lw=0, label="holds power")
    axes.plot(k, spectrum, "o-", color=BLUE, ms=4, lw=1.6, label="measured")
    if report.asked is not None:
        asked = np.asarray(report.asked)
        asked = np.where(asked > 0, asked, np.nan)
        axes.plot(k, asked, color=VERMILION, lw=2.2, ls=(0, (5, 2.5)), label="asked, rms measured")
    inside = spectrum[(k >= low) & (k <= high) & (spectrum > 0)]
    if inside.size:
        axes.set_ylim(0.3 * inside.min(), 3 * inside.max())
    axes.set_xlim(0.8 * min(k[0], low), 1.25 * max(k[-1], high))
    polish(axes, x_label="wavenumber k [1/pc]", y_label="E(k) [µG² pc]")
    upper = axes.secondary_xaxis("top", functions=(_wavelength, _wavelength))
    for axis in (axes.xaxis, upper.xaxis):
        axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axis.set_minor_formatter(NullFormatter())
    upper.tick_params(labelsize=TEXT_SIZE, colors=BLACK)
    upper.set_xlabel(r"wavelength $2\pi/k$ [pc]", fontsize=LABEL_SIZE, color=BLACK)
    add_legend(axes, loc="upper right")


def _draw_distribution(axes: Axes, report: FieldReport, samples: np.ndarray) -> None:
    """Draw how often each component has which value, and a Gaussian of their common rms."""
    deviation = report.rms / math.sqrt(3)
    edges = np.linspace(-_WIDEST, _WIDEST, _BINS + 1) * deviation
    for axis, color in enumerate((BLUE, VERMILION, GREEN)):
        values = samples[..., axis].ravel() - float(report.mean[axis])
        inside = np.clip(values, edges[0], edges[-1])
        density, _ = np.histogram(inside, edges, density=True)
        axes.stairs(density, edges, color=color, lw=1.8, label=f"$B_{_NAMES[axis]}$")
    value = np.linspace(edges[0], edges[-1], 241)
    peak = 1 / math.sqrt(2 * math.pi) / deviation
    gauss = peak * np.exp(-0.5 * (value / deviation) ** 2)
    axes.plot(value, gauss, color=BLACK, lw=1.6, ls=(0, (5, 2.5)), label="Gaussian")
    axes.set_yscale("log")
    least = len(_NAMES) / samples.size / (edges[1] - edges[0])
    axes.set_ylim(0.5 * least, 4 * peak)
    axes.set_xlim(edges[0], edges[-1])
    polish(axes, x_label="component minus mean [µG]", y_label="density [1/µG]")
    add_legend(axes, loc="lower center")


def _write_report(axes: Axes, report: FieldReport) -> None:
    """Write the table into axes of its own."""
    axes.set_axis_off()
    axes.text(
        0, 1, str(report), transform=axes.transAxes, ha="left", va="top", color=BLACK,
        family="monospace", fontsize=TEXT_SIZE, linespacing=1.25,
    )  # fmt: skip


def _wavelength(k):
    """Return 2 pi/k, which is its own inverse; matplotlib also asks at 0."""
    k = np.asarray(k, dtype=float)
    return 2 * math.pi / np.where(k > 0, k, np.nan)
