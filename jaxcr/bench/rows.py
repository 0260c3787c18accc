"""What a benchmark is, and what it returns: rows, with the other programs that did the same."""

import dataclasses
import importlib.util
from collections.abc import Callable, Iterator
from importlib import metadata
from typing import Any, TypeVar

import numpy as np

from jaxcr.bench.timing import Measured

_Size = TypeVar("_Size")


class NotMeasurableError(Exception):
    """Something that cannot be measured here; the message says what and why."""


@dataclasses.dataclass(frozen=True)
class Peer:
    """Another way to the same numbers.

    Attributes
    ----------
    name, version
        Of the program; the version is ``not installed`` where it cannot be run.
    measured
        In the unit of the row; ``None`` where it was not run.
    difference
        Largest difference of the results over the largest of the peer's: a ratio of times means
        nothing without the same answer.
    note
        What else has to be known: a tolerance, or why it failed.
    """

    name: str
    version: str
    measured: Measured | None = None
    difference: float | None = None
    note: str = ""


@dataclasses.dataclass(frozen=True)
class Row:
    """One measured number.

    Attributes
    ----------
    name
        Unique among all rows.
    conditions
        In words: everything that the number depends on, except machine and versions. Rows of
        different conditions are never compared.
    measured
        Median and spread, in ``unit``.
    unit
        Of the value, its spread and those of the peers.
    clock
        ``CPU`` or ``wall``: which time was taken; empty where none was.
    higher_is_better
        Whether a larger value is the better one, as for a rate.
    peers
        Other ways to the same numbers.
    """

    name: str
    conditions: str
    measured: Measured
    unit: str
    clock: str
    higher_is_better: bool = True
    peers: tuple[Peer, ...] = ()


@dataclasses.dataclass(frozen=True)
class Effort:
    """How much is measured.

    Attributes
    ----------
    level
        0 for the tests, 1 for the quick run, 2 for the full one.
    repeats
        Timings of each call.
    """

    level: int
    repeats: int

    def choose(self, tiny: _Size, quick: _Size, full: _Size) -> _Size:
        """Return the size that belongs to this effort."""
        return (tiny, quick, full)[self.level]


TINY, QUICK, FULL = Effort(0, 2), Effort(1, 5), Effort(2, 11)


@dataclasses.dataclass(frozen=True)
class Benchmark:
    """A named set of rows.

    Attributes
    ----------
    name
        As on the command line.
    what
        One line that says what is measured.
    run
        From the effort to the rows, one at a time.
    """

    name: str
    what: str
    run: Callable[[Effort], Iterator[Row]]


def installed(package: str) -> str | None:
    """Return the version of an importable package, or ``None``."""
    if importlib.util.find_spec(package) is None:
        return None
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "unknown version"


def difference(own: Any, other: Any) -> float:
    """Return the largest difference of two arrays over the largest of the other."""
    own, other = np.asarray(own), np.asarray(other)
    return float(np.max(np.abs(own - other)) / np.max(np.abs(other)))
