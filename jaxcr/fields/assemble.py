"""From the pieces of a cube to a gridded field, without a second copy in memory."""

import math

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from scipy.ndimage import spline_filter1d

from jaxcr.arrays import Vector
from jaxcr.checks import argument_error, check_positive
from jaxcr.fields.boundaries import Boundary, Periodic
from jaxcr.fields.cubes import Cube
from jaxcr.fields.files import Path, blaming
from jaxcr.fields.grid import GridField
from jaxcr.fields.seams import check_seams, seam
from jaxcr.fields.stencils import CubicSpline, Stencil

_ALIGNMENT = 64
"""Bytes; JAX takes over aligned memory of NumPy instead of copying it."""

_SLAB = 8
"""Layers that are filtered at a time."""


def assemble(
    path: Path | str,
    cube: Cube,
    *,
    unit: float,
    spacing: Vector,
    origin: Vector,
    boundary: Boundary,
    stencil: Stencil,
    storage: jnp.dtype,
) -> GridField:
    """Read a cube into a ``GridField``.

    Raises
    ------
    ValueError
        For samples that are not finite, or zero throughout, and for opposite faces that do not
        fit each other in a cube that is said to be periodic.

    Notes
    -----
    A periodic cube in a float store needs its own size and one piece: samples are written where
    they stay, and filtered there. Other boundaries and int16 stores take twice to three times.
    """
    in_place = isinstance(boundary, Periodic) and storage != jnp.int16
    before, after = (stencil.before, stencil.after) if in_place else (0, 0)
    kept = storage if jnp.issubdtype(storage, jnp.floating) else np.dtype(np.float32)
    layers = [n + before + after for n in cube.shape]
    with blaming(path):
        padded = _aligned((*layers, 3), np.dtype(kept))
    samples = padded[tuple(slice(before, before + n) for n in cube.shape)]
    _fill(path, cube, unit, samples)
    if isinstance(boundary, Periodic):
        with blaming(path), np.errstate(over="ignore", invalid="ignore"):
            seams = [seam(samples, axis) for axis in range(3)]
            check_seams("read_field: boundary", seams, f" in {path}")
    place = {"spacing": spacing, "origin": origin, "stencil": stencil, "boundary": boundary}
    if not in_place:
        return GridField(jnp.asarray(samples), storage=storage, **place)
    if isinstance(stencil, CubicSpline):
        _spline_in_place(samples)
    _wrap_in_place(padded, before, after)
    # One sample stands in while the field is built: its own constructor would copy the cube.
    field = GridField(jnp.zeros((1, 1, 1, 3), kept), storage=storage, **place)
    return eqx.tree_at(lambda f: f.coefficients, field, jax.device_put(padded, may_alias=True))


def _aligned(shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    """Return an empty array whose memory JAX can take over."""
    size = math.prod(shape) * dtype.itemsize
    memory = np.empty(size + _ALIGNMENT, np.uint8)
    start = -memory.ctypes.data % _ALIGNMENT
    return memory[start : start + size].view(dtype).reshape(shape)


def _fill(path: Path | str, cube: Cube, unit: float, samples: np.ndarray) -> None:
    """Write the pieces into the samples, in µG."""
    largest, num_bad, first = 0.0, 0, None
    with blaming(path), np.errstate(over="ignore", invalid="ignore"):
        for place, component, values in cube.pieces():
            scaled = np.multiply(values, unit, dtype=samples.dtype, casting="unsafe")
            samples[(*place, component)] = scaled
            finite = np.isfinite(scaled)
            num_bad += scaled.size - np.count_nonzero(finite)
            if num_bad and first is None:
                found = np.unravel_index(np.argmin(finite), finite.shape)[:3]
                first = tuple(int((x.start or 0) + i) for x, i in zip(place, found, strict=True))
            largest = max(largest, float(np.max(np.abs(scaled), where=finite, initial=0.0)))
    if num_bad:
        raise argument_error(
            "read_field: path",
            expected="finite values",
            got=f"{num_bad} of {samples.size} not finite in {path}, first at index {first}",
            remedy="Repair them or cut them away: one would spread through a spline.",
        )
    remedy = "It is zero throughout: check unit and dataset; weak fields may be lost in float32."
    expected = f"a magnetic field in {path}"
    check_positive("read_field: path", largest, expected=expected, remedy=remedy)


def _spline_in_place(samples: np.ndarray) -> None:
    """Replace periodic samples by the coefficients of their cubic spline, slab by slab."""
    for axis in range(3):
        if samples.shape[axis] == 1:
            continue
        across = (axis + 1) % 3
        for start in range(0, samples.shape[across], _SLAB):
            index = [slice(None)] * 4
            index[across] = slice(start, start + _SLAB)
            slab = samples[tuple(index)]
            slab[...] = spline_filter1d(slab, order=3, axis=axis, mode="grid-wrap")


def _wrap_in_place(padded: np.ndarray, before: int, after: int) -> None:
    """Fill the outer layers with those of the opposite face."""
    for axis in range(3):
        layers = np.moveaxis(padded, axis, 0)
        num = layers.shape[0] - before - after
        for i in range(before):
            layers[before - 1 - i] = layers[before + (-1 - i) % num]
        for i in range(after):
            layers[before + num + i] = layers[before + i % num]
