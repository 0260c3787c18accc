"""What an experiment is: numbers, a picture, and a verdict on each published statement."""

import dataclasses
from collections.abc import Callable
from typing import Any

from matplotlib.figure import Figure


@dataclasses.dataclass(frozen=True)
class Size:
    """How much an experiment computes; each uses what it needs.

    Attributes
    ----------
    name
        How the size is called in results.
    cells
        Samples of a synthetic field along each axis of each of its grids.
    fields
        Realisations of the field, or observers in the simulated one.
    orbits
        Orbits of one particle set that are followed for transport, a multiple of ``fields``.
    nside, per_pixel
        Pixels of a sky (12 nside²) and orbits in each.
    gyrations
        Length of the longest orbits.
    simulated
        Use the simulated cube that comes with the package instead of synthetic turbulence.
    """

    name: str
    cells: int
    fields: int
    orbits: int
    nside: int
    per_pixel: int
    gyrations: int
    simulated: bool = False


QUICK = Size("quick", cells=64, fields=12, orbits=1536, nside=16, per_pixel=4, gyrations=100)
DEFAULT = Size("default", cells=128, fields=32, orbits=4096, nside=16, per_pixel=4, gyrations=300)
FULL = Size("full", cells=512, fields=32, orbits=102_400, nside=32, per_pixel=16, gyrations=10_000)


@dataclasses.dataclass(frozen=True)
class Verdict:
    """A published statement beside what was measured.

    Attributes
    ----------
    statement
        What was published.
    measured
        Numbers with errors and units.
    holds
        Whether they agree; ``None`` where this size or field cannot tell.
    note
        Why not, or what to keep in mind.
    """

    statement: str
    measured: str
    holds: bool | None
    note: str = ""


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What an experiment found.

    Attributes
    ----------
    numbers
        Every number of the result, of types that JSON has.
    verdicts
        One for each statement.
    draw
        Makes the picture.
    """

    numbers: dict[str, Any]
    verdicts: tuple[Verdict, ...]
    draw: Callable[[], Figure]


@dataclasses.dataclass(frozen=True)
class Experiment:
    """One published result that can be computed again.

    Attributes
    ----------
    name
        As on the command line.
    what
        One line for the list.
    source
        Paper and figure or table.
    run
        From the size to the outcome.
    """

    name: str
    what: str
    source: str
    run: Callable[[Size], Outcome]
