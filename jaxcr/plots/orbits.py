"""Pictures of orbits: lines in space, where they left, and what was measured along them."""

import numpy as np
from jaxtyping import Array, Float
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure

from jaxcr.checks import check_one_of
from jaxcr.orbits import Exits, MeanFreePath, MomentScatter, RunningDiffusion, Tracks
from jaxcr.orbits.exits import REACHED
from jaxcr.plots.style import (
    BLACK,
    BLUE,
    GREEN,
    LABEL_SIZE,
    ORANGE,
    TEXT_SIZE,
    TITLE_SIZE,
    VERMILION,
    add_legend,
    new_figure,
    polish,
)

_LINES = 40
"""Orbits that are drawn in space: more hide each other."""

_SIGMAS = 2.0


def plot_orbits(
    tracks: Tracks,
    exits: Exits,
    strength: Float[Array | np.ndarray, "row column"],
    extent: tuple[float, float, float],
    *,
    title: str = "",
) -> Figure:
    """Draw orbits in space above a slice of the field, and where orbits ended on the sky.

    Parameters
    ----------
    tracks
        The first forty are drawn.
    exits
        Of one stop; coloured by path length, or by distance where all paths are equal. Those that
        met no stop are left out.
    strength
        |B| in µG on a square in the plane z = const, rows along y.
    extent
        x and y of the middle of that square and half its side, pc; it is drawn below the orbits.

    Raises
    ------
    ValueError
        For exits of several stops.
    """
    remedy = "Draw one figure for each stop."
    check_one_of("plot_orbits: axes of the exits", exits.position.ndim, [2], remedy=remedy)
    figure = new_figure(14, 6.5)
    if title:
        figure.suptitle(title, fontsize=TITLE_SIZE, color=BLACK)
    _draw_lines(figure.add_subplot(1, 2, 1, projection="3d"), tracks, np.asarray(strength), extent)
    _draw_exits(figure, figure.add_subplot(1, 2, 2, projection="mollweide"), tracks, exits)
    return figure


def _draw_lines(axes, tracks: Tracks, strength, extent) -> None:
    """Draw the lines, and the slice as a coloured floor."""
    position = np.asarray(tracks.position)[:, :_LINES]
    x, y, half = extent
    floor = float(position[..., 2].min()) - 0.05 * half
    u = np.linspace(x - half, x + half, strength.shape[1])
    v = np.linspace(y - half, y + half, strength.shape[0])
    axes.contourf(u, v, strength, zdir="z", offset=floor, levels=12, cmap="Greys", alpha=0.6,
                  zorder=0)  # fmt: skip
    for i in range(position.shape[1]):
        color = (BLUE, VERMILION, GREEN, ORANGE)[i % 4]
        axes.plot(*position[:, i].T, color=color, linewidth=0.8, alpha=0.8, zorder=1)
    top = float(position[..., 2].max())
    axes.set_box_aspect((1, 1, max((top - floor) / (2 * half), 0.5)))
    axes.computed_zorder = False  # the floor lies behind the lines, whatever its centre
    axes.set(zlim=(floor, top))
    axes.set(xlim=(x - half, x + half), ylim=(y - half, y + half))
    for name in "xyz":
        getattr(axes, f"set_{name}label")(f"{name} [pc]", fontsize=LABEL_SIZE, color=BLACK)
    axes.tick_params(labelsize=TEXT_SIZE - 2, colors=BLACK)
    axes.set_title(f"{position.shape[1]} orbits over |B|", fontsize=TITLE_SIZE, color=BLACK)


def _draw_exits(figure: Figure, axes, tracks: Tracks, exits: Exits) -> None:
    """Draw directions from the start to the ends, coloured by path."""
    good = np.asarray(exits.status) == REACHED
    away = np.asarray(exits.position - tracks.position[0])[good]
    label, color = "path [pc]", np.asarray(exits.path_length)[good]
    longitude = np.arctan2(away[:, 1], away[:, 0])
    size = np.maximum(np.linalg.norm(away, axis=1), np.finfo(float).tiny)
    if np.ptp(color) < 1e-5 * np.max(color, initial=0):  # a fixed path: the distance tells more
        label, color = "distance from the start [pc]", size
    latitude = np.arcsin(np.clip(away[:, 2] / size, -1, 1))
    norm = LogNorm() if np.all(color > 0) else None
    dots = axes.scatter(longitude, latitude, c=color, s=6, cmap="viridis", linewidths=0, norm=norm)
    bar = figure.colorbar(dots, ax=axes, shrink=0.5, location="bottom", pad=0.04)
    bar.set_label(label, fontsize=LABEL_SIZE, color=BLACK)
    bar.ax.tick_params(labelsize=TEXT_SIZE)
    axes.set_title(f"ends of {good.sum()} orbits, from the start", fontsize=TITLE_SIZE, color=BLACK)
    axes.grid(visible=True, linewidth=0.4)
    axes.tick_params(labelsize=TEXT_SIZE - 3, colors=BLACK)


def plot_transport(
    running: RunningDiffusion,
    free_path: MeanFreePath,
    moments: MomentScatter,
    axis: Float[Array, "xyz=3"],
    *,
    title: str = "",
) -> Figure:
    """Draw diffusion coefficients, the correlation of directions and the magnetic moment.

    Parameters
    ----------
    running, free_path, moments
        Of the same tracks. Bands are two jackknife errors wide on each side.
    axis
        Direction of the mean field.
    """
    figure = new_figure(14, 9)
    if title:
        figure.suptitle(title, fontsize=TITLE_SIZE, color=BLACK)
    axes = figure.subplots(2, 2)
    for tensor, how, style in (
        (running.by_derivative, "d<x²>/2ds", "-"),
        (running.by_velocity, "<n n>", "--"),
    ):
        for label, color, estimate in (
            ("along", BLUE, tensor.along(axis)),
            ("across", VERMILION, tensor.across(axis)),
        ):
            _band(
                axes[0, 0], tensor.path, estimate, label=f"{label}, {how}", color=color,
                linestyle=style,
            )  # fmt: skip
    add_legend(axes[0, 0])
    polish(axes[0, 0], x_label="path [pc]", y_label="kappa / v [pc]", title="diffusion")
    _band(axes[0, 1], free_path.path, free_path.correlation, color=BLUE, label="integral of <n n>")
    turning = float(free_path.turning.value)
    if np.isfinite(turning):
        axes[0, 1].axhline(turning, color=VERMILION, label="path to the first 90°")
    add_legend(axes[0, 1])
    polish(axes[0, 1], x_label="path [pc]", y_label="mean free path [pc]", title="free path")
    _band(axes[1, 0], moments.path, moments.ensemble, color=BLUE, label="ensemble mean")
    polish(axes[1, 0], x_label="path [pc]", y_label="p_perp² / |B|  [1/µG]", title="moment")
    ratio = np.asarray(moments.ratio)
    axes[1, 1].hist(ratio[np.isfinite(ratio)], bins=40, color=BLUE)
    polish(axes[1, 1], x_label="sigma / mean of the moment", y_label="orbits", title="its scatter")
    return figure


def _band(axes, path, estimate, *, label: str, color: str, linestyle: str = "-") -> None:
    path, value, error = (np.asarray(x) for x in (path, estimate.value, estimate.error))
    axes.plot(path, value, color=color, linestyle=linestyle, label=label)
    low, high = value - _SIGMAS * error, value + _SIGMAS * error
    axes.fill_between(path, low, high, color=color, alpha=0.2, linewidth=0)
