"""The settings of ``jaxcr experiment``. Imports no JAX."""

import dataclasses
import typing
from pathlib import Path

import tyro


@dataclasses.dataclass(frozen=True)
class Experiment:
    """Compute published results again: numbers, a picture, a verdict on each statement.

    Without a name: the list. A verdict may be no: that is physics, not an error. Every experiment
    that is finished survives an interruption.
    """

    names: tyro.conf.Positional[tuple[str, ...]] = ()
    """Of experiments, or all."""
    list: bool = False
    """Print the names and stop; also without a name."""
    quick: bool = False
    """Smaller sizes: seconds instead of minutes for each."""
    full: bool = False
    """The published number of orbits and cells: hours, and 12 GB of memory."""
    field: typing.Literal["synthetic", "mhd"] = "synthetic"
    """Synthetic turbulence, or the small simulated cube that comes with the package."""
    out: Path | None = None
    """Result folder; default the next free jaxcr-results/experiment-NNN."""
    overwrite: bool = False
    """Write into a result folder that exists."""
    json: bool = False
    """Print one JSON document; the text goes to stderr."""
