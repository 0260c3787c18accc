"""Pictures of a posterior: pairs of parameters by the package corner, and profiles."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Array, Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from jaxcr.checks import argument_error, check_range, check_shape
from jaxcr.plots.style import BLACK, BLUE, LABEL_SIZE, ORANGE, VERMILION, new_figure, polish

_INCHES = 2.4
_SHARES = (0.683, 0.954)
_LEVELS = (1.0, 3.84)  # quantiles of chi² with 1 degree of freedom at 68.3 % and 95 %
_TOP = 6.0


def plot_corner(
    samples: Float[Array | np.ndarray, "sample parameter"],
    names: Sequence[str],
    *,
    weights: Float[Array | np.ndarray, " sample"] | None = None,
    truth: Float[Array | np.ndarray, " parameter"] | None = None,
) -> Figure:
    """Draw the distribution of every parameter and of every pair, with 68 % and 95 % regions.

    Parameters
    ----------
    samples, names
        Of the parameters to show; leave fixed ones out.
    weights
        Of the samples; equal without them.
    truth
        Values that were planted, drawn as lines.

    Raises
    ------
    ImportError
        Without corner, with the line that installs it.
    ValueError
        When the names are not as many as the parameters, or a parameter does not vary.
    """
    samples = np.asarray(samples, float)
    _check_samples(samples, names)
    from jaxcr.infer.posterior.extra import bayes_package

    size = _INCHES * max(2, len(names))
    figure = new_figure(size, size)
    figure.set_layout_engine(None)  # corner places the axes itself
    bayes_package("corner").corner(
        samples,
        labels=list(names),
        weights=None if weights is None else np.asarray(weights, float),
        truths=None if truth is None else [float(x) for x in truth],
        truth_color=ORANGE,
        color=BLUE,
        bins=30,
        smooth=1.0,
        levels=_SHARES,
        quantiles=(0.16, 0.5, 0.84),
        plot_datapoints=False,
        fill_contours=True,
        label_kwargs={"fontsize": LABEL_SIZE, "color": BLACK},
        fig=figure,
    )
    return figure


def plot_profiles(
    profiles: Sequence[tuple[str, Float[np.ndarray, " point"], Float[np.ndarray, " point"]]],
    *,
    truth: Sequence[float] | None = None,
) -> Figure:
    """Draw the rise of -2 ln L along each parameter, and the levels of 68 % and 95 %.

    Parameters
    ----------
    profiles
        ``(name, grid, rise)`` of each parameter.
    truth
        Values that were planted, in the same order.

    Raises
    ------
    ValueError
        Without a profile.
    """
    remedy = "Pass (p.name, p.grid, p.rise) of each profile p."
    check_range("plot_profiles: number of profiles", len(profiles), 1, remedy=remedy)
    columns = min(len(profiles), 4)
    rows = -(-len(profiles) // columns)
    figure = new_figure(4.2 * columns, 3.8 * rows)
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for i, (name, grid, rise) in enumerate(profiles):
        _draw_profile(axes[i], name, np.asarray(grid), np.asarray(rise), first=i % columns == 0)
        if truth is not None:
            axes[i].axvline(float(truth[i]), color=ORANGE, lw=2.0)
    for empty in axes[len(profiles) :]:
        empty.set_visible(False)
    return figure


def _draw_profile(axes: Axes, name: str, grid: np.ndarray, rise: np.ndarray, first: bool) -> None:
    """Draw one curve up to the top of the panel, and mark the levels."""
    axes.plot(grid, rise, color=BLUE, lw=2.2, marker="o", ms=3.5)
    for level, text in zip(_LEVELS, ("68 %", "95 %"), strict=True):
        axes.axhline(level, color=VERMILION, lw=1.2, ls="--")
        axes.annotate(
            text,
            (0.99, level),
            xycoords=("axes fraction", "data"),
            ha="right",
            va="bottom",
            color=VERMILION,
            fontsize=11,
        )
    shown = rise <= 1.5 * _TOP
    axes.set_xlim(grid[shown][0], grid[shown][-1])
    axes.set_ylim(0, _TOP)
    polish(axes, x_label=name, y_label=r"$-2\,\Delta\,\ln L$" if first else "")


def _check_samples(samples: np.ndarray, names: Sequence[str]) -> None:
    remedy = "Leave the columns of fixed parameters out of the samples."
    check_shape("plot_corner: names", names, samples.shape[1:], remedy=remedy)
    still = [name for name, x in zip(names, samples.T, strict=True) if np.ptp(x) == 0]
    if still:
        raise argument_error(
            "plot_corner: samples",
            expected="parameters that vary",
            got=f"one value of {', '.join(still)}",
            remedy="Leave the columns of fixed parameters out of the samples.",
        )
