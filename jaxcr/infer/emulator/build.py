"""Build an emulator: its axes, nodes, skies, weights and error."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxcr.checks import check_shape
from jaxcr.infer.emulator.axes import TurbulenceAxis, narrowed, turbulence_axes
from jaxcr.infer.emulator.cross_validation import leave_one_out
from jaxcr.infer.emulator.design import default_degrees, default_num_nodes, design_nodes
from jaxcr.infer.emulator.emulator import TransferEmulator, independent_skies
from jaxcr.infer.emulator.node_skies import Progress, stored_tensors
from jaxcr.infer.emulator.positive import EntropyWeights
from jaxcr.infer.emulator.weights import ChebyshevWeights, NodeWeights
from jaxcr.infer.skies import SkyEnsemble


def build_emulator(
    skies: SkyEnsemble,
    names: tuple[str, ...] = ("level",),
    *,
    num_fields: int,
    num_nodes: int | None = None,
    ranges: Mapping[str, tuple[float, float]] | None = None,
    nodes: Sequence[Sequence[float]] | Float[np.ndarray, "node axis"] | None = None,
    first_field: int = 0,
    cache: bool | Path = False,
    progress: Progress = lambda x: x,
) -> TransferEmulator:
    """Simulate the skies of an emulator over some parameters of turbulence.

    Parameters
    ----------
    names, ranges
        Fields of `SkyParameters`, and ranges of some of them; see `turbulence_axes`. Give the
        one that bends the spectra most first.
    num_fields
        Realisations of the turbulence; each gives ``skies.num_observers`` skies at every node.
    num_nodes
        Default: 12, 19, 29, 40 for one to four parameters.
    nodes
        Values of the parameters at nodes of one's own, in place of number and ranges.
    first_field
        Number of the first field: disjoint numbers give independent skies.
    cache
        ``True`` (the user's folder) or a folder: a finished field is read from it, so that a
        killed build continues.
    progress
        Wraps the loop over fields, for example ``tqdm.tqdm``.

    Notes
    -----
    Cost: nodes × skies × orbits × steps. Memory: 325 (lmax + 1) × 4 bytes a sky and node for a
    boundary up to l = 24.
    """
    numbers = range(first_field, first_field + num_fields)
    if nodes is not None:
        axes, points = _own_nodes(skies, names, np.asarray(nodes, np.float64))
        return simulated_emulator(skies, axes, points, numbers, cache, progress)
    axes = turbulence_axes(skies, names, ranges)
    num = default_num_nodes(len(names)) if num_nodes is None else num_nodes
    unit = design_nodes(num, _degrees(len(names), num))
    return simulated_emulator(skies, axes, _unscaled(unit, axes), numbers, cache, progress)


def recentred(
    emulator: TransferEmulator,
    skies: SkyEnsemble,
    point: Float[Array, " axis"],
    *,
    half_widths: Sequence[float] | Float[np.ndarray, " axis"],
    num_nodes: int | None = None,
    first_field: int = 0,
    cache: bool | Path = False,
    progress: Progress = lambda x: x,
) -> TransferEmulator:
    """Return an emulator with nodes closer about a point, from the same number of fields.

    Parameters
    ----------
    point
        Coordinates of the new centre, for example of a best fit.
    half_widths
        Of the new box in the coordinates: about three errors of the fit. The box is cut at the
        old bounds.
    """
    axes = tuple(
        narrowed(axis, float(x), float(width))
        for axis, x, width in zip(emulator.axes, point, half_widths, strict=True)
    )
    num = default_num_nodes(len(axes)) if num_nodes is None else num_nodes
    unit = design_nodes(num, _degrees(len(axes), num))
    num_fields = emulator.num_skies // emulator.num_observers
    numbers = range(first_field, first_field + num_fields)
    return simulated_emulator(skies, axes, _unscaled(unit, axes), numbers, cache, progress)


def assemble(
    axes: tuple[TurbulenceAxis, ...],
    nodes: Float[np.ndarray, "node axis"],
    tensors: Float[np.ndarray, "node sky ell pair"],
    noise: Float[np.ndarray, " node"],
    *,
    num_observers: int,
    convention: str,
) -> TransferEmulator:
    """Return the emulator of simulated tensors: weights of the nodes, cross-validated error."""
    low, high = [axis.low for axis in axes], [axis.high for axis in axes]
    emulator = TransferEmulator(
        axes=axes,
        nodes=jnp.asarray(nodes),
        tensors=jnp.asarray(tensors, jnp.float32),
        noise=jnp.asarray(noise),
        mean_weights=ChebyshevWeights(nodes, low, high, _degrees(len(axes), len(nodes))),
        covariance_weights=EntropyWeights(nodes, low, high),
        error=jnp.zeros(tensors.shape[2]),
        num_observers=num_observers,
        independent_skies=independent_skies(np.asarray(tensors), num_observers),
        convention=convention,
    )
    return with_mean_weights(emulator, emulator.mean_weights)


def with_mean_weights(emulator: TransferEmulator, weights: NodeWeights) -> TransferEmulator:
    """Return the emulator with another interpolation of means, and its cross-validated error."""
    error = leave_one_out(emulator, weights).excess
    return eqx.tree_at(lambda e: (e.mean_weights, e.error), emulator, (weights, error))


def simulated_emulator(
    skies: SkyEnsemble,
    axes: tuple[TurbulenceAxis, ...],
    nodes: Float[np.ndarray, "node axis"],
    numbers: range,
    cache: bool | Path,
    progress: Progress,
) -> TransferEmulator:
    """Return the emulator of the fields of these numbers, each from the cache if it is there."""
    tensors, noise = stored_tensors(skies, axes, nodes, numbers, cache, progress)
    reach = any(axis.field == "reach" for axis in axes)
    return assemble(
        axes,
        np.asarray(nodes),
        tensors,
        noise,
        num_observers=skies.num_observers,
        convention=str(skies.convention) if reach else skies.conventions(),
    )


def _degrees(num_axes: int, num_nodes: int) -> tuple[int, ...]:
    """Return the degrees; along one axis no more than leave two nodes to check them with."""
    if num_axes == 1:
        return (max(1, min(default_degrees(1)[0], num_nodes - 2)),)
    return default_degrees(num_axes)


def _unscaled(unit: np.ndarray, axes: tuple[TurbulenceAxis, ...]) -> np.ndarray:
    """Return points of -1 ... 1 as coordinates."""
    low, high = np.array([a.low for a in axes]), np.array([a.high for a in axes])
    return low + (high - low) * (unit + 1) / 2


def _own_nodes(skies: SkyEnsemble, names: tuple[str, ...], values: np.ndarray):
    """Return axes that span the nodes, and their coordinates in rising order of the first."""
    check_shape(
        "build_emulator: nodes", values, (len(values), len(names)), remedy="One row for each node."
    )
    ends = zip(names, values.min(0).tolist(), values.max(0).tolist(), strict=True)
    axes = turbulence_axes(skies, names, {name: (low, high) for name, low, high in ends})
    points = np.array([[a.coordinate(float(x)) for a, x in zip(axes, row, strict=True)]
                       for row in values])  # fmt: skip
    return axes, points[np.lexsort(points.T[::-1])]
