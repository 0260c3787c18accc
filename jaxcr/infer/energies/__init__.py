"""Skies at the observed energies: waves over five decades, and tables of them."""

from jaxcr.infer.energies.skies import RANGES, skies_at_energy
from jaxcr.infer.energies.table import (
    NUM_FIELDS,
    EnergyTable,
    check_tabulated,
    energy_axes,
    energy_label,
    energy_table,
    parse_energy,
    read_table,
    simulate_table,
    tabulated_energies,
    write_table,
)

__all__ = [
    "NUM_FIELDS",
    "RANGES",
    "EnergyTable",
    "check_tabulated",
    "energy_axes",
    "energy_label",
    "energy_table",
    "parse_energy",
    "read_table",
    "simulate_table",
    "skies_at_energy",
    "tabulated_energies",
    "write_table",
]
