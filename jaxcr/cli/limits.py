"""Numbers that no setting can have: not finite, or so large that XLA ends the process. No JAX."""

import dataclasses
import math
from typing import Any

from jaxcr.cli.toml_settings import LARGEST_INTEGER

_MOST = {
    "cells": 2**13,
    "nside": 2**13,
    "per_pixel": 2**20,
    "num": 2**32,
    "samples": 2**24,
    "num_sites": 2**30,
    "observers_per_axis": 2**10,
    "num_fields": 2**20,
    "num_nodes": 2**20,
    "realisations": 2**20,
    "skies": 2**20,
    "target_skies": 2**20,
    "num_starts": 2**20,
    "adam_steps": 2**30,
    "boundary_lmax": 2**13,
}
"""No machine has the memory for more. Other whole numbers must fit into 64 bits."""


def check_sizes(settings: Any, prefix: str = "--") -> None:
    """Raise ``ValueError`` for a number that is not finite, or too large for any machine."""
    for field in dataclasses.fields(settings):
        value, name = getattr(settings, field.name), prefix + field.name.replace("_", "-")
        if dataclasses.is_dataclass(value):
            check_sizes(value, f"{name}.")
        most = _MOST.get(field.name, LARGEST_INTEGER)
        for number in value if isinstance(value, tuple) else (value,):
            if type(number) is float and not math.isfinite(number):
                raise ValueError(f"{name}: expected a finite number, got {number}. See --help.")
            if type(number) is int and (number > most or number < -LARGEST_INTEGER):
                raise ValueError(f"{name}: expected at most {most}, got {number}. See --help.")
