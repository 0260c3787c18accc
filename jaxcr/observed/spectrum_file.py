"""The CSV file in which users give their own angular power spectrum."""

from pathlib import Path

import numpy as np

from jaxcr.checks import argument_error
from jaxcr.observed.csv_columns import naming, read_columns
from jaxcr.observed.data import SpectrumData
from jaxcr.untrusted.sizes import shortened

COLUMNS = ("ell", "c_ell")
OPTIONAL_COLUMNS = ("error", "log_error", "noise")

_LARGEST_ELL = 1_000_000


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
        Columns ``ell`` and ``c_ell`` (sr), optionally ``error`` (of C_l beyond cosmic variance,
        sr) or ``log_error`` (the same of ln C_l), and ``noise`` (sr). Lines that start with ``#``
        are comments.
    num_skies, m0_blind, debiased
        As in `SpectrumData`.

    Raises
    ------
    ValueError
        When the file is missing or not text, a column is missing or unknown, a value is no
        number, both errors are given, an error belongs to a C_l <= 0, or as `SpectrumData`.

    Examples
    --------
    A file with two multipoles::

        # our spectrum, 10 TeV
        ell,c_ell,log_error
        1,1.6e-6,0.05
        2,1.9e-7,0.05
    """
    path = Path(path)
    columns = read_columns(path, COLUMNS, OPTIONAL_COLUMNS, example="1,1.6e-6")
    ell = columns["ell"]
    if np.any((ell != np.round(ell)) | (abs(ell) > _LARGEST_ELL)):
        raise argument_error(
            f"{path}: column ell",
            expected=f"whole numbers up to {_LARGEST_ELL}",
            got=shortened(ell.tolist()),
            remedy="Multipoles are integers.",
        )
    noise = columns.get("noise", np.zeros(ell.size))
    with naming(path):
        return SpectrumData(
            ell.astype(int),
            columns["c_ell"],
            _log_error(path, columns),
            noise,
            num_skies,
            m0_blind,
            debiased,
            str(path.name),
        )


def _log_error(path: Path, columns: dict[str, np.ndarray]) -> np.ndarray:
    """Return the error of ln C_l, from that of C_l where the file has this."""
    if "error" not in columns:
        return columns.get("log_error", np.zeros(columns["ell"].size))
    if "log_error" in columns:
        raise argument_error(
            f"{path}: columns", expected="error or log_error", got="both",
            remedy="log_error = error / c_ell: leave one out.",
        )  # fmt: skip
    bad = columns["ell"][(columns["c_ell"] <= 0) & (columns["error"] > 0)]
    if bad.size:
        raise argument_error(
            f"{path}: column error", expected="errors of C_l > 0",
            got=f"C_l <= 0 at l = {shortened(bad.astype(int).tolist())}",
            remedy="Give what scatters there as noise, or leave those multipoles out.",
        )  # fmt: skip
    return np.where(columns["error"] == 0, 0.0, columns["error"] / columns["c_ell"])
