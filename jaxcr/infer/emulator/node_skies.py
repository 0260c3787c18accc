"""Simulate the skies at nodes, field by field: cached, resumable, fields shared where possible."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import jax
import numpy as np
from jaxtyping import Array, Float

from jaxcr.infer.emulator.axes import TurbulenceAxis, physical_values
from jaxcr.infer.skies import SkyEnsemble, simulate_tensors
from jaxcr.infer.skies.sky_parameters import SPECTRAL_PARAMETERS
from jaxcr.runtime import cached_arrays

_FORMAT = 1
"""Part of the cache's key: raise it when skies or their reduction change."""

Progress = Callable[[Iterator], Iterator]
"""Wraps a loop over fields."""


def stored_tensors(
    skies: SkyEnsemble,
    axes: tuple[TurbulenceAxis, ...],
    nodes: Float[Array | np.ndarray, "node axis"],
    numbers: range,
    cache: bool | Path = False,
    progress: Progress = lambda x: x,
) -> tuple[Float[np.ndarray, "node sky ell pair"], Float[np.ndarray, " node"]]:
    """Return tensors and noise of all nodes in the fields of these numbers.

    Parameters
    ----------
    nodes
        Coordinates on the axes.
    cache
        ``True`` (the user's folder) or a folder: a finished field is read from it.
    """
    directory = cache if isinstance(cache, Path) else None
    nodes = np.asarray(nodes)

    def one(number: int) -> dict[str, np.ndarray]:
        if cache is False:
            return field_tensors(skies, axes, nodes, number)
        key = {
            "format": _FORMAT,
            "skies": [str(jax.tree.structure(skies)), str(skies)],
            "axes": [axis.field for axis in axes],
            "nodes": nodes.round(12).tolist(),
            "number": number,
        }
        compute = lambda: field_tensors(skies, axes, nodes, number)  # noqa: E731 passed on
        return cached_arrays("sky-tensors", key, compute, directory=directory)[0]

    found = _on_all_devices(one, numbers, progress)
    noise = np.mean([f["noise"] for f in found], axis=0)
    return np.concatenate([f["tensors"] for f in found], axis=1), noise


def _on_all_devices(one: Callable[[int], dict], numbers: range, progress: Progress) -> list[dict]:
    """Return one field after the other, as many at once as there are devices."""
    devices = jax.local_devices()
    if len(devices) == 1:
        return [one(number) for number in progress(numbers)]

    def placed(number: int) -> dict:
        with jax.default_device(devices[number % len(devices)]):
            return one(number)

    with ThreadPoolExecutor(len(devices)) as pool:
        waiting = [pool.submit(placed, number) for number in numbers]
        return [waiting[i].result() for i, _ in enumerate(progress(numbers))]


def field_tensors(
    skies: SkyEnsemble,
    axes: tuple[TurbulenceAxis, ...],
    nodes: Float[np.ndarray, "node axis"],
    number: int,
) -> dict[str, np.ndarray]:
    """Return the tensors of one field at all nodes, ``(node, observer, ell, pair)``, and noise.

    Nodes that differ only by what acts on the orbits share one realisation.
    """
    values = [{name: float(x) for name, x in physical_values(axes, node).items()} for node in nodes]
    groups: dict[tuple, list[int]] = {}
    for i, row in enumerate(values):
        spectral = tuple(x for name, x in row.items() if name in SPECTRAL_PARAMETERS)
        groups.setdefault(spectral, []).append(i)
    results: dict[int, tuple] = {}
    for members in groups.values():
        turbulence = None
        for i in members:
            parameters = skies.at(**values[i])
            if turbulence is None:
                turbulence = skies.turbulence(number, parameters)
            results[i] = simulate_tensors(skies, turbulence, parameters)
    ordered = [results[i] for i in range(len(nodes))]
    return {
        "tensors": np.stack([np.asarray(k, np.float32) for k, _ in ordered]),
        "noise": np.array([float(n) for _, n in ordered]),
    }
