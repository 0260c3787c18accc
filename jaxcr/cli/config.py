"""The settings of every command, and the parser of the command line. Imports no JAX."""

import dataclasses
import os
import sys
import typing
from pathlib import Path
from typing import Annotated

import tyro

from jaxcr.cli.ensemble_config import Ensemble, Merge, Resume, Status
from jaxcr.cli.experiment_config import Experiment
from jaxcr.cli.field_config import Field
from jaxcr.cli.help_text import description, overview
from jaxcr.cli.limits import check_sizes
from jaxcr.cli.orbits_config import Orbits
from jaxcr.cli.sky_config import Sky
from jaxcr.cli.toml_settings import from_toml
from jaxcr.cli.traps_config import Traps


@dataclasses.dataclass(frozen=True)
class SkyConfig:
    """The ensemble of simulated skies; lengths in grid cells."""

    seed: int = 0
    """Fixes all random phases of the model's fields."""
    num_fields: int = 10
    """Realisations of the turbulence; each gives observers_per_axis³ skies."""
    vary: tuple[
        typing.Literal[
            "level", "index", "outer_scale", "inner_scale", "gyroradius", "slab_share", "reach"
        ],
        ...,
    ] = ("level",)
    """Parameters of the turbulence that are fitted; level is dB/B0."""
    num_nodes: int | None = None
    """Points of turbulence at which skies are simulated; default 12, 19, 29, 40 for 1 to 4."""
    convention: typing.Literal["fixed-path", "fixed-sphere", "mean-free-paths"] = "fixed-path"
    """Where orbits end when parameters change, which decides what dB/B0 means."""
    cube: typing.Literal["mhd"] | None = None
    """A shipped cube instead of synthetic turbulence: one realisation, moved for each field."""
    cells: int = 128
    """Cells of the periodic box along each axis."""
    index: float = 5 / 3
    """Spectral index of the turbulence, E(k) ~ k^-index."""
    outer_scale: float = 51.2
    """Longest wavelength."""
    inner_scale: float = 4.0
    """Shortest wavelength."""
    slab_share: float = 0.0
    """Share of the power in waves along the mean field; the rest is isotropic."""
    gyroradius: float = 20.0
    """Gyroradius in the mean field."""
    path: float = 6.0
    """Length of the orbits in gyroradii, or radius of the sphere, or number of mean free paths.
    Fixed unless varied as reach: at low l it is degenerate with the amplitude."""
    step: float = 1.0
    """Boris step."""
    observers_per_axis: int = 2
    """Observers along each axis of the box."""
    nside: int = 8
    """HEALPix resolution of the simulated skies, a power of two."""
    per_pixel: int = 4
    """Orbits in each pixel, a power of four from 4 on."""
    lmax: int = 16
    """Highest multipole, at most 3 nside - 1."""
    boundary_lmax: int = 24
    """Highest multipole of the distribution on the boundary."""


@dataclasses.dataclass(frozen=True)
class TrapConfig:
    """The trap chain. Its closure is detailed balance: uniform isotropy is an equilibrium."""

    num_sites: int = 10_000
    """Sites of the chain; only the derived place depends on it."""
    edge_width: float = 0.0
    """Rounding of the loss-cone edges in rad; it decides every C_l above l = 2."""


@dataclasses.dataclass(frozen=True)
class Fit:
    """Fit trap and turbulence parameters to an angular power spectrum.

    Without arguments: the four observed C_l of the embedded working-level spectrum.
    """

    config: Path | None = None
    """TOML file with any of these settings; flags override it."""
    show_config: bool = False
    """Print the configuration as TOML and stop."""
    target: Path | None = None
    """CSV file: columns ell, c_ell, optionally error (or log_error), noise: fit this spectrum."""
    m0_blind: bool = False
    """The target lost a_l0, like every spectrum from a ground experiment."""
    debiased: bool = False
    """The target's noise was subtracted; C_l may be negative."""
    target_skies: int = 1
    """Independent skies that the target is the mean of."""
    energy: str | None = None
    """Of the protons, such as 20TeV: skies in plane waves that hold the resonant scales of that
    energy, from tables for 20TeV, 100TeV, 750TeV, 7.5PeV and 30PeV; in place of --sky.*."""
    recompute: bool = False
    """Simulate the skies of --energy instead of reading its table; then it may be any energy.
    Half an hour at 20TeV; finished fields are kept in the cache."""
    simulate: int | None = None
    """Seed: plant parameters, simulate a spectrum in other fields, and fit it back."""
    skies: int = 32
    """Simulated skies whose mean is fitted (with --simulate)."""
    plant: tuple[str, ...] = ()
    """Planted values other than the defaults, "NAME=VALUE" (with --simulate)."""
    fix: tuple[str, ...] = ()
    """Parameters held, "NAME=VALUE", for example "gradient=0"; names as in the table of the fit."""
    posterior: typing.Literal["importance", "nuts"] = "importance"
    """How the posterior is sampled; nuts needs the extra bayes."""
    profiles: bool = False
    """Profile the likelihood of every free parameter."""
    num_starts: int = 12
    """Starting points of the optimiser."""
    adam_steps: int = 600
    """Steps of Adam, the check on the optimum."""
    gradient_fields: int | None = None
    """Fields for the gradient report, at least 2; 0 leaves it out. Default 3, with --energy 0."""
    out: Path | None = None
    """Result folder; default the next free jaxcr-results/fit-NNN."""
    overwrite: bool = False
    """Write into a result folder that exists."""
    json: bool = False
    """Print one JSON document; the text goes to stderr."""
    cache: bool = True
    """Keep simulated transfer tensors on disk under their configuration."""
    sky: SkyConfig = dataclasses.field(default_factory=SkyConfig)
    traps: TrapConfig = dataclasses.field(default_factory=TrapConfig)


@dataclasses.dataclass(frozen=True)
class Bench:
    """Measure the speed of this installation, beside other programs and an earlier run.

    A table is printed and written; every row that is finished survives an interruption.
    """

    quick: bool = False
    """Smaller sizes: minutes instead of the full set."""
    only: tuple[str, ...] = ()
    """Names of benchmarks; default all."""
    list: bool = False
    """Print the names and stop."""
    out: Path | None = None
    """JSON file, with a table NAME.md beside it; default jaxcr-results/bench-NNN/bench.json."""
    overwrite: bool = False
    """Write over files that exist."""
    compare: Path | None = None
    """JSON file of an earlier run: ratios, flagged beyond three standard errors and a tenth."""
    json: bool = False
    """Print one JSON document; the text goes to stderr."""


@dataclasses.dataclass(frozen=True)
class Info:
    """Print versions, devices and the cache folder."""

    json: bool = False
    """Print one JSON document; the text goes to stderr."""


Settings = (
    Fit | Sky | Field | Orbits | Traps
    | Ensemble | Resume | Status | Merge | Bench | Experiment | Info
)  # fmt: skip
"""What one call of the command line asks for."""

COMMANDS: dict[str, type] = {
    "fit": Fit, "sky": Sky, "field": Field, "orbits": Orbits, "traps": Traps,
    "ensemble": Ensemble, "resume": Resume, "status": Status, "merge": Merge,
    "bench": Bench, "experiment": Experiment, "info": Info,
}  # fmt: skip

_Command = typing.Union[  # noqa: UP007 made from a table
    tuple(Annotated[kind, tyro.conf.subcommand(name)] for name, kind in COMMANDS.items())
]


def parse(argv: list[str]) -> Settings:
    """Return the command that the arguments ask for, configuration file first, flags last.

    Raises
    ------
    ValueError
        For a configuration file that cannot be read, or has an unknown key or a wrong type, and
        for numbers that are too large for any machine.
    SystemExit
        From the parser, with code 2 for wrong flags and 0 for ``--help``.
    """
    _choose_colours()
    command = argv[0] if argv else ""
    if command not in COMMANDS:
        return tyro.cli(_Command, args=argv, prog="jaxcr", description=overview())
    kind, path = COMMANDS[command], _config_path(argv)
    read = path is not None and hasattr(kind, "config")
    settings = tyro.cli(
        kind,
        args=argv[1:],
        prog=f"jaxcr {command}",
        description=description(command, kind),
        **({"default": from_toml(kind, path)} if read else {}),
    )
    check_sizes(settings)
    return settings


def _config_path(argv: list[str]) -> Path | None:
    for position, word in enumerate(argv):
        if word == "--config" and position + 1 < len(argv):
            return Path(argv[position + 1])
        if word.startswith("--config="):
            return Path(word.removeprefix("--config="))
    return None


def _choose_colours() -> None:
    """Let help and errors be coloured on terminals only, and not where NO_COLOR is set."""
    wanted = not os.environ.get("NO_COLOR") and sys.stdout.isatty() and sys.stderr.isatty()
    # tyro looks at stdout alone, also for errors; older versions leave it to rich, without this.
    getattr(tyro, "_experimental_options", {})["ansi_codes"] = wanted
