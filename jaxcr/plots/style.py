"""The look that all figures share: size, colours, fonts, axes; no global state of matplotlib."""

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from jaxcr.checks import check_positive

BLUE = "#0072B2"
VERMILION = "#D55E00"
GREEN = "#009E73"
ORANGE = "#E69F00"
BLACK = "#1a1a1a"
GREY = "#767676"
LIGHT_GREY = "#d9d9d9"
"""Okabe & Ito (2008), told apart with every kind of colour vision; greys by lightness."""

TITLE_SIZE = 15.0
LABEL_SIZE = 14.0
TEXT_SIZE = 12.0
DPI = 150


def new_figure(width: float | int, height: float | int) -> Figure:
    """Return an empty white figure on the Agg canvas, unknown to pyplot.

    Parameters
    ----------
    width, height
        Size in inches.

    Notes
    -----
    Nobody has to close it, and threads may draw figures side by side.
    """
    check_positive("new_figure: width", width)
    check_positive("new_figure: height", height)
    figure = Figure(figsize=(width, height), dpi=DPI, layout="constrained", facecolor="white")
    FigureCanvasAgg(figure)
    return figure


def polish(axes: Axes, *, x_label: str = "", y_label: str = "", title: str = "") -> None:
    """Give the axes their labels, readable fonts, a faint grid and only the spines needed.

    Call it after the scales are set, for they replace the ticks.
    """
    axes.set_xlabel(x_label, fontsize=LABEL_SIZE, color=BLACK)
    axes.set_ylabel(y_label, fontsize=LABEL_SIZE, color=BLACK)
    if title:
        axes.set_title(title, fontsize=TITLE_SIZE, loc="left", color=BLACK)
    axes.tick_params(which="both", labelsize=TEXT_SIZE, colors=BLACK)
    axes.yaxis.get_offset_text().set_fontsize(TEXT_SIZE)
    axes.grid(visible=True, which="major", color=LIGHT_GREY, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)


def add_legend(axes: Axes, **where) -> None:
    """Add a legend without a frame line, in the text size."""
    axes.legend(fontsize=TEXT_SIZE, frameon=True, framealpha=0.9, edgecolor="none", **where)
