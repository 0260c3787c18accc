"""The JSON file of a run: rows, machine, versions and settings, written as rows come."""

import dataclasses
import json
import math
import os
import platform
import types
import typing
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import jax

from jaxcr.bench.rows import Peer, Row
from jaxcr.bench.timing import Measured
from jaxcr.checks import argument_error
from jaxcr.runtime import write_record
from jaxcr.untrusted.sizes import read_text, shortened

_KIND = "jaxcr bench"
_ENVIRONMENT = ("JAX_ENABLE_X64", "JAX_NUM_CPU_DEVICES", "NPROC", "OMP_NUM_THREADS", "XLA_FLAGS")
ABOUT = ("machine", "processor", "device", "num_devices", "environment", "versions", "quick")
"""Keys of a record that decide whether two of them can be expected to agree."""

_TABLES = ("environment", "versions")
_TEXTS = ("machine", "processor", "device", "date")

_Kind = TypeVar("_Kind", Row, Peer, Measured)


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
    """Write all rows so far, and return the record."""
    numbers = {
        "kind": _KIND,
        "quick": quick,
        "processor": _processor(),
        "num_devices": jax.local_device_count(),
        "environment": {name: os.environ.get(name, "") for name in _ENVIRONMENT},
        "rows": [dataclasses.asdict(row) for row in rows],
        "not_measured": dict(not_measured),
    }
    about = write_record(path, numbers)
    del about["rows"], about["not_measured"]
    return Record(about, tuple(rows), dict(not_measured))


def read_record(path: Path) -> Record:
    """Return the run that a file holds.

    Raises
    ------
    ValueError
        When it cannot be read or was not written by `save_rows`.
    """
    try:
        numbers = json.loads(read_text(path))
        rows, missing = numbers.pop("rows"), numbers.pop("not_measured")
        _require(numbers["kind"] == _KIND, "another kind of file")
        _require(_are_texts([*missing, *missing.values()]), "reasons")
        for name in _TABLES:
            _require(_are_texts([*numbers[name], *numbers[name].values()]), name)
        _require(_are_texts(numbers[name] for name in _TEXTS), ", ".join(_TEXTS))
        _require(type(numbers["num_devices"]) is int, "num_devices")
        _require(type(numbers["quick"]) is bool, "quick")
        return Record(numbers, tuple(_row(row) for row in rows), missing)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as problem:
        reason = getattr(problem, "strerror", None) or f"{type(problem).__name__}: {problem}"
        raise argument_error(
            "--compare",
            expected="a JSON file that jaxcr bench wrote",
            got=f"{path} ({shortened(reason)})",
            remedy="Give the file that an earlier run named.",
        ) from problem


def _row(stored: dict[str, Any]) -> Row:
    peers = tuple(_typed(Peer, x | {"measured": _measured(x["measured"])}) for x in stored["peers"])
    return _typed(Row, stored | {"measured": _measured(stored["measured"]), "peers": peers})


def _measured(stored: dict[str, Any] | None) -> Measured | None:
    return None if stored is None else _typed(Measured, stored)


def _typed(kind: type[_Kind], stored: dict[str, Any]) -> _Kind:
    """Return a dataclass with these attributes, of the types that it states."""
    hints = typing.get_type_hints(kind)
    for name, value in stored.items():
        wanted = typing.get_origin(hints[name]) or hints[name]
        options = typing.get_args(hints[name]) if wanted is types.UnionType else (wanted,)
        found = float if type(value) is int and float in options else type(value)
        _require(found in options, name)
        _require(found is not float or math.isfinite(value), name)
    return kind(**stored)


def _are_texts(values: Iterable[Any]) -> bool:
    return all(isinstance(x, str) for x in values)


def _require(condition: bool, what: str) -> None:
    if not condition:
        raise ValueError(what)


def _processor() -> str:
    """Return the model of the processor, as far as the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()
