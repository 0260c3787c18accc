"""Settings of long runs: the ensemble itself, and what is done to its folder. Imports no JAX."""

import dataclasses
import typing
from pathlib import Path

import tyro

from jaxcr.cli.field_config import InField


@dataclasses.dataclass(frozen=True)
class Ensemble(InField):
    """Trace any number of orbits from one place, in chunks that survive a kill; sums only.

    Without arguments: a million orbits in isotropic Kolmogorov turbulence. Map, spectrum and
    transport come out when every chunk is there. A run that was stopped goes on with jaxcr resume.
    """

    rigidity: float = 30.0
    """Of the arriving particles, PV, with the sign of their charge."""
    num: int = 1_000_000
    """Orbits."""
    chunk_size: int = 65_536
    """Orbits of a chunk, a multiple of 32: what is in memory, and what a kill can cost."""
    observer: tuple[float, ...] = (0.0, 0.0, 0.0)
    """Position in pc: x y z."""
    spread: float = 0.0
    """Side of a cube about the observer over which orbits start, pc: for transport, not skies."""
    radius: tuple[float, ...] = ()
    """Radii of spheres about the start, pc, rising; instead of paths."""
    path: tuple[float, ...] = (60.0,)
    """Lengths of the orbits, pc, rising, when no radius is given."""
    step: float | None = None
    """Boris step, pc; default half a cell, at most a tenth of a gyroradius."""
    precision: typing.Literal["float32", "float64"] = "float64"
    """Of the orbits; sums are in float64."""
    nside: int = 16
    """HEALPix resolution of the map, a power of two."""
    lmax: int = 16
    """Highest multipole."""
    seed: int = 0
    """Fixes starts and directions; the field has --turbulence.seed."""
    out: Path | None = None
    """Folder of the run; default the next free jaxcr-results/ensemble-NNN. Given again with the
    same settings, it goes on."""
    json: bool = False
    """Print one JSON document; the text goes to stderr."""
    shard: str = "1/1"
    """I/N: only every N-th chunk from the I-th on, for a job array in one folder or in several."""
    distributed: bool = False
    """One shard for each process of jax.distributed, which finds SLURM and others by itself."""
    coordinator: str | None = None
    """HOST:PORT of process 0, where no cluster says so (with --distributed)."""
    num_processes: int | None = None
    """Processes in all (with --coordinator)."""
    process: int | None = None
    """Number of this one, from 0 (with --coordinator)."""


@dataclasses.dataclass(frozen=True)
class Resume:
    """Go on with a run that was stopped."""

    folder: tyro.conf.Positional[Path]
    """Of the run."""
    shard: str = "1/1"
    """I/N: only every N-th chunk from the I-th on."""
    json: bool = False
    """Print one JSON document; the text goes to stderr."""


@dataclasses.dataclass(frozen=True)
class Status:
    """Say what a run is, how far it came, and what is damaged."""

    folder: tyro.conf.Positional[Path]
    """Of the run."""
    json: bool = False
    """Print one JSON document; the text goes to stderr."""


@dataclasses.dataclass(frozen=True)
class Merge:
    """Bring the shards of one run, computed in several folders, together."""

    folders: tyro.conf.Positional[tuple[Path, ...]]
    """Of the shards."""
    out: Path | None = None
    """Folder of the whole run; default the first of them."""
    json: bool = False
    """Print one JSON document; the text goes to stderr."""
