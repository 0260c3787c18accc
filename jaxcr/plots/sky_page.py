"""One page about a simulated sky: maps at each stop, spectra with bands, what a window sees."""

import numpy as np
from jaxtyping import Array, Float
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from jaxcr.checks import check_one_of
from jaxcr.plots.sky import CONVENTION, draw_map, sample_mollweide
from jaxcr.plots.spectrum import add_angles, draw_isotropic, set_limits
from jaxcr.plots.style import (
    BLACK,
    GREEN,
    GREY,
    LABEL_SIZE,
    TEXT_SIZE,
    TITLE_SIZE,
    VERMILION,
    add_legend,
    new_figure,
    polish,
)
from jaxcr.sky import GroundSpectrum, IsotropicBands, SpectrumBins, cascade_spectrum

_MOST_ROWS = 4
_ROW_HEIGHT, _SPECTRUM_HEIGHT = 3.7, 5.4
_UNIT = r"$\delta I/I$"

_Maps = Float[Array | np.ndarray, "stop pixel"]
_Spectra = Float[Array | np.ndarray, "stop ell"]


def plot_sky_page(
    *,
    maps: _Maps,
    rest: _Maps,
    labels: list[str],
    c_ell: _Spectra,
    noise: Float[Array | np.ndarray, " stop"],
    band: tuple[_Spectra, _Spectra] | None = None,
    isotropic: IsotropicBands | None = None,
    ground: tuple[Float[Array | np.ndarray, " pixel"], GroundSpectrum, SpectrumBins] | None = None,
    notes: str = "",
    title: str = "",
) -> Figure:
    """Draw the sky at every stop, with and without its dipole, and all spectra.

    Parameters
    ----------
    maps, rest
        dI/I with the dipole and without, RING order; of more than four stops four are shown.
    labels
        Of the stops.
    c_ell, noise
        Half-cross spectra from l = 0 and noise levels of the mean maps, sr.
    band
        Lower and upper edge of the spectra of other realisations, sr.
    isotropic
        Its 90 % band is drawn.
    ground
        Observed dI/I (equatorial), smoothed; its spectrum, and the bins of that.
    notes, title
        Text under the spectra, and above all.

    Raises
    ------
    ValueError
        When there is not one label for each stop.
    """
    for name, value in (("labels", labels), ("rest", rest), ("c_ell", c_ell), ("noise", noise)):
        check_one_of(f"plot_sky_page: number of {name}", len(value), [len(maps)])
    shown = _shown(len(maps))
    heights = [_ROW_HEIGHT] * len(shown) + [_SPECTRUM_HEIGHT]
    heights += [_SPECTRUM_HEIGHT] if ground is not None else []
    figure = new_figure(13, sum(heights) + 0.8)
    grid = figure.add_gridspec(len(heights), 2, height_ratios=heights)
    for row, stop in enumerate(shown):
        for column, (map, name) in enumerate(((maps, ""), (rest, ", dipole removed"))):
            axes = figure.add_subplot(grid[row, column], projection="mollweide")
            unit, factor = _scaled(map[stop])
            draw_map(axes, sample_mollweide(map[stop]) * factor, unit)
            axes.set_title(labels[stop] + name, fontsize=LABEL_SIZE, color=BLACK, pad=8)
    spectra = figure.add_subplot(grid[len(shown), :])
    _draw_spectra(spectra, labels, np.asarray(c_ell), np.asarray(noise), band, isotropic)
    if ground is not None:
        _draw_ground(figure, grid[len(shown) + 1, :], *ground)
    figure.suptitle(title, fontsize=TITLE_SIZE, color=BLACK)
    figure.supxlabel(
        f"stops: {CONVENTION}\n{notes}".strip(), fontsize=TEXT_SIZE - 1, color=GREY, linespacing=1.4
    )
    return figure


def _shown(num_stops: int) -> list[int]:
    """Return which stops have their maps drawn: all, or four from first to last."""
    if num_stops <= _MOST_ROWS:
        return list(range(num_stops))
    return np.linspace(0, num_stops - 1, _MOST_ROWS).round().astype(int).tolist()


def _scaled(map) -> tuple[str, float]:
    """Return a unit in powers of a thousand and the factor to it."""
    largest = float(np.nanmax(np.abs(map))) or 1.0
    power = int(np.clip(-3 * np.floor(np.log10(10 * largest) / 3), 0, 15))  # 0.1 to 100 of it
    return (rf"{_UNIT} $[10^{{-{power}}}]$" if power else _UNIT), 10.0**power


def _draw_spectra(axes: Axes, labels, c_ell, noise, band, isotropic) -> None:
    """Draw C_l of every stop with its band and noise, the cascade, and isotropic skies."""
    axes.set(xscale="log", yscale="log")
    ell = np.arange(1, c_ell.shape[1])
    colors = colormaps["viridis"](np.linspace(0, 0.85, len(labels)))
    shown = [c_ell[:, 1:].ravel()]
    for stop, (label, color) in enumerate(zip(labels, colors, strict=True)):
        value = np.where(c_ell[stop, 1:] > 0, c_ell[stop, 1:], np.nan)
        axes.plot(ell, value, color=color, lw=2, marker="o", ms=4, label=label)
        if band is not None:
            low, high = (np.asarray(edge)[stop, 1:] for edge in band)
            low = np.maximum(low, np.nanmin(value) / 10)
            axes.fill_between(ell, low, high, color=color, alpha=0.15, lw=0)
        axes.axhline(noise[stop], color=color, lw=1.2, ls=":")
    shape = np.asarray(cascade_spectrum(int(ell[-1])))[1:] * c_ell[-1, 1]
    axes.plot(ell, shape, color=GREEN, lw=2, ls=(0, (5, 2.5)), label="cascade of the last dipole")
    axes.plot([], [], color=GREY, lw=1.2, ls=":", label="noise of the mean map")
    if isotropic is not None:
        shown.append(draw_isotropic(axes, isotropic, ell))
    set_limits(axes, ell, shown)
    name = "half-cross spectra" + ("" if band is None else ", bands: 68 % of realisations")
    polish(axes, x_label=r"multipole $\ell$", y_label=r"$C_\ell$ [sr]", title=name)
    add_angles(axes)
    add_legend(axes, loc="lower left", ncols=2)


def _draw_ground(figure: Figure, place, observed, spectrum, bins) -> None:
    """Draw what an experiment sees: a smoothed map in equatorial coordinates, and spectra."""
    inner = place.subgridspec(1, 2)
    axes = figure.add_subplot(inner[0], projection="mollweide")
    unit, factor = _scaled(observed)
    draw_map(axes, sample_mollweide(observed) * factor, unit)
    axes.set_title("observed, equatorial, smoothed", fontsize=LABEL_SIZE, color=BLACK, pad=8)
    axes = figure.add_subplot(inner[1])
    axes.set(xscale="log", yscale="log")
    pseudo = np.asarray(spectrum.pseudo - spectrum.noise)[1:]
    ell = np.arange(1, pseudo.size + 1)
    seen = pseudo > 0
    axes.plot(ell[seen], pseudo[seen], "o", ms=5, color=GREY, label="in the window, less noise")
    shown = [pseudo]
    if spectrum.model is not None:
        forward = np.asarray(spectrum.model)[1:]
        axes.plot(ell, forward, color=GREY, lw=1.5, label="the model, through the window")
        shown.append(forward)
    value, error = np.asarray(spectrum.estimate.c_ell), np.asarray(spectrum.estimate.error)
    good = value > 0
    axes.errorbar(
        bins.degrees[good], value[good], yerr=np.minimum(error[good], 0.9 * value[good]), fmt="s",
        ms=6, color=VERMILION, mec="white", elinewidth=1.8, capsize=3, label="deconvolved",
    )  # fmt: skip
    upper = bins.degrees[~good], value[~good] + 2 * error[~good]
    if upper[0].size:
        axes.plot(*upper, ls="none", marker=r"$\downarrow$", ms=13, color=VERMILION,
                  label="limit, 2 sigma")  # fmt: skip
    set_limits(axes, ell, [*shown, value, upper[1]])
    polish(axes, x_label=r"multipole $\ell$", y_label=r"$C_\ell$ [sr]")
    add_legend(axes, loc="best")
