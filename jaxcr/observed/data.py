"""An angular power spectrum to be fitted, and the file format for a user's own."""

import csv
import math
from pathlib import Path

import equinox as eqx
import numpy as np
from jaxtyping import Array, Float, Int

from jaxcr.arrays import argument_error

COLUMNS = ("ell", "c_ell")
OPTIONAL_COLUMNS = ("log_error", "noise")


class SpectrumData(eqx.Module):
    """Measured C_l of the relative intensity.

    Attributes
    ----------
    ell, c_ell
        Multipoles in rising order, and C_l in sr, ``(ell,)``.
    log_error
        Error of ln C_l beyond cosmic variance, ``(ell,)``.
    noise
        Noise level N_l that is in, or was subtracted from, c_ell; sr, ``(ell,)``.
    num_skies
        Independent skies that c_ell is the mean of; 1 for an observation.
    m0_blind
        Whether a_l0 was lost, as in every spectrum from ground experiments: the model is then
        multiplied by 2l/(2l+1).
    debiased
        Whether the noise was subtracted; only then may C_l be negative.
    label
        Where the numbers are from, and what they are worth.
    """

    ell: Int[Array | np.ndarray, " ell"]
    c_ell: Float[Array | np.ndarray, " ell"]
    log_error: Float[Array | np.ndarray, " ell"]
    noise: Float[Array | np.ndarray, " ell"]
    num_skies: int = eqx.field(static=True, default=1)
    m0_blind: bool = eqx.field(static=True, default=False)
    debiased: bool = eqx.field(static=True, default=True)
    label: str = eqx.field(static=True, default="")

    def __check_init__(self):
        self._check_order()
        self._check_values()

    def _check_order(self):
        if self.ell.size == 0 or self.ell[0] < 1 or np.any(np.diff(self.ell) <= 0):
            raise argument_error(
                "SpectrumData: ell",
                expected="multipoles from 1 on, in strictly rising order",
                got=str(self.ell.tolist()),
                remedy="Sort the rows by ell, and leave out l = 0 and repeats.",
            )

    def _check_values(self):
        for name in ("c_ell", "log_error", "noise"):
            values = getattr(self, name)
            if values.shape != self.ell.shape or not np.all(np.isfinite(values)):
                raise argument_error(
                    f"SpectrumData: {name}",
                    expected=f"{self.ell.size} finite numbers, one for each ell",
                    got=str(values.tolist()),
                    remedy="Leave out multipoles that were not measured.",
                )
        if np.any(self.log_error < 0) or np.any(self.noise < 0):
            raise argument_error(
                "SpectrumData: log_error, noise",
                expected="numbers >= 0",
                got=f"{self.log_error.tolist()}, {self.noise.tolist()}",
                remedy="Both are levels, in ln C_l and in sr.",
            )
        self._check_sign()

    def _check_sign(self):
        bad = self.ell[(self.total() if self.debiased else self.c_ell) <= 0]
        if bad.size:
            raise argument_error(
                "SpectrumData: c_ell",
                expected="C_l > 0, or debiased C_l with C_l + noise > 0",
                got=f"not so at l = {bad.tolist()}",
                remedy="If the noise was subtracted set debiased = true and give the noise "
                "column; otherwise leave those multipoles out.",
            )

    def total(self) -> Float[Array | np.ndarray, " ell"]:
        """Return C_l + N_l, whose logarithm is compared."""
        return self.c_ell + self.noise if self.debiased else self.c_ell

    def select(self, keep: np.ndarray) -> "SpectrumData":
        """Return the data of the multipoles where ``keep`` is true."""
        return SpectrumData(
            self.ell[keep], self.c_ell[keep], self.log_error[keep], self.noise[keep],
            self.num_skies, self.m0_blind, self.debiased, self.label,
        )  # fmt: skip

    def with_level(self, level: float) -> "SpectrumData":
        """Return the data with a constant (sr) added to the noise, to be added to models too."""
        c_ell = self.c_ell if self.debiased else self.c_ell + level
        return SpectrumData(
            self.ell, c_ell, self.log_error, self.noise + level,
            self.num_skies, self.m0_blind, self.debiased, self.label,
        )  # fmt: skip


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
        When the file is missing or not text, lacks a column, or a value is not a number.

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
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as problem:
        raise argument_error(
            f"{path}",
            expected="a readable CSV file",
            got=type(problem).__name__,
            remedy="Give the path of a text file with columns ell,c_ell.",
        ) from problem
    lines = [x for x in text.splitlines() if x.strip() and not x.lstrip().startswith("#")]
    rows = list(csv.DictReader(lines, skipinitialspace=True))
    found = [name.strip() for name in (rows[0] if rows else {}) if name]
    missing = [name for name in COLUMNS if name not in found]
    if missing:
        raise argument_error(
            f"{path}: columns",
            expected=f"{', '.join(COLUMNS)} (and optionally {', '.join(OPTIONAL_COLUMNS)})",
            got=", ".join(found) or "no rows",
            remedy=f"Add {', '.join(missing)} to the header line.",
        )
    return rows


def _column(path: Path, rows: list[dict[str, str]], name: str) -> np.ndarray:
    values = []
    for number, row in enumerate(rows, start=1):
        try:
            values.append(float(row[name]))
        except (TypeError, ValueError):
            values.append(math.nan)
        if not math.isfinite(values[-1]):
            raise argument_error(
                f"{path}: column {name}, row {number}",
                expected="a finite number",
                got=repr(row[name]),
                remedy="Write numbers such as 1.6e-6; leave rows out that have none.",
            )
    return np.array(values)
