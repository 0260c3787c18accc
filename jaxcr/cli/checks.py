"""Reject settings that cannot work or contradict each other before anything is computed."""

import importlib.util
import math

import jax
import numpy as np

from jaxcr.checks import argument_error, check_positive, check_range
from jaxcr.cli.config import Fit, SkyConfig
from jaxcr.cli.field_source import check_source, has_cube
from jaxcr.cli.limits import check_one_of_both, check_place
from jaxcr.cli.sky_config import Sky
from jaxcr.infer import SkyEnsemble
from jaxcr.observed import SpectrumData
from jaxcr.sky import check_lmax, check_nside, check_per_pixel

_RIGIDITIES = (1e-9, 1e9)
"""PV: 1 MV, below which no charge is a cosmic ray, to a million times the highest observed."""

_MOST_STEPS = 1e7


def check_fit(config: Fit) -> None:
    """Raise ``ValueError`` for settings with which a fit would fail later."""
    if not jax.config.jax_enable_x64:
        raise ValueError(
            "fit: expected float64, got JAX_ENABLE_X64=0. Covariances of C_l need it: unset "
            "JAX_ENABLE_X64."
        )
    check_one_of_both(
        "--target, --simulate", config.target is not None, config.simulate is not None,
        remedy="Choose what to fit.",
    )  # fmt: skip
    _at_least(
        ("--skies", config.skies, 1),
        ("--target-skies", config.target_skies, 1),
        ("--num-starts", config.num_starts, 1),
        ("--adam-steps", config.adam_steps, 1),
        ("--gradient-fields", config.gradient_fields or 0, 0),
        ("--traps.num-sites", config.traps.num_sites, 3),
    )
    check_range("--traps.edge-width", config.traps.edge_width, 0, math.pi / 2, remedy="In rad.")
    if config.posterior == "nuts" and importlib.util.find_spec("blackjax") is None:
        raise ValueError(
            "--posterior nuts: expected the package blackjax, got none. It comes with: "
            "pip install 'jaxcr[bayes]'."
        )
    if config.plant and config.simulate is None:
        raise ValueError(
            "--plant: expected --simulate beside it, got a plain fit. Give a seed with --simulate."
        )
    if config.gradient_fields == 1:
        raise ValueError(
            "--gradient-fields: expected 0, or at least 2, got 1. Errors are between fields."
        )
    _check_energy(config)
    _check_skies(config.sky)


def _check_energy(config: Fit) -> None:
    """Raise for settings that say nothing beside, or without, an energy."""
    if config.recompute and config.energy is None:
        raise ValueError(
            "--recompute: expected --energy beside it, got none. Name an energy, such as 20TeV."
        )
    check_one_of_both(
        "--sky.*, --energy", config.energy is not None, config.sky != SkyConfig(),
        remedy="The skies of an energy are fixed; leave out --sky.*.",
    )  # fmt: skip


def check_data(data: SpectrumData, skies: SkyEnsemble) -> None:
    """Raise ``ValueError`` when the data reach beyond the simulated multipoles."""
    check_range(
        "fit: multipoles of the data", int(data.ell[-1]), 0, skies.lmax,
        expected=f"at most {skies.lmax}, the largest of the simulated skies",
        remedy="Leave the higher ones out; without --energy, raise --sky.lmax, --sky.nside.",
    )  # fmt: skip


def check_sky(config: Sky) -> None:
    """Raise ``ValueError`` for settings with which a sky would fail later."""
    check_nside(config.nside, "--nside")
    check_lmax(config.lmax, config.nside, "--lmax")
    check_per_pixel(config.per_pixel, "--per-pixel", halves=True)
    check_source(config.particles, config.cube, config.turbulence)
    _at_least(("--lmax", config.lmax, 2), ("--realisations", config.realisations, 1))
    check_range(
        "--window.bin-width", config.window.bin_width, 1, config.lmax, remedy="Of multipoles."
    )
    check_range("--window.declination", config.window.declination, -90, 90, remedy="In degrees.")
    check_range("--events", config.events, 1)
    if config.amplitude == 0:
        raise ValueError("--amplitude: expected a number other than 0, got 0. No sky has none.")
    check_positive("--max-path", config.max_path)
    check_positive("--response-width", config.response_width)
    check_rigidity(config.rigidity)
    if not config.radius and not config.path:
        raise ValueError("--radius, --path: expected lengths in pc, got none. Give one of them.")
    for name, stops in (("--radius", config.radius), ("--path", config.path)):
        check_stops(name, stops)
    if config.radius and config.max_path is not None:
        check_range("--max-path", config.max_path, config.radius[-1], remedy="Spheres are as far.")
    if config.boundary == "convection":
        check_range("--amplitude", config.amplitude, -1, 1, ends="()", remedy="It is V over c.")
    check_place("--observer", config.observer)
    check_direction(config.mean_direction)
    if config.realisations > 1 and has_cube(config.cube):
        raise ValueError(
            f"--realisations: expected 1 with a cube, got {config.realisations}. A cube is one "
            "realisation; leave it out, or move the observer."
        )


def check_rigidity(rigidity: float) -> None:
    """Raise ``ValueError`` for a rigidity that no particle can be traced with."""
    check_range(
        "--rigidity", abs(rigidity), *_RIGIDITIES,
        expected="a rigidity in PV other than 0, from {:g} to {:g}".format(*_RIGIDITIES),
        remedy="Its sign is that of the charge.",
    )  # fmt: skip


def check_stops(name: str, stops: tuple[float, ...]) -> None:
    """Raise ``ValueError`` unless radii or paths are positive and rise."""
    check_positive(name, stops, remedy="In pc.")
    if not np.all(np.diff(stops) > 0):
        raise argument_error(
            name, expected="lengths in strictly rising order", got=list(stops), remedy="Sort them."
        )


def check_direction(direction: tuple[float, ...]) -> None:
    """Raise ``ValueError`` unless ``--mean-direction`` is one, or left out."""
    if direction:
        check_place("--mean-direction", direction)
        check_positive(
            "--mean-direction", math.hypot(*direction), expected="a vector other than 0",
            remedy="Its length does not matter.",
        )  # fmt: skip


def _check_skies(sky: SkyConfig) -> None:
    """Raise for an ensemble of skies that cannot be simulated."""
    check_nside(sky.nside, "--sky.nside")
    check_lmax(sky.lmax, sky.nside, "--sky.lmax")
    check_per_pixel(sky.per_pixel, "--sky.per-pixel", halves=True)
    _at_least(
        ("--sky.num-fields", sky.num_fields, 2),
        ("--sky.observers-per-axis", sky.observers_per_axis, 1),
        ("--sky.lmax", sky.lmax, 1),
        ("--sky.boundary-lmax", sky.boundary_lmax, 1),
        ("--sky.cells", sky.cells, 2),
    )
    for name in ("gyroradius", "path", "step"):
        check_positive(f"--sky.{name}", getattr(sky, name))
    check_range(
        "--sky.step", sky.step, sky.path * sky.gyroradius / _MOST_STEPS,
        remedy="Orbits of --sky.path gyroradii would have too many steps.",
    )  # fmt: skip
    if sky.num_nodes is not None:
        _at_least(("--sky.num-nodes", sky.num_nodes, 4))
    if not sky.vary or len(set(sky.vary)) < len(sky.vary):
        raise argument_error(
            "--sky.vary",
            expected="one parameter of the turbulence or more, each once",
            got=" ".join(sky.vary) or "none",
            remedy="level is dB/B0.",
        )


def _at_least(*settings: tuple[str, int | float, int]) -> None:
    for name, value, least in settings:
        if not value >= least:
            raise ValueError(f"{name}: expected at least {least}, got {value}.")
