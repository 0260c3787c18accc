"""The CSV file in which users give their own angular power spectrum."""

import csv
import math
from pathlib import Path

import numpy as np

from jaxcr.arrays import argument_error
from jaxcr.observed.data import SpectrumData

COLUMNS = ("ell", "c_ell")
OPTIONAL_COLUMNS = ("log_error", "noise")


def read_spectrum(
    path: str | Path,
    *,
    num_skies: int = 1,
    m0_blind: bool = False,
    debiased: bool = False,
) -> SpectrumData:
    """Read a spectrum from a CSV file.

    Parameters
    ----------
    path
        Columns ``ell`` and ``c_ell`` (sr), optionally ``log_error`` (error of ln C_l beyond
        cosmic variance) and ``noise`` (sr). Lines that start with ``#`` are comments.
    num_skies, m0_blind, debiased
        As in `SpectrumData`.

    Raises
    ------
    ValueError
        When the file is missing or not text, a column is missing or unknown, a value is no
        number, or as `SpectrumData`.

    Examples
    --------
    A file with two multipoles::

        # our spectrum, 10 TeV
        ell,c_ell,log_error
        1,1.6e-6,0.05
        2,1.9e-7,0.05
    """
    path = Path(path)
    rows = _read_rows(path)
    columns = {
        name: _column(path, rows, name) for name in (*COLUMNS, *OPTIONAL_COLUMNS) if name in rows[0]
    }
    ell = columns["ell"]
    if np.any(ell != np.round(ell)):
        raise argument_error(
            f"{path}: column ell",
            expected="whole numbers",
            got=str(ell.tolist()),
            remedy="Multipoles are integers.",
        )
    zeros = np.zeros(ell.size)
    return SpectrumData(
        ell.astype(int),
        columns["c_ell"],
        columns.get("log_error", zeros),
        columns.get("noise", zeros),
        num_skies,
        m0_blind,
        debiased,
        str(path.name),
    )


def _read_rows(path: Path) -> list[dict[str, str]]:
    """Return the rows of the table by column, every row with all columns."""
    try:
        text = path.read_text(encoding="utf-8-sig")  # spreadsheets write a byte-order mark
        lines = [x for x in text.splitlines() if x.strip() and not x.lstrip().startswith("#")]
        table = [[x.strip() for x in row] for row in csv.reader(lines)]
    except (OSError, UnicodeDecodeError, csv.Error) as problem:
        raise argument_error(
            f"{path}",
            expected="a readable CSV file",
            got=type(problem).__name__,
            remedy="Give the path of a text file with columns ell,c_ell.",
        ) from problem
    _check_table(path, table)
    return [dict(zip(table[0], row, strict=True)) for row in table[1:]]


def _check_table(path: Path, table: list[list[str]]) -> None:
    """Raise unless there are a header with the columns, and rows of its length."""
    header = table[0] if table else []
    missing = [name for name in COLUMNS if name not in header]
    if missing:
        raise argument_error(
            f"{path}: columns",
            expected=f"{', '.join(COLUMNS)} (and optionally {', '.join(OPTIONAL_COLUMNS)})",
            got=", ".join(header)[:200] or "an empty file",
            remedy=f"Add {', '.join(missing)} to the header line.",
        )
    unknown = [name for name in header if name not in (*COLUMNS, *OPTIONAL_COLUMNS)]
    if unknown:
        raise argument_error(
            f"{path}: columns",
            expected=f"no others than {', '.join((*COLUMNS, *OPTIONAL_COLUMNS))}",
            got=", ".join(unknown)[:200],
            remedy="Correct the name, or take the column out.",
        )
    if len(table) == 1:
        raise argument_error(
            f"{path}",
            expected="rows of numbers under the header",
            got="none",
            remedy="Write one row for each multipole, such as 1,1.6e-6.",
        )
    for number, row in enumerate(table[1:], start=1):
        if len(row) != len(header):
            raise argument_error(
                f"{path}: row {number}",
                expected=f"{len(header)} values, as in the header",
                got=", ".join(row),
                remedy="Write decimal points, not commas, and fill every column.",
            )


def _column(path: Path, rows: list[dict[str, str]], name: str) -> np.ndarray:
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
                remedy="Write numbers such as 1.6e-6; leave rows out that have none.",
            )
    return np.array(values)
