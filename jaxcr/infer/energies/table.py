"""Tables of transfer tensors over dB/B0 and spectral index, one for each energy."""

import functools
import io
import json
from importlib import resources
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from jaxcr.checks import argument_error
from jaxcr.infer.emulator import TransferEmulator, TurbulenceAxis, build_emulator, turbulence_axes
from jaxcr.infer.emulator.build import assemble
from jaxcr.infer.emulator.emulator import HALF_MAP
from jaxcr.infer.emulator.node_skies import Progress
from jaxcr.infer.energies.packing import pack_tensors, unpack_tensors
from jaxcr.infer.energies.skies import RANGES, skies_at_energy
from jaxcr.infer.models import TrapSeries
from jaxcr.infer.models.sky_model import trap_family
from jaxcr.infer.skies import SkyEnsemble
from jaxcr.runtime.atomic import write_whole

NUM_FIELDS = 96
"""Skies at each point of a table, one in each field."""

_NUM_NODES = 16
_UNITS = {"GeV": 1e-6, "TeV": 1e-3, "PeV": 1.0}
_SAME = 1e-6
"""Relative difference below which two energies are the same."""

_WIDTHS = (0.0, 0.1, 0.3)
"""Edge widths of the traps whose skies a table keeps, rad."""


class EnergyTable(NamedTuple):
    """Skies at one energy.

    Attributes
    ----------
    energy
        PeV.
    skies
        The ensemble that was, or is to be, simulated.
    emulator
        Its transfer tensors over dB/B0 and index.
    notes
        Number of fields, versions and date of a stored table.
    """

    energy: float
    skies: SkyEnsemble
    emulator: TransferEmulator
    notes: dict


def tabulated_energies() -> tuple[float, ...]:
    """Return the energies of the tables in the package, PeV, rising."""
    return tuple(sorted(_stored()))


def parse_energy(text: str) -> float:
    """Return PeV of "20TeV", "0.75 PeV" or "3e4GeV".

    Raises
    ------
    ValueError
        For anything else.
    """
    number, unit = text.strip()[:-3], text.strip()[-3:]
    try:
        energy = float(number) * _UNITS[unit]
    except (ValueError, KeyError):
        energy = float("nan")
    if not 0 < energy < float("inf"):
        units = f"a positive number with {', '.join(_UNITS)}"
        raise argument_error("energy", expected=units, got=repr(text), remedy="Like 20TeV.")
    return energy


def energy_label(energy: float) -> str:
    """Return "20TeV" for 0.02 PeV, "1.5PeV" for 1.5."""
    return f"{energy * 1e3:g}TeV" if energy < 1 else f"{energy:g}PeV"


def energy_table(
    energy: float,
    *,
    recompute: bool = False,
    num_fields: int = NUM_FIELDS,
    cache: bool | Path = True,
    progress: Progress = lambda x: x,
) -> EnergyTable:
    """Return the package's table of an energy, or simulate it.

    Parameters
    ----------
    energy
        PeV, of protons.
    recompute
        Simulate, at any energy: 16 points of ``num_fields`` skies, half an hour at 20 TeV on two
        cores.
    num_fields, cache, progress
        As for `build_emulator`, with ``recompute``; finished fields are kept.

    Raises
    ------
    ValueError
        Without ``recompute``, for an energy that has no table.
    """
    if recompute:
        return simulate_table(energy, num_fields=num_fields, cache=cache, progress=progress)
    with resources.as_file(check_tabulated(energy)) as file:
        return read_table(file)


def energy_axes(skies: SkyEnsemble) -> tuple[TurbulenceAxis, ...]:
    """Return the parameters of turbulence of a table: dB/B0 and index."""
    return turbulence_axes(skies, tuple(RANGES), RANGES)


def check_tabulated(energy: float) -> resources.abc.Traversable:
    """Return the file of an energy in PeV, or raise ``ValueError`` where there is none."""
    for stored, path in _stored().items():
        if abs(energy / stored - 1) < _SAME:
            return path
    raise argument_error(
        "energy",
        expected="one of " + ", ".join(map(energy_label, tabulated_energies())),
        got=energy_label(energy),
        remedy="Any other energy can be simulated: --recompute, or recompute=True in Python.",
    )


def simulate_table(
    energy: float,
    *,
    num_fields: int = NUM_FIELDS,
    cache: bool | Path = True,
    progress: Progress = lambda x: x,
) -> EnergyTable:
    """Simulate the skies of one energy over dB/B0 and index; field by field from the cache."""
    skies = skies_at_energy(energy)
    emulator = build_emulator(
        skies, tuple(RANGES), num_fields=num_fields, num_nodes=_NUM_NODES, ranges=RANGES,
        cache=cache, progress=progress,
    )  # fmt: skip
    return EnergyTable(energy, skies, emulator, {"num_fields": num_fields})


def write_table(table: EnergyTable, path: Path, notes: dict) -> None:
    """Write a table to a compressed NPZ file of bytes, see `pack_tensors`.

    Parameters
    ----------
    notes
        What made it, of types that JSON has.
    """
    emulator = table.emulator
    file = io.BytesIO()
    np.savez_compressed(
        file,
        energy=table.energy,
        nodes=np.asarray(emulator.nodes),
        noise=np.asarray(emulator.noise),
        notes=json.dumps(table.notes | notes),
        **pack_tensors(
            np.asarray(emulator.tensors),
            HALF_MAP * np.asarray(emulator.noise),
            _boundaries(emulator.boundary_lmax),
        ),
    )
    write_whole(path, file.getvalue())


def read_table(path: Path) -> EnergyTable:
    """Return a table that `write_table` wrote, with the ensemble that it was simulated with."""
    with np.load(path) as stored:
        energy, notes = float(stored["energy"]), json.loads(str(stored["notes"]))
        tensors, nodes, noise = unpack_tensors(stored), stored["nodes"], stored["noise"]
    skies = skies_at_energy(energy)
    emulator = assemble(
        energy_axes(skies), nodes, tensors, noise,
        num_observers=skies.num_observers, convention=skies.conventions(),
    )  # fmt: skip
    return EnergyTable(energy, skies, emulator, notes)


@functools.cache
def _stored() -> dict[float, resources.abc.Traversable]:
    """Return the files of the package by energy in PeV."""
    folder = resources.files("jaxcr.infer.energies").joinpath("data")
    files = [x for x in folder.iterdir() if x.name.endswith("eV.npz")]
    return {parse_energy(x.name.removesuffix(".npz")): x for x in files}


def _boundaries(lmax: int) -> Float[np.ndarray, "boundary l"]:
    """Return series of a dipole and of many traps."""
    return np.concatenate([np.eye(1, lmax + 1, 1), trap_family(TrapSeries(lmax=lmax), _WIDTHS)])
