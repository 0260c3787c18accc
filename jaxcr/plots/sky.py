"""Picture of a sky map in the Mollweide projection, with its dipole and without."""

import math

import numpy as np
from jaxtyping import Array, Float
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from jaxcr.plots.style import BLACK, GREY, LABEL_SIZE, TEXT_SIZE, TITLE_SIZE, new_figure
from jaxcr.sky.healpix import containing_pixel, nside_of
from jaxcr.sky.healpix.grid import without_unseen

_COLUMNS = 720  # half a degree, finer than the pixels of nside 64
CONVENTION = "axes of the field: the centre is +x; north is +z; longitude grows to the left"


def plot_sky(
    before: Float[Array | np.ndarray, " pixel"],
    after: Float[Array | np.ndarray, " pixel_after"],
    *,
    title: str = "",
    unit: str = r"$\delta I/I\ [10^{-3}]$",
    scale: float | int = 1e3,
) -> Figure:
    """Draw a map before and after its dipole was removed, each with its own colour bar.

    Parameters
    ----------
    before, after
        HEALPix maps in RING order, (pixel,), as arrival directions p in the field's frame. NaN
        and healpy's UNSEEN are grey.
    title, unit, scale
        Title; label of the colour bars; factor from the map to that unit.

    Raises
    ------
    ValueError
        If a map has no HEALPix size.

    Notes
    -----
    Mollweide's projection keeps areas. The centre is +x; longitude grows to the left, as the sky
    is seen from inside. Each point shows the pixel it lies in. Colours are symmetric about zero
    up to the largest value.
    """
    figure = new_figure(13, 5.2)
    figure.get_layout_engine().set(h_pad=0.1)
    names = ("with the dipole", "dipole removed")
    for place, (map, name) in enumerate(zip((before, after), names, strict=True)):
        axes = figure.add_subplot(1, 2, place + 1, projection="mollweide")
        draw_map(axes, sample_mollweide(map) * scale, unit)
        axes.set_title(name, fontsize=LABEL_SIZE, color=BLACK, pad=8)
    if title:
        figure.suptitle(title, fontsize=TITLE_SIZE, color=BLACK)
    figure.supxlabel(CONVENTION, fontsize=TEXT_SIZE - 1, color=GREY)
    return figure


def sample_mollweide(
    map: Float[Array | np.ndarray, " pixel"], *, num_columns: int = _COLUMNS
) -> Float[np.ndarray, "row column"]:
    """Return the map on a grid of latitude and longitude, each node its nearest pixel's value.

    Parameters
    ----------
    map
        (pixel,), RING order.
    num_columns
        Points in longitude, even.

    Returns
    -------
    (num_columns/2, num_columns): latitude rises with the row from -90°, and longitude falls
    with the column from 180° to -180°, nodes at the middle of the cells. NaN where unseen.
    """
    map = np.asarray(map, dtype=float)
    num_rows = num_columns // 2
    longitude = np.radians(180 - (np.arange(num_columns) + 0.5) * 360 / num_columns)
    latitude = np.radians(-90 + (np.arange(num_rows) + 0.5) * 180 / num_rows)[:, None]
    across = np.cos(latitude)
    towards = np.broadcast_arrays(
        across * np.cos(longitude), across * np.sin(longitude), np.sin(latitude)
    )
    pixel = containing_pixel(nside_of(map.size), np.stack(towards, axis=-1))
    return np.asarray(without_unseen(map), float)[pixel]


def draw_map(axes: Axes, grid: Float[np.ndarray, "row column"], unit: str) -> None:
    """Fill the ellipse with the samples of `sample_mollweide`, and put a colour bar below."""
    num_rows, num_columns = grid.shape
    largest = np.max(np.abs(grid), initial=0.0, where=np.isfinite(grid)) or 1.0
    mesh = axes.pcolormesh(
        np.linspace(-math.pi, math.pi, num_columns + 1),
        np.linspace(-math.pi / 2, math.pi / 2, num_rows + 1),
        np.ma.masked_invalid(grid),
        cmap=colormaps["RdBu_r"], vmin=-largest, vmax=largest, rasterized=True,
    )  # fmt: skip
    axes.set_facecolor("#c8c8c8")
    _draw_graticule(axes)
    bar = axes.figure.colorbar(mesh, ax=axes, orientation="horizontal", shrink=0.62, aspect=28)
    bar.set_label(unit, fontsize=LABEL_SIZE, color=BLACK)
    bar.ax.tick_params(labelsize=TEXT_SIZE, colors=BLACK)
    bar.outline.set_linewidth(0.6)


def _draw_graticule(axes: Axes) -> None:
    """Draw thin lines, labelled by latitude at the edge and by longitude on the equator."""
    axes.grid(visible=True, color=BLACK, linewidth=0.5, alpha=0.3)
    axes.set_xticks(np.radians([-120, -60, 0, 60, 120]))
    axes.set_xticklabels(["120°", "60°", "0°", "−60°", "−120°"])
    axes.set_yticks(np.radians([-60, -30, 0, 30, 60]))
    axes.set_yticklabels(["−60°", "−30°", "0°", "30°", "60°"])
    axes.tick_params(axis="x", labelsize=TEXT_SIZE - 2, colors=BLACK)
    axes.tick_params(axis="y", labelsize=TEXT_SIZE - 1, colors=BLACK)
