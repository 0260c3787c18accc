"""How the speed of orbits depends on particles, lanes, devices and cells."""

from collections.abc import Iterator
from functools import partial

import jax
import numpy as np

from jaxcr.bench.jobs import directions, trace, turbulent_field
from jaxcr.bench.rows import Effort, Row
from jaxcr.bench.timing import Timing, time_in_turn, work_clock

_MILLION = 1e6
_JOB = "Boris, linear, float32, step 0.5 cells"


def particles(effort: Effort) -> Iterator[Row]:
    """Yield orbits per second by the number of particles N."""
    cells, path = effort.choose((16, 5.0), (64, 50.0), (128, 50.0))
    field = turbulent_field(cells)
    for num in effort.choose((32,), (256, 1024, 4096, 16384), (256, 1024, 4096, 16384, 65536)):
        timing = _timed(effort, field, directions(num), path)
        yield Row(
            f"particles: N = {num:,}",
            f"orbits of {path:g} cells in {cells}³ cells, one device; {_JOB}",
            timing.rate(num), "orbits/s", work_clock(),
        )  # fmt: skip


def lanes(effort: Effort) -> Iterator[Row]:
    """Yield orbits per second by the number of lanes W: orbits in flight on a device."""
    cells, num, path = effort.choose((16, 32, 5.0), (64, 4096, 50.0), (128, 16384, 50.0))
    field, start = turbulent_field(cells), directions(num)
    for width in effort.choose((8,), (16, 64, 256, 1024), (16, 64, 256, 1024, 4096)):
        timing = _timed(effort, field, start, path, lanes=width)
        yield Row(
            f"lanes: W = {width:,}",
            f"{num:,} orbits of {path:g} cells in {cells}³ cells, one device; {_JOB}",
            timing.rate(num), "orbits/s", work_clock(),
        )  # fmt: skip


def devices(effort: Effort) -> Iterator[Row]:
    """Yield orbits per second on one, two, four ... local devices, by the clock on the wall."""
    cells, num, path = effort.choose((16, 32, 5.0), (64, 8192, 100.0), (128, 65536, 100.0))
    field, start = turbulent_field(cells), directions(num)
    for count in _counts(jax.local_device_count()):
        timing = _timed(effort, field, start, path, num_devices=count)
        yield Row(
            f"devices: {count}",
            f"{num:,} orbits of {path:g} cells in {cells}³ cells; {_JOB}",
            timing.rate(num, "wall"), "orbits/s", "wall",
        )  # fmt: skip


def grid(effort: Effort) -> Iterator[Row]:
    """Yield millions of steps per second by the size of the grid."""
    num, path = effort.choose((32, 5.0), (4096, 50.0), (16384, 50.0))
    start = directions(num)
    for cells in effort.choose((16,), (32, 64, 128), (32, 64, 128, 256)):
        timing = _timed(effort, turbulent_field(cells), start, path)
        steps = int(np.sum(np.asarray(timing.result.num_steps)))
        yield Row(
            f"grid: {cells}³ cells",
            f"{num:,} orbits of {path:g} cells, one device; {_JOB}",
            timing.rate(steps / _MILLION), "Msteps/s", work_clock(),
        )  # fmt: skip


def _timed(effort: Effort, field, start, path: float, **options) -> Timing:
    """Return the timing of the shared job with these options."""
    run = partial(trace, field, start, path, **options)
    return time_in_turn(run, repeats=effort.repeats)[0]


def _counts(num: int) -> list[int]:
    """Return 1, 2, 4 ... and the number itself."""
    return sorted({*(2**k for k in range(num.bit_length()) if 2**k <= num), num})
