"""The settings of ``jaxcr orbits``. Imports no JAX."""

import dataclasses
import typing
from pathlib import Path

from jaxcr.cli.field_config import CubeConfig, TurbulenceConfig


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
    json: bool = False
    """Print one JSON document; the text goes to stderr."""
