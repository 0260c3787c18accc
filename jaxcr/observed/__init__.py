"""Observed numbers, with source and status."""

from jaxcr.annotations import checked_folder
from jaxcr.observed.data import SpectrumData
from jaxcr.observed.spectrum_file import read_spectrum
from jaxcr.observed.tables import (
    WORKING_LEVEL,
    noise_levels,
    working_level_spectrum,
)

__all__ = [
    "WORKING_LEVEL",
    "SpectrumData",
    "noise_levels",
    "read_spectrum",
    "working_level_spectrum",
]

checked_folder(globals())
