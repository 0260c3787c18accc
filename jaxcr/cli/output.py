"""What a command gives to programs: a JSON document on stdout; and progress, to terminals only."""

import json
import math
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

import h5py
import numpy as np
from tqdm import tqdm

from jaxcr._version import __version__

_MOST_NUMBERS = 10_000
"""Larger arrays stay in the file that the document names."""

_LEFTOVERS = (".lock", ".part")
"""Files that say nothing."""


class Outcome(NamedTuple):
    """What a command found.

    Attributes
    ----------
    report
        The numbers of the printed text by name; one with an error or a unit is a `quantity`.
    folder
        Where the results are, or ``None``.
    files
        What was written besides those files that lie in ``folder`` itself.
    warnings
        Sentences on what to keep in mind.
    """

    report: dict[str, Any]
    folder: Path | None = None
    files: tuple[Path, ...] = ()
    warnings: tuple[str, ...] = ()


def quantity(value: Any, error: Any = None, unit: str = "1") -> dict[str, Any]:
    """Return a number, or several, with standard error (``None``: not measured) and unit."""
    return {"value": value, "error": error, "unit": unit}


def document(command: str, outcome: Outcome) -> dict[str, Any]:
    """Return what ``--json`` prints: only types of JSON, nan and infinity as ``None``.

    The numbers of a ``result.h5`` are added under ``numbers``, and arrays of more than 10,000
    numbers named in ``left_out`` with their file.
    """
    left_out: dict[str, str] = {}
    folder, files = outcome.folder, outcome.files
    if folder is not None:
        inside = (x for x in folder.iterdir() if x.is_file() and x.suffix not in _LEFTOVERS)
        files = (*sorted(inside), *files)
    found = {
        "jaxcr": __version__,
        "command": command,
        "report": outcome.report,
        "folder": folder,
        "files": files,
        "warnings": outcome.warnings,
    }
    if folder is not None and folder / "result.h5" in files:
        found |= {"numbers": _numbers(folder / "result.h5", left_out), "left_out": left_out}
    return _plain(found)


def to_json(found: dict[str, Any]) -> str:
    """Return a document as one line; ``ValueError`` for what JSON has no word for."""
    return json.dumps(found, allow_nan=False)


def progress_bar(title: str, *, unit: str) -> Callable[[Iterable], Iterable]:
    """Return what wraps a loop in a progress bar on stderr; in a file it would be noise."""
    return lambda steps: tqdm(list(steps), desc=title, unit=unit, disable=None)


def _numbers(file: Path, left_out: dict[str, str]) -> dict[str, dict]:
    """Return the numbers and texts of a result file by group, but for the large arrays."""
    numbers: dict[str, dict] = {}
    with h5py.File(file) as result:
        for name, group in result.items():
            numbers[name] = dict(group.attrs)
            for key, data in group.items():
                if data.size > _MOST_NUMBERS:
                    left_out[f"{name}/{key}"] = str(file)
                else:
                    numbers[name][key] = data[()]
    return numbers


def _plain(value: Any) -> Any:
    """Return a value as types of JSON."""
    if isinstance(value, dict):
        return {str(key): _plain(x) for key, x in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(x) for x in value]
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return _plain(np.asarray(value).tolist())
