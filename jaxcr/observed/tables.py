"""Published and working-level numbers, each with its source and its status."""

import csv
from importlib import resources

import numpy as np

from jaxcr.observed.data import SpectrumData

WORKING_LEVEL = "IceCube + Tibet 2016: unpublished, working level, for demonstration"
"""How the output and every picture mark the embedded spectrum."""


def working_level_spectrum() -> SpectrumData:
    """Return C_1 ... C_4 of the joint IceCube and Tibet fit of 2016.

    Unpublished, working level, for demonstration: the errors of its fit are meaningless, so
    ``log_error`` is the difference of two truncations, a lower bound. Blind to m = 0.
    """
    rows = _rows("spectrum_icecube_tibet_2016.csv")
    c_ell = np.array([float(row["c_ell_lmax4"]) for row in rows])
    other = np.array([float(row["c_ell_lmax3"] or row["c_ell_lmax4"]) for row in rows])
    return SpectrumData(
        ell=np.array([int(row["ell"]) for row in rows]),
        c_ell=c_ell,
        log_error=np.abs(np.log(other / c_ell)),
        noise=np.full(len(rows), noise_levels()["IC86"]),
        num_skies=1,
        m0_blind=True,
        debiased=True,
        label=WORKING_LEVEL,
    )


def noise_levels() -> dict[str, float]:
    """Return the Poisson level of C_l in sr for HAWC-300 and IC86, as plotted in 2019."""
    return {row["detector"]: float(row["noise"]) for row in _rows("noise_levels.csv")}


def _rows(name: str) -> list[dict[str, str]]:
    text = (resources.files("jaxcr.observed") / name).read_text(encoding="utf-8")
    return list(csv.DictReader(x for x in text.splitlines() if not x.startswith("#")))
