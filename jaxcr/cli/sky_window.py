"""What an observatory on the ground would make of a simulated sky."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxcr import sky
from jaxcr.cli.mean_field import angles
from jaxcr.cli.output import quantity
from jaxcr.cli.sky_config import Sky, WindowConfig

_DISC = np.radians(10.0)  # over which the observed map is averaged for the picture


class Ground(NamedTuple):
    """Arguments of the picture, what goes into the result file, and what the table has."""

    picture: tuple
    numbers: dict
    report: dict[str, Any]


class Opened(NamedTuple):
    """A window and how it couples the multipoles of a sky, before there is one."""

    window: sky.SkyWindow
    coupling: sky.PseudoCoupling
    bins: sky.SpectrumBins


def open_window(config: Sky) -> Opened:
    """Return the window by its name; raise for one that no spectrum can be deconvolved from."""
    window = _window(config.window, config.nside)
    coupling = sky.pseudo_coupling(window, lmax=config.lmax, exposure_weighted=True)
    return Opened(window, coupling, sky.uniform_bins(1, config.lmax, config.window.bin_width))


def observe_from_ground(
    config: Sky, opened: Opened, map: np.ndarray, axis: jax.Array
) -> tuple[Ground, str]:
    """Observe a map in the axes of the field through a window and deconvolve its spectrum.

    Parameters
    ----------
    opened
        From `open_window`.
    map
        dI/I of the whole sky, (pixel,).
    axis
        Of the mean field, (3,), which the settings place on the sky.

    Returns
    -------
    Numbers and arguments of the picture, and a table of the bins.
    """
    settings = config.window
    equatorial = _rotate(settings, map, config.lmax, axis)
    window, coupling, bins = opened
    observed = sky.observe(
        equatorial, window, num_events=config.events, seed=config.turbulence.seed
    )
    model = sky.power_spectrum(equatorial, lmax=config.lmax)
    options = {"model": model, "exposure_weighted": True}
    # An observer does not know the spectrum inside the bins: a first inversion tells its shape.
    first = observed.spectrum(coupling, bins, **options).estimate
    guess = sky.fiducial_from(first, coupling.lmax_in)
    found = observed.spectrum(coupling, bins, fiducial=guess, **options)
    smooth = sky.top_hat_smooth(
        observed.relative_intensity, radius=_DISC, weight=observed.background
    )
    picture = (np.where(window.seen, smooth, np.nan), found, bins)
    numbers = {
        "equatorial_map": equatorial,
        "smoothed": smooth,
        "relative_intensity": observed.relative_intensity,
        "error": observed.error,
        "exposure": window.exposure,
        "pseudo": found.pseudo,
        "noise": found.noise,
        "model": found.model,
        "bin_edges": np.asarray(bins.edges),
        "c_ell": found.estimate.c_ell,
        "c_ell_error": found.estimate.error,
    }
    report = {
        "experiment": settings.experiment,
        "sky_fraction": float(window.sky_fraction),
        "condition": float(sky.binned_condition(coupling, bins)),
        "ell": list(bins.labels()),
        "c_ell": quantity(np.asarray(found.estimate.c_ell), np.asarray(found.estimate.error), "sr"),
        "whole_sky": quantity(np.asarray(bins.bin(model)), unit="sr"),
    }
    return Ground(picture, numbers, report), _table(report)


def _rotate(settings: WindowConfig, map: np.ndarray, lmax: int, axis: jax.Array):
    """Return the map in equatorial coordinates, its multipoles up to lmax exact."""
    rotation = sky.field_to_equatorial(
        np.radians(settings.right_ascension), np.radians(settings.declination)
    )
    from_field = sky.field_to_equatorial(*angles(axis))  # x to the axis
    return sky.rotate_map(jnp.asarray(map), rotation @ from_field.T, lmax=lmax)


def _window(settings: WindowConfig, nside: int) -> sky.SkyWindow:
    """Return the window by its name."""
    makers = {
        "icecube": lambda: sky.icecube_window(nside),
        "hawc": lambda: sky.hawc_window(nside),
        "combined": lambda: sky.combined_window(sky.icecube_window(nside), sky.hawc_window(nside)),
    }
    return makers[settings.experiment]()


def _table(report: dict[str, Any]) -> str:
    """Return the deconvolved spectrum beside that of the whole sky."""
    rows = [
        f"{report['experiment']}: {report['sky_fraction']:.0%} of the sky, each declination "
        f"against its mean; condition of the binned mixing matrix {report['condition']:.3g}",
        f"{'l':>7} {'deconvolved C_l [sr]':>26} {'whole sky':>11}",
    ]
    c_ell, whole = report["c_ell"], report["whole_sky"]["value"]
    for label, *row in zip(report["ell"], c_ell["value"], c_ell["error"], whole, strict=True):
        value, error, truth = map(float, row)
        rows.append(f"{label:>7} {value:13.3e} ± {error:10.1e} {truth:11.3e}")
    return "\n".join([*rows, "errors: statistical and from sky to sky"])
