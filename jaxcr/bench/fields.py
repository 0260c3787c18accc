"""Benchmarks of fields: interpolation at points, and synthesis by FFT."""

from collections.abc import Iterator
from functools import partial

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from jaxcr import fields
from jaxcr.bench.jobs import turbulent_field
from jaxcr.bench.peers import Call, PeerRun, time_beside
from jaxcr.bench.rows import Effort, Peer, Row
from jaxcr.bench.timing import Measured, time_in_turn, work_clock

_BATCH = 256  # points at a time, as the lanes of an ensemble
_LAYERS = 13  # (2 - sqrt 3)^13 = 4e-8, how much a spline feels that far away
_MILLION = 1e6


def interpolation(effort: Effort) -> Iterator[Row]:
    """Yield millions of points per second, linear and cubic, random and sorted by cell."""
    cells, num = effort.choose((8, 256), (64, 65_536), (128, 262_144))
    samples = np.random.default_rng(1).standard_normal((cells,) * 3 + (3,)).astype(np.float32)
    for kind in ("linear", "cubic spline"):
        for places in ("random", "sorted"):
            where = _points(num, cells, is_sorted=places == "sorted")
            measured, peers = _interpolate(kind, samples, where, effort)
            yield Row(
                f"interpolation: {kind}, {places} points",
                f"{num:,} points in {cells}³ cells, 3 components, float32",
                measured, "Mpoints/s", work_clock(), peers=peers,
            )  # fmt: skip


def _interpolate(
    kind: str, samples: np.ndarray, where: np.ndarray, effort: Effort
) -> tuple[Measured, tuple[Peer, ...]]:
    """Return millions of points per second of jaxcr and of others, at points (point, 3)."""
    linear = kind == "linear"
    field = fields.GridField(
        jnp.asarray(samples), spacing=1.0, origin=jnp.zeros(3),
        stencil=fields.Linear() if linear else fields.CubicSpline(),
    )  # fmt: skip
    points = jnp.asarray(where)
    return time_beside(
        lambda: evaluate(field, points),
        (_linear_peers if linear else _cubic_peers)(samples, where),
        repeats=effort.repeats,
        measure=lambda timing, share: timing.rate(len(where) * share / _MILLION),
    )


@eqx.filter_jit
def evaluate(field: fields.Field, points: jax.Array) -> jax.Array:
    """Return B (µG) at points (pc), both (point, 3), in batches that fit into the cache."""
    return jax.lax.map(field, points, batch_size=_BATCH)


def synthesis(effort: Effort) -> Iterator[Row]:
    """Yield millions of cells per second of a turbulent field made by FFT, by its size."""
    for cells in effort.choose((16,), (32, 64, 128), (32, 64, 128, 256)):
        timing = time_in_turn(partial(turbulent_field, cells), repeats=effort.repeats)[0]
        yield Row(
            f"synthesis: {cells}³ cells",
            "isotropic Kolmogorov turbulence by FFT, float32, draws included",
            timing.rate(cells**3 / _MILLION), "Mcells/s", work_clock(),
        )  # fmt: skip


def _points(num: int, cells: int, *, is_sorted: bool) -> np.ndarray:
    """Return points in the box, (point, 3) in cells; sorted: those of one cell together."""
    points = np.random.default_rng(0).uniform(0, cells, (num, 3)).astype(np.float32)
    if not is_sorted:
        return points
    x, y, z = points.astype(int).T
    return points[np.lexsort((z, y, x))]


def _linear_peers(samples: np.ndarray, where: np.ndarray) -> tuple[PeerRun, ...]:
    return (
        PeerRun("scipy map_coordinates", "scipy", lambda: _map_coordinates(samples, where, 1)),
        PeerRun(
            "scipy RegularGridInterpolator", "scipy", lambda: _regular_grid(samples, where)
        ),
        PeerRun("interpax", "interpax", lambda: _interpax(samples, where, "linear")),
    )  # fmt: skip


def _cubic_peers(samples: np.ndarray, where: np.ndarray) -> tuple[PeerRun, ...]:
    return (
        PeerRun("scipy map_coordinates", "scipy", lambda: _map_coordinates(samples, where, 3)),
        PeerRun("interpax", "interpax", lambda: _interpax(samples, where, "cubic2")),
    )


def _map_coordinates(samples: np.ndarray, where: np.ndarray, order: int) -> Call:
    """Return a call for each component; what a spline can be filtered before, it is."""
    from scipy.ndimage import map_coordinates, spline_filter

    grids = [np.ascontiguousarray(samples[..., i]) for i in range(3)]
    if order > 1:
        grids = [spline_filter(grid, order, np.float32, "grid-wrap") for grid in grids]
    cell = where.T - 0.5
    options = {"order": order, "mode": "grid-wrap", "prefilter": False}
    return lambda: np.stack([map_coordinates(grid, cell, **options) for grid in grids], axis=1)


def _regular_grid(samples: np.ndarray, where: np.ndarray) -> Call:
    """Return a call for all components, on samples with one more layer on each side."""
    from scipy.interpolate import RegularGridInterpolator

    padded = np.pad(samples, ((1, 1),) * 3 + ((0, 0),), mode="wrap")
    axes = tuple(np.arange(n) - 0.5 for n in padded.shape[:3])
    interpolator = RegularGridInterpolator(axes, padded)
    return lambda: interpolator(where)


def _interpax(samples: np.ndarray, where: np.ndarray, method: str) -> Call:
    """Return a compiled call for all components, with what it can prepare prepared.

    On samples with more layers on each side: its splines are not periodic at the ends, and what
    happens there is not felt further than that in float32.
    """
    import interpax

    padded = np.pad(samples, ((_LAYERS, _LAYERS),) * 3 + ((0, 0),), mode="wrap")
    knots = [jnp.arange(n, dtype=jnp.float32) + 0.5 - _LAYERS for n in padded.shape[:3]]
    interpolator = interpax.Interpolator3D(
        *knots, jnp.asarray(padded), method=method, even_spacing=True
    )
    points = jnp.asarray(where)
    call = eqx.filter_jit(lambda interpolator, points: interpolator(*points.T))
    return lambda: jax.block_until_ready(call(interpolator, points))
