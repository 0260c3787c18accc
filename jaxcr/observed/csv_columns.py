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
        The file. Lines that start with ``#`` are comments.
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
    try:
        text = read_text(path)
        lines = [x for x in text.splitlines() if x.strip() and not x.lstrip().startswith("#")]
        table = [[x.strip() for x in row] for row in csv.reader(lines)]
    except (OSError, ValueError, csv.Error) as problem:
        raise argument_error(
            f"{path}",
            expected="a readable CSV file",
            got=shortened(getattr(problem, "strerror", None) or str(problem)),
            remedy=f"Give the path of a text file with columns {','.join(required)}.",
        ) from problem
    _check_table(path, table, required, optional, example)
    header, rows = table[0], table[1:]
    return {
        name: _column(path, name, [row[header.index(name)] for row in rows], example)
        for name in (*required, *optional)
        if name in header
    }


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Begin the message of an error about the numbers of a file with its name."""
    try:
        yield
    except ArgumentError as problem:
        raise ArgumentError(f"{path}: {shortened(problem, 1000)}") from problem


def _check_table(path, table, required, optional, example) -> None:
    """Raise unless there are a header with the columns, and rows of its length."""
    header = table[0] if table else []
    missing = [name for name in required if name not in header]
    if missing:
        also = f" (and optionally {', '.join(optional)})" if optional else ""
        raise argument_error(
            f"{path}: columns",
            expected=f"{', '.join(required)}{also}",
            got=shortened(", ".join(header)) or "an empty file",
            remedy=f"Add {', '.join(missing)} to the header line.",
        )
    unknown = [name for name in header if name not in (*required, *optional)]
    if unknown or len(set(header)) < len(header):
        raise argument_error(
            f"{path}: columns",
            expected=f"no others than {', '.join((*required, *optional))}, each once",
            got=shortened(", ".join(unknown or header)),
            remedy="Correct the name, or take the column out.",
        )
    if len(table) == 1:
        raise argument_error(
            f"{path}",
            expected="rows of numbers under the header",
            got="none",
            remedy=f"Write rows such as {example}.",
        )
    for number, row in enumerate(table[1:], start=1):
        if len(row) != len(header):
            raise argument_error(
                f"{path}: row {number}",
                expected=f"{len(header)} values, as in the header",
                got=shortened(", ".join(row)),
                remedy="Write decimal points, not commas, and fill every column.",
            )


def _column(path: Path, name: str, texts: list[str], example: str) -> np.ndarray:
    values = np.empty(len(texts))
    for row, text in enumerate(texts):
        try:
            values[row] = float(text)
        except ValueError:
            values[row] = np.nan
        if not abs(values[row]) <= _LARGEST:
            raise argument_error(
                f"{path}: column {name}, row {row + 1}",
                expected="a finite number",
                got=shortened(repr(text)),
                remedy=f"Write numbers as in {example}; leave rows out that have none.",
            )
    return values
