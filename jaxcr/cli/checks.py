"""Reject settings that cannot work or contradict each other before anything is computed."""

import jax

from jaxcr.checks import argument_error
from jaxcr.cli.config import Fit, SkyConfig
from jaxcr.cli.field_source import check_source, has_cube
from jaxcr.cli.sky_config import Sky
from jaxcr.infer import SkyEnsemble
from jaxcr.observed import SpectrumData
from jaxcr.sky import check_lmax, check_nside, check_per_pixel


def check_fit(config: Fit) -> None:
    """Raise ``ValueError`` for settings with which a fit would fail later."""
    if not jax.config.jax_enable_x64:
        raise ValueError(
            "fit: expected float64, got JAX_ENABLE_X64=0. Covariances of C_l need it: unset "
            "JAX_ENABLE_X64."
        )
    if config.target is not None and config.simulate is not None:
        raise ValueError(
            "fit: expected one of --target and --simulate, got both. Choose what to fit."
        )
    _at_least(
        ("--skies", config.skies, 1),
        ("--target-skies", config.target_skies, 1),
        ("--num-starts", config.num_starts, 1),
        ("--adam-steps", config.adam_steps, 1),
        ("--gradient-fields", config.gradient_fields or 0, 0),
        ("--traps.num-sites", config.traps.num_sites, 3),
        ("--traps.edge-width", config.traps.edge_width, 0),
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
    if config.energy is not None and config.sky != SkyConfig():
        raise ValueError(
            "--sky.*, --energy: expected one of them, got both. The skies of an energy are fixed; "
            "leave out --sky.*."
        )


def check_data(data: SpectrumData, skies: SkyEnsemble) -> None:
    """Raise ``ValueError`` when the data reach beyond the simulated multipoles."""
    if data.ell[-1] > skies.lmax:
        raise argument_error(
            "fit: multipoles of the data",
            expected=f"at most {skies.lmax}, the largest of the simulated skies",
            got=int(data.ell[-1]),
            remedy="Leave the higher ones out; without --energy, raise --sky.lmax, --sky.nside.",
        )


def check_sky(config: Sky) -> None:
    """Raise ``ValueError`` for settings with which a sky would fail later."""
    check_nside(config.nside, "--nside")
    check_lmax(config.lmax, config.nside, "--lmax")
    check_per_pixel(config.per_pixel, "--per-pixel", halves=True)
    check_source(config.particles, config.cube, config.turbulence)
    _at_least(
        ("--lmax", config.lmax, 2),
        ("--realisations", config.realisations, 1),
        ("--window.bin-width", config.window.bin_width, 1),
    )
    _positive(("--events", config.events))
    for name, values in (("--radius", config.radius), ("--path", config.path)):
        _positive(*((name, value) for value in values))
    for name, value in (("--max-path", config.max_path),
                        ("--response-width", config.response_width)):  # fmt: skip
        if value is not None:
            _positive((name, value))
    check_rigidity(config.rigidity)
    if not config.radius and not config.path:
        raise ValueError("--radius, --path: expected lengths in pc, got none. Give one of them.")
    check_place("--observer", config.observer)
    if config.realisations > 1 and has_cube(config.cube):
        raise ValueError(
            f"--realisations: expected 1 with a cube, got {config.realisations}. A cube is one "
            "realisation; leave it out, or move the observer."
        )


def check_rigidity(rigidity: float) -> None:
    """Raise ``ValueError`` for a rigidity that no particle can be traced with."""
    if not 0 < abs(rigidity) < float("inf"):
        raise argument_error(
            "--rigidity",
            expected="a rigidity in PV other than 0",
            got=f"{rigidity:g}",
            remedy="Its sign is that of the charge.",
        )


def check_place(name: str, place: tuple[float, ...]) -> None:
    """Raise ``ValueError`` unless a setting is a position."""
    if len(place) != 3:
        raise argument_error(
            name, expected="three numbers", got=len(place), remedy="Give x y z in pc."
        )


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
    _positive(
        ("--sky.gyroradius", sky.gyroradius), ("--sky.path", sky.path), ("--sky.step", sky.step)
    )
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


def _positive(*settings: tuple[str, int | float]) -> None:
    for name, value in settings:
        if not 0 < value < float("inf"):
            raise ValueError(f"{name}: expected a positive number, got {value:g}.")
