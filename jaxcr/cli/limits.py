"""Numbers that no setting can have: not finite, absurd, or too large for XLA. Imports no JAX."""

import dataclasses
import math
from typing import Any

from jaxcr.cli.toml_settings import LARGEST_INTEGER
from jaxcr.untrusted.sizes import MOST_CELLS

_MOST = {
    "cells": MOST_CELLS,
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

_LEAST = 1e-30
"""No length, field or rate in its unit is smaller, or larger than one over it."""


def check_one_of_both(names: str, *given: Any, remedy: str) -> None:
    """Raise ``ValueError`` when more than one of settings that exclude each other is given."""
    if sum(map(bool, given)) > 1:
        raise ValueError(f"{names}: expected one of them, got both. {remedy}")


def check_place(name: str, place: tuple[float | int, ...]) -> None:
    """Raise ``ValueError`` unless a setting is a position or a direction."""
    if len(place) != 3:
        raise ValueError(f"{name}: expected three numbers, got {len(place)}. Give x y z.")


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
            if type(number) is float and number and not _LEAST <= abs(number) <= 1 / _LEAST:
                raise ValueError(
                    f"{name}: expected 0, or a size from {_LEAST:g} to {1 / _LEAST:g}, "
                    f"got {number:g}. See --help for its unit."
                )
            if type(number) is int and (number > most or number < -LARGEST_INTEGER):
                raise ValueError(f"{name}: expected at most {most}, got {number}. See --help.")
