"""Published and working-level numbers, each with its source and its status."""

import csv
import math
from importlib import resources
from typing import NamedTuple

import numpy as np

from jaxcr.observed.data import SpectrumData

WORKING_LEVEL = "IceCube + Tibet 2016: unpublished, working level, for demonstration"
"""How the output and every picture mark the embedded spectrum."""


class DipoleMeasurement(NamedTuple):
    """A first-harmonic measurement; ``nan`` where the source's abstract gives no number.

    Amplitudes and their errors are relative intensities; phases are right ascensions in degrees.
    """

    experiment: str
    year: int
    energy_TeV: float  # noqa: N815
    amplitude: float
    statistical: float
    systematic: float
    phase: float
    phase_statistical: float
    source: str


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


def dipole_measurements() -> list[DipoleMeasurement]:
    """Return the dipole amplitudes and phases that the abstracts of their sources state."""
    return [
        DipoleMeasurement(
            row["experiment"],
            int(row["year"]),
            _number(row["energy_TeV"]),
            1e-4 * _number(row["amplitude"]),
            1e-4 * _number(row["statistical"]),
            1e-4 * _number(row["systematic"]),
            _number(row["phase"]),
            _number(row["phase_statistical"]),
            row["source"],
        )
        for row in _rows("dipoles.csv")
    ]


def noise_levels() -> dict[str, float]:
    """Return the Poisson level of C_l in sr for HAWC-300 and IC86, as plotted in 2019."""
    return {row["detector"]: float(row["noise"]) for row in _rows("noise_levels.csv")}


def _rows(name: str) -> list[dict[str, str]]:
    text = (resources.files("jaxcr.observed") / name).read_text(encoding="utf-8")
    return list(csv.DictReader(x for x in text.splitlines() if not x.startswith("#")))


def _number(text: str) -> float:
    return float(text) if text else math.nan
