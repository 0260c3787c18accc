"""An emulator as named arrays, and back."""

import numpy as np

from jaxcr.infer.emulator.axes import turbulence_axes
from jaxcr.infer.emulator.build import assemble
from jaxcr.infer.emulator.emulator import TransferEmulator
from jaxcr.infer.skies import SkyEnsemble


def emulator_arrays(emulator: TransferEmulator) -> dict[str, np.ndarray]:
    """Return the arrays to store, by name."""
    return {
        "fields": np.array([axis.field for axis in emulator.axes]),
        "ranges": np.array([[float(axis.physical(x)) for x in (axis.low, axis.high)]
                            for axis in emulator.axes]),
        "nodes": np.asarray(emulator.nodes),
        "tensors": np.asarray(emulator.tensors),
        "noise": np.asarray(emulator.noise),
        "num_observers": np.asarray(emulator.num_observers),
        "convention": np.asarray(emulator.convention),
    }  # fmt: skip


def emulator_from_arrays(skies: SkyEnsemble, arrays: dict[str, np.ndarray]) -> TransferEmulator:
    """Return the emulator whose arrays were stored; priors are the defaults of the ensemble.

    Parameters
    ----------
    skies
        The ensemble that they were simulated with.
    """
    names = tuple(str(name) for name in arrays["fields"])
    ranges = {n: (float(r[0]), float(r[1])) for n, r in zip(names, arrays["ranges"], strict=True)}
    axes = turbulence_axes(skies, names, ranges)
    return assemble(
        axes,
        arrays["nodes"],
        arrays["tensors"],
        arrays["noise"],
        num_observers=int(arrays["num_observers"]),
        convention=str(arrays["convention"]),
    )
