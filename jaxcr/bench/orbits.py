"""Benchmarks of orbits: steps per second of two schemes, and SciPy at the same error."""

from collections.abc import Iterator
from functools import partial

import jax.numpy as jnp
import numpy as np
from scipy.integrate import solve_ivp
from scipy.ndimage import map_coordinates, spline_filter

from jaxcr import fields, orbits, units
from jaxcr.bench.jobs import RIGIDITY, STEP, directions, trace, turbulent_field
from jaxcr.bench.peers import PeerRun, time_beside
from jaxcr.bench.rows import Effort, Row
from jaxcr.bench.timing import time_in_turn, work_clock
from jaxcr.fields.field import sample_field

_MILLION = 1e6
_COMPARED = 4  # orbits that SciPy traces
_TOLERANCES = (1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8)


def pushers(effort: Effort) -> Iterator[Row]:
    """Yield millions of steps per second of each scheme in each precision."""
    cells = effort.choose(16, 64, 256)
    num, path = effort.choose((32, 5.0), (2048, 50.0), (8192, 100.0))
    field = turbulent_field(cells)
    for dtype in (jnp.float32, jnp.float64):
        start = directions(num, dtype)
        for pusher in (orbits.Boris(STEP), orbits.BlanesMoan4(2 * STEP)):
            run = partial(trace, field, start, path, pusher)
            timing = time_in_turn(run, repeats=effort.repeats)[0]
            steps = int(np.sum(np.asarray(timing.result.num_steps)))
            yield Row(
                f"steps: {type(pusher).__name__}, {jnp.dtype(dtype).name}",
                f"{num:,} orbits of {path:g} cells in {cells}³ cells, linear, one device, "
                f"step {float(pusher.step_size):g} cells",
                timing.rate(steps / _MILLION), "Msteps/s", work_clock(),
            )  # fmt: skip


def solvers(effort: Effort) -> Iterator[Row]:
    """Yield orbits per second at one error, beside SciPy's DOP853 on a few of the orbits."""
    cells = effort.choose(16, 64, 128)
    num, path = effort.choose((_COMPARED, 5.0), (2048, 50.0), (8192, 50.0))
    field = turbulent_field(cells, fields.CubicSpline(), jnp.float64)
    start = directions(num, jnp.float64)
    run = partial(trace, field, start, path, orbits.BlanesMoan4(2 * STEP))
    # of fourth order: a tenth of the step has an error ten thousand times smaller
    exact = trace(field, start, path, orbits.BlanesMoan4(STEP / 5)).position[:_COMPARED]
    error = _error(run().position[:_COMPARED], exact)
    solver = _SciPy(field, np.asarray(start[:_COMPARED]), path)
    rtol = next((r for r in _TOLERANCES if _error(solver(r), exact) <= error), _TOLERANCES[-1])
    peer = PeerRun(
        "scipy solve_ivp DOP853", "scipy", lambda: lambda: solver(rtol),
        share=_COMPARED / num,
        note=f"{_COMPARED} of the orbits, rtol {rtol:g}: error {_error(solver(rtol), exact):.0e} "
        f"cells, jaxcr {error:.0e}",
    )  # fmt: skip
    measured, peers = time_beside(
        run,
        [peer],
        repeats=effort.choose(1, 3, 5),
        measure=lambda timing, share: timing.rate(num * share),
        part=lambda exits: exits.position[:_COMPARED],
    )
    yield Row(
        "orbits: BlanesMoan4 and SciPy at one error",
        f"{num:,} orbits of {path:g} cells in {cells}³ cells, cubic spline, float64, one device, "
        f"step {2 * STEP:g} cells",
        measured, "orbits/s", work_clock(), peers=peers,
    )  # fmt: skip


def _error(position, exact) -> float:
    """Return the largest distance in cells."""
    return float(np.max(np.linalg.norm(np.asarray(position) - np.asarray(exact), axis=1)))


class _SciPy:
    """The same orbits as a SciPy user traces them: one after another, field by spline.

    Attributes
    ----------
    grids
        Spline coefficients of the three components of B, µG.
    origin
        Position of the first sample in pc.
    """

    def __init__(self, field: fields.Field, start: np.ndarray, path: float):
        """Take a field on cells of 1 pc, directions (particle, 3), and a path in pc."""
        lattice = field.lattice()
        samples = np.asarray(sample_field(field, lattice))
        self.grids = [spline_filter(samples[..., i], 3, mode="grid-wrap") for i in range(3)]
        self.origin = np.asarray(lattice.origin)[:, None] + 0.5
        self.start, self.path = start, path

    def __call__(self, rtol: float) -> np.ndarray:
        """Return the end positions (particle, 3) in pc at a relative tolerance."""
        ends = []
        for direction in self.start:
            state = np.concatenate([np.zeros(3), direction])
            orbit = solve_ivp(
                self._slope, (0, self.path), state, method="DOP853", rtol=rtol, atol=rtol
            )
            ends.append(orbit.y[:3, -1])
        return np.array(ends)

    def _slope(self, path: float, state: np.ndarray) -> np.ndarray:
        """Return the derivative of position and direction by path."""
        cell = state[:3, None] - self.origin
        strength = [
            map_coordinates(grid, cell, order=3, mode="grid-wrap", prefilter=False)[0]
            for grid in self.grids
        ]
        turn = np.cross(state[3:], strength) / units.gyroradius(RIGIDITY, 1.0)
        return np.concatenate([state[3:], turn])
