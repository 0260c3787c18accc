"""Named columns of numbers from a CSV file that a user wrote."""

import csv
import math
from pathlib import Path

import numpy as np

from jaxcr.arrays import argument_error


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
        When the file is missing or not text, a column is missing or unknown, a row is too short
        or too long, or a value is no finite number.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")  # spreadsheets write a byte-order mark
        lines = [x for x in text.splitlines() if x.strip() and not x.lstrip().startswith("#")]
        table = [[x.strip() for x in row] for row in csv.reader(lines)]
    except (OSError, UnicodeDecodeError, csv.Error) as problem:
        raise argument_error(
            f"{path}",
            expected="a readable CSV file",
            got=type(problem).__name__,
            remedy=f"Give the path of a text file with columns {','.join(required)}.",
        ) from problem
    _check_table(path, table, required, optional, example)
    rows = [dict(zip(table[0], row, strict=True)) for row in table[1:]]
    return {
        name: _column(path, rows, name, example)
        for name in (*required, *optional)
        if name in table[0]
    }


def _check_table(path, table, required, optional, example) -> None:
    """Raise unless there are a header with the columns, and rows of its length."""
    header = table[0] if table else []
    missing = [name for name in required if name not in header]
    if missing:
        also = f" (and optionally {', '.join(optional)})" if optional else ""
        raise argument_error(
            f"{path}: columns",
            expected=f"{', '.join(required)}{also}",
            got=", ".join(header)[:200] or "an empty file",
            remedy=f"Add {', '.join(missing)} to the header line.",
        )
    unknown = [name for name in header if name not in (*required, *optional)]
    if unknown:
        raise argument_error(
            f"{path}: columns",
            expected=f"no others than {', '.join((*required, *optional))}",
            got=", ".join(unknown)[:200],
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
                got=", ".join(row),
                remedy="Write decimal points, not commas, and fill every column.",
            )


def _column(path: Path, rows: list[dict[str, str]], name: str, example: str) -> np.ndarray:
    values = []
    for number, row in enumerate(rows, start=1):
        try:
            values.append(float(row[name]))
        except ValueError:
            values.append(math.nan)
        if not math.isfinite(values[-1]):
            raise argument_error(
                f"{path}: column {name}, row {number}",
                expected="a finite number",
                got=repr(row[name]),
                remedy=f"Write numbers as in {example}; leave rows out that have none.",
            )
    return np.array(values)
