"""Named columns of numbers from a CSV file that a user wrote."""

import csv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from jaxcr.checks import ArgumentError, argument_error
from jaxcr.untrusted.sizes import read_text, shortened

_LARGEST = 1e100
"""Of a number, so that its square is one."""


def read_columns(
    path: Path, required: tuple[str, ...], optional: tuple[str, ...] = (), *, example: str
) -> dict[str, np.ndarray]:
    """Return the columns of a CSV file, ``(row,)`` each, of the optional ones those that it has.

    Parameters
    ----------
    path
        The file. Lines that start with ``#`` are comments, but for a header just above the rows.
    required, optional
        Names in the header, in any order; others are rejected.
    example
        A row, for messages.

    Raises
    ------
    ValueError
        When the file is missing, larger than 4 MiB or not text, a column is missing, unknown or
        there twice, a row is too short or too long, or a value is no finite number.
    """
    names = (*required, *optional)
    try:
        lines = [x.strip() for x in read_text(path).splitlines() if x.strip()]
        table = [[x.strip() for x in row] for row in csv.reader(_table(lines, required))]
    except (OSError, ValueError, csv.Error) as problem:
        raise argument_error(
            f"{path}",
            expected="a readable CSV file",
            got=shortened(getattr(problem, "strerror", None) or str(problem)),
            remedy=f"Give the path of a text file with columns {','.join(required)}.",
        ) from problem
    header, rows = (table[0], table[1:]) if table else ([], [])
    _check_header(path, header, required, optional)
    if not rows:
        raise _bad(
            path, "rows of numbers under the header", "none", f"Write rows such as {example}."
        )
    for number, row in enumerate(rows, start=1):
        if len(row) != len(header):
            remedy = "Write decimal points, not commas, and fill every column."
            expected = f"{len(header)} values, as in the header"
            raise _bad(f"{path}: row {number}", expected, ", ".join(row), remedy)
    return {
        name: _column(path, name, [row[header.index(name)] for row in rows], example)
        for name in names
        if name in header
    }


def _table(lines: list[str], required: tuple[str, ...]) -> list[str]:
    """Return the lines of the table; its header may be the comment above, as NumPy writes it."""
    rows = [x for x in lines if not x.startswith("#")]
    above = lines[: lines.index(rows[0])][-1:] if rows else []
    names = [x.strip() for x in above[0].lstrip("# ").split(",")] if above else []
    return [",".join(names), *rows] if set(required) <= set(names) else rows


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Begin the message of an error about the numbers of a file with its name."""
    try:
        yield
    except ArgumentError as problem:
        raise ArgumentError(f"{path}: {shortened(problem, 1000)}") from problem


def _check_header(path, header, required, optional) -> None:
    """Raise unless the header has the columns, each once, and no others."""
    missing = [name for name in required if name not in header]
    also = f" (and optionally {', '.join(optional)})" if optional else ""
    if missing:
        got, remedy = (
            ", ".join(header) or "an empty file",
            f"Add {', '.join(missing)} to the header line.",
        )
        for mark, name in ((";", "semicolons"), ("\t", "tabs"), (None, "spaces")):
            if len(header) == 1 and len(header[0].split(mark)) > 1:
                got, remedy = f"columns separated by {name}", "Separate them by commas."
                break
        raise _bad(f"{path}: columns", f"{', '.join(required)}{also}", got, remedy)
    unknown = [name for name in header if name not in (*required, *optional)]
    if unknown or len(set(header)) < len(header):
        expected = f"no others than {', '.join((*required, *optional))}, each once"
        remedy = "Correct the name, or take the column out."
        raise _bad(f"{path}: columns", expected, ", ".join(unknown or header), remedy)


def _bad(name: object, expected: str, got: str, remedy: str) -> ArgumentError:
    """Return the error about a table, with at most the beginning of what stands in the file."""
    return argument_error(f"{name}", expected=expected, got=shortened(got), remedy=remedy)


def _column(path: Path, name: str, texts: list[str], example: str) -> np.ndarray:
    values = np.empty(len(texts))
    for row, text in enumerate(texts):
        try:
            values[row] = float(text) if "_" not in text else np.nan  # Python takes 1_0 for 10
        except ValueError:
            values[row] = np.nan
        if not abs(values[row]) <= _LARGEST:
            remedy = f"Write numbers as in {example}; leave rows out that have none."
            name = f"{path}: column {name}, row {row + 1}"
            raise _bad(name, "a finite number", repr(text), remedy)
    return values
