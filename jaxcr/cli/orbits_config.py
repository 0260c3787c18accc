"""The settings of ``jaxcr orbits``. Imports no JAX."""

import dataclasses
import typing
from pathlib import Path

from jaxcr.cli.field_config import InField


@dataclasses.dataclass(frozen=True)
class Orbits(InField):
    """Trace orbits; measure diffusion, mean free path and magnetic moment; draw and save.

    Without arguments: 2,048 orbits in isotropic Kolmogorov turbulence about a mean field of 3 µG.
    """

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
