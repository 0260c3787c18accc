"""The settings of every command, and the parser of the command line. Imports no JAX."""

import dataclasses
import typing
from pathlib import Path
from typing import Annotated

import tyro

from jaxcr.cli.ensemble_config import Ensemble, Merge, Resume, Status
from jaxcr.cli.experiment_config import Experiment
from jaxcr.cli.field_config import CubeConfig, TurbulenceConfig
from jaxcr.cli.limits import check_sizes
from jaxcr.cli.toml_settings import from_toml


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
    """CSV file with columns ell, c_ell and optionally log_error, noise: fit this spectrum."""
    m0_blind: bool = False
    """The target lost a_l0, like every spectrum from a ground experiment."""
    debiased: bool = False
    """The target's noise was subtracted; C_l may be negative."""
    target_skies: int = 1
    """Independent skies that the target is the mean of."""
    simulate: int | None = None
    """Seed: plant parameters, simulate a spectrum in other fields, and fit it back."""
    skies: int = 32
    """Simulated skies whose mean is fitted (with --simulate)."""
    plant: tuple[str, ...] = ()
    """Planted values other than the defaults, "NAME=VALUE" (with --simulate)."""
    fix: tuple[str, ...] = ()
    """Parameters held, "NAME=VALUE", for example "eta=0"; names as in the table of the fit."""
    posterior: typing.Literal["importance", "nuts"] = "importance"
    """How the posterior is sampled; nuts needs the extra bayes."""
    profiles: bool = False
    """Profile the likelihood of every free parameter."""
    num_starts: int = 4
    """Starting points of the optimiser."""
    adam_steps: int = 600
    """Steps of Adam, the check on the optimum."""
    gradient_fields: int = 3
    """Fields for the gradient report, at least 2; 0 leaves it out."""
    out: Path | None = None
    """Result folder; default the next free jaxcr-results/fit-NNN."""
    overwrite: bool = False
    """Write into a result folder that exists."""
    cache: bool = True
    """Keep simulated transfer tensors on disk under their configuration."""
    sky: SkyConfig = dataclasses.field(default_factory=SkyConfig)
    traps: TrapConfig = dataclasses.field(default_factory=TrapConfig)


@dataclasses.dataclass(frozen=True)
class WindowConfig:
    """What an observatory on the ground would see of the sky, and where the field points."""

    experiment: typing.Literal["icecube", "hawc", "combined"] | None = None
    """Part of the sky that is seen; each declination only relative to its mean."""
    right_ascension: float = 229.2
    """Of the direction in which the mean field (x) points, degrees."""
    declination: float = 11.4
    """Of the same; the defaults are the local interstellar field, ApJ 871 (2019) 96."""
    bin_width: int = 3
    """Multipoles in a bin of the deconvolved spectrum."""


@dataclasses.dataclass(frozen=True)
class Sky:
    """Back-track the sky of an observer: maps at several radii, spectra with bands, null tests.

    Without arguments: one observer in isotropic Kolmogorov turbulence about a mean field of 3 µG.
    """

    config: Path | None = None
    """TOML file with any of these settings; flags override it."""
    show_config: bool = False
    """Print the configuration as TOML and stop."""
    particles: typing.Literal["750TeV", "7.5PeV", "30PeV"] | None = None
    """A published set, by its energy: rigidity and turbulence in cells of 512³; on fewer
    --turbulence.cells another set, named by its ratio of gyroradius to outer scale."""
    cube: CubeConfig = dataclasses.field(default_factory=CubeConfig)
    """A cube instead of synthetic turbulence."""
    turbulence: TurbulenceConfig = dataclasses.field(default_factory=TurbulenceConfig)
    rigidity: float = 30.0
    """Of the arriving particles, PV, with the sign of their charge."""
    response_width: float | None = None
    """Spread the rigidities: standard deviation in log10 of a detector's response about
    --rigidity, to a falling spectrum; default one rigidity."""
    index: float = 2.7
    """Spectral index of the intensity, with --response-width."""
    observer: tuple[float, ...] = (0.0, 0.0, 0.0)
    """Position in pc: x y z."""
    radius: tuple[float, ...] = ()
    """Radii of the spheres around the observer, pc, rising; instead of paths."""
    path: tuple[float, ...] = (60.0,)
    """Lengths of the orbits, pc, rising, when no radius is given."""
    max_path: float | None = None
    """Path, pc, after which an orbit that met no sphere is given up; default 100 radii."""
    boundary: typing.Literal[
        "momentum", "momentum-local", "position", "position-local", "gradient", "convection"
    ] = "momentum"
    """Dipole in the momentum or the position at the crossing, along the mean field or the local
    one (momentum-local is the published choice); a density gradient; or steady convection."""
    amplitude: float = 1e-3
    """Of the dipole; for a gradient, of the density along the mean field per pc; for convection,
    velocity over c."""
    nside: int = 16
    """HEALPix resolution, a power of two."""
    per_pixel: int = 4
    """Orbits in each pixel, a power of four from 4 on."""
    lmax: int = 24
    """Highest multipole, at most 3 nside - 1."""
    events: float = 1e10
    """Events of an observation, for the band of isotropic skies and for the window."""
    realisations: int = 1
    """Fields whose spectra make the band of cosmic variance; the first gives the maps."""
    pusher: typing.Literal["boris", "diffrax"] = "boris"
    """Boris with half a cell, or adaptive Tsit5."""
    window: WindowConfig = dataclasses.field(default_factory=WindowConfig)
    null_tests: bool = True
    """Run the null tests, over a path of at most three gyroradii."""
    out: Path | None = None
    """Result folder; default the next free jaxcr-results/sky-NNN."""
    overwrite: bool = False
    """Write into a result folder that exists."""


@dataclasses.dataclass(frozen=True)
class Field:
    """Make turbulence or read a cube; report on it, draw it, write it.

    Without arguments: isotropic Kolmogorov turbulence about a mean field of 3 µG.
    """

    config: Path | None = None
    """TOML file with any of these settings; flags override it."""
    show_config: bool = False
    """Print the configuration as TOML and stop."""
    cube: CubeConfig = dataclasses.field(default_factory=CubeConfig)
    turbulence: TurbulenceConfig = dataclasses.field(default_factory=TurbulenceConfig)
    rigidity: tuple[float, ...] = ()
    """Rigidities in PV whose gyroradii are compared with box, cell and waves."""
    sphere: float | None = None
    """Radius in pc of a sphere that orbits shall reach, compared with the box."""
    write: Path | None = None
    """HDF5 file that the field is written to, in µG and pc: a conversion."""
    out: Path | None = None
    """Result folder; default the next free jaxcr-results/field-NNN."""
    overwrite: bool = False
    """Write into a result folder that exists."""


@dataclasses.dataclass(frozen=True)
class Orbits:
    """Trace orbits; measure diffusion, mean free path and magnetic moment; draw and save.

    Without arguments: 2,048 orbits in isotropic Kolmogorov turbulence about a mean field of 3 µG.
    """

    config: Path | None = None
    """TOML file with any of these settings; flags override it."""
    show_config: bool = False
    """Print the configuration as TOML and stop."""
    particles: typing.Literal["750TeV", "7.5PeV", "30PeV"] | None = None
    """A published set, by its energy: rigidity and turbulence in cells of 512³; on fewer
    --turbulence.cells another set, named by its ratio of gyroradius to outer scale."""
    cube: CubeConfig = dataclasses.field(default_factory=CubeConfig)
    """A cube instead of synthetic turbulence."""
    turbulence: TurbulenceConfig = dataclasses.field(default_factory=TurbulenceConfig)
    rigidity: float = 30.0
    """PV, with the sign of the charge."""
    num: int = 2048
    """Orbits."""
    position: tuple[float, ...] = (0.0, 0.0, 0.0)
    """Where they start, pc: x y z."""
    spread: float | None = None
    """Side of a cube about that place over which starts are spread, pc; 0 for one observer.
    Default: the longest side of the field's box."""
    path: float = 200.0
    """Length of the orbits, pc."""
    radius: float | None = None
    """Radius of a sphere about each start at which orbits end instead; the path is then that
    along which transport is measured."""
    samples: int = 200
    """Samples along the path for the measurements."""
    groups: int = 16
    """Groups of orbits that errors are jackknifed over."""
    pusher: typing.Literal["boris", "blanes-moan", "tsit5", "bulirsch-stoer", "guiding-center"] = (
        "boris"
    )
    """Scheme; transport is measured with equal steps in any case."""
    step: float | None = None
    """Step of boris and blanes-moan, pc; default half a cell, at most a tenth of a gyroradius."""
    rtol: float = 1e-6
    """Relative tolerance of tsit5 and bulirsch-stoer."""
    seed: int = 0
    """Fixes starts and directions; the field has --turbulence.seed."""
    out: Path | None = None
    """Result folder; default the next free jaxcr-results/orbits-NNN."""
    overwrite: bool = False
    """Write into a result folder that exists."""


@dataclasses.dataclass(frozen=True)
class Traps:
    """Solve a chain of magnetic traps: rates, density, escape, relaxation, anisotropy; or fit one.

    Without arguments: forty traps of mirror ratio 3 in a field that weakens by 10 % a trap.
    """

    config: Path | None = None
    """TOML file with any of these settings; flags override it."""
    show_config: bool = False
    """Print the configuration as TOML and stop."""
    mirror_ratio: float = 3.0
    """R = sqrt(B1 B2)/B0 of every trap."""
    gradient: float = 0.1
    """ln(B1/B2) of every trap; positive where the field weakens to the right."""
    sites: int = 40
    """Traps of the chain, at least 3."""
    length: float = 1.0
    """Of a trap, pc."""
    scattering_rate: float | None = None
    """Isotropic scatterings per pc of path; default one per trap."""
    closure: typing.Literal["detailed-balance", "loss-cone"] = "detailed-balance"
    """How escape becomes hops; loss-cone is the published one, which is not in balance."""
    left_end: typing.Literal["absorbing", "reflecting"] = "absorbing"
    right_end: typing.Literal["absorbing", "reflecting"] = "absorbing"
    source: int | None = None
    """Site that is fed, from 1; default the last."""
    inflow: float = 1.0
    """Particles per pc of path that are fed."""
    loss_rate: float = 0.0
    """Loss in every trap, per pc of path."""
    place: int | None = None
    """Site whose anisotropy is computed, from 2 to sites - 1; default the middle."""
    lmax: int = 24
    """Highest multipole of the anisotropy."""
    edge_width: float = 0.0
    """Rounding of the loss-cone edges, rad."""
    fit: Path | None = None
    """CSV file with columns site (from 1), occupation, error: fit mirror ratio and gradient."""
    out: Path | None = None
    """Result folder; default the next free jaxcr-results/traps-NNN."""
    overwrite: bool = False
    """Write into a result folder that exists."""


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


@dataclasses.dataclass(frozen=True)
class Info:
    """Print versions, devices and the cache folder."""


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
    kind = COMMANDS.get(argv[0]) if argv else None
    path = _config_path(argv)
    if path is None or not hasattr(kind, "config"):
        settings = tyro.cli(_Command, args=argv, prog="jaxcr")
    else:
        default, name = from_toml(kind, path), f"jaxcr {argv[0]}"
        settings = tyro.cli(kind, args=argv[1:], prog=name, default=default)
    check_sizes(settings)
    return settings


def _config_path(argv: list[str]) -> Path | None:
    for position, word in enumerate(argv):
        if word == "--config" and position + 1 < len(argv):
            return Path(argv[position + 1])
        if word.startswith("--config="):
            return Path(word.removeprefix("--config="))
    return None
