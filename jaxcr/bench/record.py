"""The JSON file of a run: rows, machine, versions and settings, written as rows come."""

import dataclasses
import json
import os
import platform
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jax

from jaxcr.arrays import argument_error
from jaxcr.bench.rows import Peer, Row
from jaxcr.bench.timing import Measured
from jaxcr.runtime import write_record
from jaxcr.runtime.signals import uninterrupted

_KIND = "jaxcr bench"
_ENVIRONMENT = ("JAX_ENABLE_X64", "JAX_NUM_CPU_DEVICES", "NPROC", "OMP_NUM_THREADS", "XLA_FLAGS")
ABOUT = ("machine", "processor", "device", "num_devices", "environment", "versions", "quick")
"""Keys of a record that decide whether two of them can be expected to agree."""


@dataclasses.dataclass(frozen=True)
class Record:
    """A run as it is on disk.

    Attributes
    ----------
    about
        Machine, processor, device, versions, environment and date, by name.
    rows
        Everything that was measured.
    not_measured
        Reasons by the name of the benchmark.
    """

    about: dict[str, Any]
    rows: tuple[Row, ...]
    not_measured: dict[str, str]


def save_rows(
    path: Path, rows: Sequence[Row], not_measured: Mapping[str, str], *, quick: bool
) -> Record:
    """Write all rows so far, and return the record; SIGINT and SIGTERM wait meanwhile."""
    numbers = {
        "kind": _KIND,
        "quick": quick,
        "processor": _processor(),
        "num_devices": jax.local_device_count(),
        "environment": {name: os.environ.get(name, "") for name in _ENVIRONMENT},
        "rows": [dataclasses.asdict(row) for row in rows],
        "not_measured": dict(not_measured),
    }
    with uninterrupted():
        write_record(path, numbers)
    return read_record(path)


def read_record(path: Path) -> Record:
    """Return the run that a file holds.

    Raises
    ------
    ValueError
        When it cannot be read or was not written by `save_rows`.
    """
    try:
        numbers = json.loads(path.read_text(encoding="utf-8"))
        if numbers.get("kind") != _KIND:
            raise ValueError("another kind of file")
        rows = tuple(_row(row) for row in numbers.pop("rows"))
        return Record(numbers, rows, numbers.pop("not_measured"))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as problem:
        reason = getattr(problem, "strerror", None) or f"{type(problem).__name__}: {problem}"
        raise argument_error(
            "--compare",
            expected="a JSON file that jaxcr bench wrote",
            got=f"{path} ({reason})",
            remedy="Give the file that an earlier run named.",
        ) from problem


def _row(stored: dict[str, Any]) -> Row:
    peers = tuple(
        Peer(**(peer | {"measured": peer["measured"] and Measured(**peer["measured"])}))
        for peer in stored["peers"]
    )
    return Row(**(stored | {"measured": Measured(**stored["measured"]), "peers": peers}))


def _processor() -> str:
    """Return the model of the processor, as far as the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()
