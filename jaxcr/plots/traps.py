"""Pictures of a chain of traps: densities, variants, relaxation, and the sky in one trap."""

import numpy as np
from jaxtyping import Array, Float
from matplotlib.figure import Figure

from jaxcr.infer import DensityFit, DensityProfile
from jaxcr.plots.style import (
    BLACK,
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    TITLE_SIZE,
    VERMILION,
    add_legend,
    new_figure,
    polish,
)

Values = Float[Array | np.ndarray, " site"]

_COSINES = 801
_WIDE_RANGE = 30.0
"""Values that differ by more than this factor go on a logarithmic axis."""


def plot_traps(
    *,
    profiles: dict[str, Values],
    variants: dict[str, Values],
    coefficients: Float[Array | np.ndarray, " ell"],
    place: int,
    relaxation: Float[Array | np.ndarray, "time site"],
    relaxation_times: tuple[float, ...],
    steady: Float[Array | np.ndarray, " site"],
    title: str = "",
) -> Figure:
    """Draw a chain on one page.

    Parameters
    ----------
    profiles
        Occupations by name, for gradients of either sign and none.
    variants
        Phase-space densities by name.
    coefficients, place
        Legendre coefficients of the distribution in one trap, and its number.
    relaxation, relaxation_times, steady
        Occupations at times in units of one time, and in the end.
    """
    figure = new_figure(13, 9)
    upper_left, upper_right, lower_left, lower_right = figure.subplots(2, 2).ravel()
    if title:
        figure.suptitle(title, fontsize=TITLE_SIZE, color=BLACK)
    _draw_along(upper_left, profiles, "occupation $n_k$", "fed at the right end")
    _draw_along(upper_right, variants, "phase-space density $f_k$", "two variants")
    _draw_distribution(lower_left, np.asarray(coefficients), place)
    _draw_relaxation(lower_right, relaxation, relaxation_times, steady)
    return figure


def plot_density_fit(profile: DensityProfile, best: DensityFit) -> Figure:
    """Draw measured occupations with their errors, and the fitted chain."""
    figure = new_figure(9, 5.5)
    axes = figure.subplots()
    site = np.arange(1, best.occupation.shape[0] + 1)
    axes.plot(site, np.asarray(best.occupation), color=BLUE, lw=2, label="fit")
    axes.errorbar(
        np.asarray(profile.site) + 1, np.asarray(profile.occupation), np.asarray(profile.error),
        fmt="o", color=VERMILION, ms=5, capsize=2, label="data",
    )  # fmt: skip
    add_legend(axes)
    polish(
        axes, x_label="site $k$", y_label="occupation $n_k$",
        title=f"R = {float(best.mirror_ratio):.3g} ± {float(best.mirror_ratio_error):.1g}, "
        f"ln(B1/B2) = {float(best.gradient):.3g} ± {float(best.gradient_error):.1g}",
    )  # fmt: skip
    return figure


def _draw_along(axes, curves: dict, label: str, title: str) -> None:
    """Draw curves over the site number."""
    for (name, values), color in zip(curves.items(), (BLUE, GREY, VERMILION), strict=False):
        site = np.arange(1, len(values) + 1)
        axes.plot(site, np.asarray(values), color=color, lw=2, label=name)
    _choose_scale(axes, np.concatenate([np.asarray(x) for x in curves.values()]))
    add_legend(axes)
    polish(axes, x_label="site $k$", y_label=label, title=title)


def _draw_distribution(axes, coefficients: np.ndarray, place: int) -> None:
    """Draw the distribution over the pitch-angle cosine, as its series has it."""
    cosine = np.linspace(-1, 1, _COSINES)
    series = np.polynomial.legendre.legval(cosine, coefficients / coefficients[0])
    axes.plot(cosine, series, color=GREEN, lw=2)
    axes.axhline(1, color=GREY, lw=1)
    polish(
        axes, x_label=r"cosine $\mu$ (right is up the chain)", y_label="$f(\\mu)/f_0$",
        title=f"in trap {place}, to l = {len(coefficients) - 1}",
    )  # fmt: skip


def _draw_relaxation(axes, relaxation, times, steady) -> None:
    """Draw how an empty chain fills."""
    site = np.arange(1, len(steady) + 1)
    colors = (ORANGE, GREEN, BLUE, VERMILION, GREY)
    for row, time, color in zip(np.asarray(relaxation), times, colors, strict=False):
        axes.plot(site, np.maximum(row, 0), color=color, lw=1.6, label=f"t = {time:g} τ")
    axes.plot(site, np.asarray(steady), color=BLACK, lw=2, ls="--", label="steady")
    _choose_scale(axes, np.asarray(steady))
    add_legend(axes)
    polish(axes, x_label="site $k$", y_label="occupation $n_k$", title="an empty chain fills")


def _choose_scale(axes, values: np.ndarray) -> None:
    """Take logarithms where values span a wide range, and start at zero elsewhere."""
    positive = values[values > 0]
    if positive.size and positive.max() > _WIDE_RANGE * positive.min():
        axes.set_yscale("log")
        axes.set_ylim(bottom=max(0.5 * positive.min(), 1e-12 * positive.max()))
    else:
        axes.set_ylim(bottom=0)
