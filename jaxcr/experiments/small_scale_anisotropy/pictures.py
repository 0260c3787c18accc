"""Parts of pictures that several results share: panels of skies, axes of spectra."""

import math

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy.stats import chi2

from jaxcr import sky
from jaxcr.experiments.small_scale_anisotropy.skies import DIPOLE_POWER, PUBLISHED_EVENTS, Spectra
from jaxcr.plots.sky import CONVENTION, draw_map, sample_mollweide
from jaxcr.plots.style import BLACK, GREY, LABEL_SIZE, TEXT_SIZE, new_figure, polish

_BEAM = math.radians(3) * math.sqrt(8 * math.log(2))
"""Full width of the published smoothing, sigma = 3°."""


def draw_skies(maps: dict[str, Float[np.ndarray, " pixel"]], *, rows: int, title: str) -> Figure:
    """Return maps of dI/I over the boundary's dipole, smoothed as published, in the field frame."""
    columns = -(-len(maps) // rows)
    figure = new_figure(6.5 * columns, 4.6 * rows)
    figure.get_layout_engine().set(h_pad=0.1)
    for place, (name, values) in enumerate(maps.items()):
        axes = figure.add_subplot(rows, columns, place + 1, projection="mollweide")
        smooth = sky.smooth(np.asarray(values - np.mean(values)), fwhm=_BEAM)
        draw_map(axes, sample_mollweide(smooth), r"$\delta I/I$ over the boundary's dipole")
        axes.set_title(name, fontsize=LABEL_SIZE, color=BLACK, pad=8)
    figure.suptitle(title, fontsize=LABEL_SIZE, color=BLACK)
    figure.supxlabel(CONVENTION, fontsize=TEXT_SIZE - 1, color=GREY)
    return figure


def isotropic_band(lmax: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the 5th and 95th percentile of C_l of 1e5 isotropic arrivals, l = 1 ... lmax.

    In units of the boundary's dipole power; C_l (2l+1) N / 4 pi follows chi² with 2l+1 degrees.
    """
    degrees = 2 * np.arange(1, lmax + 1) + 1
    level = 4 * np.pi / PUBLISHED_EVENTS / DIPOLE_POWER / degrees
    return chi2.ppf(0.05, degrees) * level, chi2.ppf(0.95, degrees) * level


def draw_spectrum(axes: Axes, spectra: Float[np.ndarray, "field ell"], color, label: str) -> None:
    """Draw the mean over fields, and the band of 68 % of them."""
    ell = np.arange(1, spectra.shape[1])
    mean = spectra[:, 1:].mean(axis=0)
    low, high = np.percentile(spectra[:, 1:], [16, 84], axis=0)
    axes.plot(ell, np.where(mean > 0, mean, np.nan), color=color, lw=2, label=label)
    axes.fill_between(ell, np.maximum(low, 1e-6 * mean), high, color=color, alpha=0.15, lw=0)


def draw_isotropic(axes: Axes, lmax: int, factor: float = 1.0) -> None:
    """Draw the band of isotropic arrivals, times a factor."""
    low, high = isotropic_band(lmax)
    axes.fill_between(np.arange(1, lmax + 1), factor * low, factor * high, color=GREY, alpha=0.35,
                      lw=0, label="isotropic, 100,000 arrivals, 90 %")  # fmt: skip


def finish_spectrum(axes: Axes, y_label: str, title: str) -> None:
    """Set the logarithmic axes and the labels."""
    axes.set(xscale="log", yscale="log")
    axes.legend(fontsize=TEXT_SIZE - 1, frameon=False, loc="lower left")
    polish(axes, x_label=r"multipole $\ell$", y_label=y_label, title=title)


def spectra_numbers(spectra: Spectra) -> dict:
    """Return mean, standard error and 68 % band of each stop, as JSON has them."""
    num = len(spectra)
    return {
        "unit": "C_1 of the boundary's dipole, 4 pi / 9 sr",
        "mean": spectra.mean(axis=0).tolist(),
        "error": (spectra.std(axis=0, ddof=1) / np.sqrt(num)).tolist(),
        "band_68": np.percentile(spectra, [16, 84], axis=0).tolist(),
        "fields": num,
    }
