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
    quick: bool = False
    """Smaller sizes: seconds instead of minutes for each."""
    full: bool = False
    """The published number of orbits and cells: hours, and 12 GB of memory."""
    field: typing.Literal["synthetic", "mhd"] = "synthetic"
    """Synthetic turbulence, or the small simulated cube that comes with the package."""
    json: bool = False
    """Print the verdicts as JSON instead of a table."""
    out: Path | None = None
    """Result folder; default the next free jaxcr-results/experiment-NNN."""
    overwrite: bool = False
    """Write into a result folder that exists."""
