"""Settings of a magnetic field, shared by commands, and of ``jaxcr field``. Imports no JAX."""

import dataclasses
from pathlib import Path
from typing import Literal


@dataclasses.dataclass(frozen=True)
class CubeConfig:
    """A cube of B from a file, with what the file does not state."""

    file: tuple[Path, ...] = ()
    """HDF5, NPZ, NPY, FITS, Athena++, AthenaK, FLASH, PLUTO, The Well, CRPropa; or three files, one
    a component."""
    shipped: bool = False
    """The MHD snapshot that comes with jaxcr, instead of a file."""
    unit: float | str | None = None
    """µG for one unit of the file, or uG, nT, G, T; "G/sqrt(4pi)" for Athena++, AthenaK, PLUTO."""
    spacing: float | None = None
    """Cell size in pc."""
    origin: tuple[float, ...] = ()
    """Corner of the box in pc: x y z."""
    axes: str | None = None
    """Order of the axes, c for components: xyzc for (nx, ny, nz, 3), zyx for three files."""
    boundary: Literal["periodic", "clamped", "mirrored", "zero"] | None = None
    """What continues the cube outside."""
    dataset: str | None = None
    """Name of the array in the file, when it has several, or how those of its components begin."""
    frame: tuple[int, ...] = ()
    """Run and time in a file of The Well."""
    shape: tuple[int, ...] = ()
    """Cells on each axis of CRPropa's grids: bare float32 triplets or text."""
    level: int | None = None
    """Refinement level at which yt resamples a file of any code (extra: jaxcr[io])."""
    endpoint: bool = False
    """A periodic cube has its first planes once more at its end: leave them out."""
    injection_cells: float | None = None
    """Wavelength at which the simulation was driven, in cells; with --cube.injection-scale."""
    injection_scale: float | None = None
    """Where that wavelength shall be, pc."""
    mean_strength: float | None = None
    """Mean field that the cube is rescaled to, µG."""
    rms: float | None = None
    """Fluctuations that the cube is rescaled to, µG."""
    solenoidal: bool = False
    """Take away what of the samples is not divergence-free (periodic cubes)."""


@dataclasses.dataclass(frozen=True)
class TurbulenceConfig:
    """Synthetic turbulence on a periodic grid about a mean field along x; lengths in pc."""

    index: float = 5 / 3
    """Spectral index, E(k) ~ k^-index."""
    outer_scale: float = 25.6
    """Longest wavelength."""
    inner_scale: float = 2.0
    """Shortest wavelength, at least two cells."""
    geometry: Literal[
        "isotropic", "slab", "two-dimensional", "slab-2d", "goldreich-sridhar", "alfven", "slow",
        "fast",
    ] = "isotropic"  # fmt: skip
    """Where waves point."""
    slab_share: float = 0.2
    """Share of the power in slab waves (slab-2d)."""
    alfven_mach: float = 1.0
    """Of goldreich-sridhar, alfven and slow."""
    beta: float = 0.2
    """Gas over magnetic pressure, of slow and fast."""
    helicity: float | None = None
    """From -1 to 1, of isotropic, slab and goldreich-sridhar."""
    cells: int = 128
    """Cells along each axis."""
    spacing: float = 0.5
    """Size of a cell."""
    rms: float = 3.0
    """Of the fluctuations, µG."""
    mean_field: float = 3.0
    """µG."""
    exact_rms: bool = False
    """Rescale this realisation to the rms."""
    seed: int = 0
    """Fixes the random phases."""


@dataclasses.dataclass(frozen=True)
class InField:
    """What commands that trace particles through a field begin with."""

    config: Path | None = None
    """TOML file with any of these settings; flags override it."""
    show_config: bool = False
    """Print the configuration as TOML and stop."""
    particles: Literal["750TeV", "7.5PeV", "30PeV"] | None = None
    """A published set, by its energy: rigidity and turbulence in cells of 512³; on fewer
    --turbulence.cells another set, named by its ratio of gyroradius to outer scale."""
    cube: CubeConfig = dataclasses.field(default_factory=CubeConfig)
    """A cube instead of synthetic turbulence."""
    turbulence: TurbulenceConfig = dataclasses.field(default_factory=TurbulenceConfig)
    mean_direction: tuple[float, ...] = ()
    """Axis of the boundary and of parallel transport, x y z; default the mean field's."""


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
    json: bool = False
    """Print one JSON document; the text goes to stderr."""
