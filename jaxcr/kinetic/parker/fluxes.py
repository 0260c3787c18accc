"""Fluxes across the faces of cells: the one place where the scheme in space stands."""

import jax.numpy as jnp
from jaxtyping import Array

from jaxcr.kinetic.parker.cells import SpatialCells, along, closed_faces, divergence


def advective_fluxes(cells: SpatialCells, density: Array, *, limited: bool) -> tuple[Array, ...]:
    """Return u N across all faces, from the side that the flow comes from.

    N is taken as linear in each cell: with the central slope, of second order; or limited so that
    no new extremum appears (monotonised central), for fronts.
    """
    padded = _pad_all(cells, density)
    return tuple(
        _open(cells, axis, _upwind(cells, padded, axis, limited)) for axis in range(density.ndim)
    )


def diffusive_fluxes(cells: SpatialCells, density: Array) -> tuple[Array, ...]:
    """Return -kappa·grad N across all faces, by central differences; second order."""
    padded = _pad_all(cells, density)
    fluxes = []
    for axis in range(density.ndim):
        flux = jnp.zeros((), density.dtype)
        for other in range(density.ndim):
            slope = _slope_on_faces(cells, padded, axis, other)
            flux = flux - cells.tensor[axis][..., other] * slope
        fluxes.append(_open(cells, axis, flux))
    return tuple(fluxes)


def outflow(cells: SpatialCells, density: Array, *, limited: bool = False) -> Array:
    """Return div(u N - kappa·grad N), particles per volume and pc, for one momentum."""
    moved = advective_fluxes(cells, density, limited=limited)
    spread = diffusive_fluxes(cells, density)
    return divergence(cells.metrics, tuple(a + b for a, b in zip(moved, spread, strict=True)))


def through_ends(cells: SpatialCells, fluxes: tuple[Array, ...]) -> Array:
    """Return the particles that fluxes carry out through both ends of each axis, (axis, 2)."""
    rows = []
    for axis, (metric, flux) in enumerate(zip(cells.metrics, fluxes, strict=True)):
        carried = jnp.moveaxis(flux * cells.cross_section(axis), axis, 0)
        low, high = jnp.sum(carried[0]) * metric.area[0], jnp.sum(carried[-1]) * metric.area[-1]
        rows.append(jnp.stack([-low, high]))
    return jnp.stack(rows)


def monotonised(before: Array, central: Array, after: Array) -> Array:
    """Return the central slope, limited by twice those on either side; zero at extrema."""
    same = before * after > 0
    size = jnp.minimum(jnp.abs(central), 2 * jnp.minimum(jnp.abs(before), jnp.abs(after)))
    return jnp.where(same, jnp.sign(central) * size, 0)


def _pad_all(cells: SpatialCells, density: Array) -> Array:
    """Return the density with one more cell at both ends of every axis."""
    padded = density
    for axis in range(density.ndim):
        ends = []
        for index, mirror, held in zip((0, -1), cells.mirrors[axis], cells.held[axis], strict=True):
            last = jnp.take(padded, jnp.array([index]), axis=axis)
            width = [(1, 1) if other < axis else (0, 0) for other in range(density.ndim)]
            ends.append(mirror * last + 2 * jnp.pad(held, width, mode="edge"))
        padded = jnp.concatenate([ends[0], padded, ends[1]], axis=axis)
    return padded


def _cut(padded: Array, axes: tuple[int, ...]) -> Array:
    """Return the array without the added cells of some axes."""
    return padded[
        tuple(slice(1, -1) if axis in axes else slice(None) for axis in range(padded.ndim))
    ]


def _shift(values: Array, axis: int, start: int, stop: int | None) -> Array:
    return values[
        tuple(slice(start, stop) if a == axis else slice(None) for a in range(values.ndim))
    ]


def _upwind(cells: SpatialCells, padded: Array, axis: int, limited: bool) -> Array:
    """Return u N across the faces of one axis."""
    metric, ndim = cells.metrics[axis], padded.ndim
    line = _cut(padded, tuple(other for other in range(ndim) if other != axis))
    low, here, high = (
        _shift(line, axis, 0, -2),
        _shift(line, axis, 1, -1),
        _shift(line, axis, 2, None),
    )
    rise = (high - low) * along(metric.width / (2 * metric.span), axis, ndim)
    if limited:
        rise = monotonised((here - low) / 2, rise, (high - here) / 2)
    at_low = (_shift(low, axis, 0, 1) + _shift(here, axis, 0, 1)) / 2
    at_high = (_shift(high, axis, -1, None) + _shift(here, axis, -1, None)) / 2
    from_left = jnp.concatenate([at_low, here + rise], axis=axis)
    from_right = jnp.concatenate([here - rise, at_high], axis=axis)
    speed = cells.speed[axis]
    return jnp.maximum(speed, 0) * from_left + jnp.minimum(speed, 0) * from_right


def _slope_on_faces(cells: SpatialCells, padded: Array, axis: int, other: int) -> Array:
    """Return the derivative along ``other`` on the faces across ``axis``."""
    ndim = padded.ndim
    if other == axis:
        line = _cut(padded, tuple(a for a in range(ndim) if a != axis))
        return jnp.diff(line, axis=axis) / along(cells.metrics[axis].distance, axis, ndim)
    plane = _cut(padded, tuple(a for a in range(ndim) if a not in (axis, other)))
    slope = _shift(plane, other, 2, None) - _shift(plane, other, 0, -2)
    slope = slope / along(cells.metrics[other].span, other, ndim)
    return (_shift(slope, axis, 1, None) + _shift(slope, axis, 0, -1)) / 2


def _open(cells: SpatialCells, axis: int, flux: Array) -> Array:
    """Return the flux with nothing through closed ends."""
    return jnp.where(closed_faces(cells.closed[axis], axis, flux.shape), 0, flux)
