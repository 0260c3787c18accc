"""The settings of ``jaxcr sky``. Imports no JAX."""

import dataclasses
import typing
from pathlib import Path

from jaxcr.cli.field_config import InField


@dataclasses.dataclass(frozen=True)
class WindowConfig:
    """What an observatory on the ground would see of the sky, and where the field points."""

    experiment: typing.Literal["icecube", "hawc", "combined"] | None = None
    """Part of the sky that is seen; each declination only relative to its mean."""
    right_ascension: float = 229.2
    """Of the direction in which the mean field points, degrees."""
    declination: float = 11.4
    """Of the same; the defaults are the local interstellar field, ApJ 871 (2019) 96."""
    bin_width: int = 3
    """Multipoles in a bin of the deconvolved spectrum."""


@dataclasses.dataclass(frozen=True)
class Sky(InField):
    """Back-track the sky of an observer: maps at several radii, spectra with bands, null tests.

    Without arguments: one observer in isotropic Kolmogorov turbulence about a mean field of 3 µG.
    """

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
        "momentum", "momentum-local", "position", "position-local", "gradient", "quasi-steady",
        "convection",
    ] = "momentum"  # fmt: skip
    """Dipole in the momentum or the position at the crossing, along the mean field or the local
    one (momentum-local is the published choice); a density gradient, alone or quasi-steady, with
    the flux that it drives; or steady convection."""
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
    json: bool = False
    """Print one JSON document; the text goes to stderr."""
