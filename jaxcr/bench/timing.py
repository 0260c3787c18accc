"""Time compiled calls: warm up, wait for the device, repeat in turn, median and spread."""

import dataclasses
import time
from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np

_SHORTEST = 0.02  # s, of one timing: clocks tick in microseconds, and calls cost some
_MAD_TO_SIGMA = 1.4826  # of a normal distribution

Clock = Callable[[], float]
CLOCKS = {"CPU": time.process_time, "wall": time.perf_counter}
"""Processor time of all threads of this process, and the time on the wall, both in s."""


def work_clock() -> str:
    """Return the clock that tells the work: ``CPU``, or ``wall`` where an accelerator does it."""
    return "CPU" if jax.default_backend() == "cpu" else "wall"


@dataclasses.dataclass(frozen=True)
class Measured:
    """A measured number.

    Attributes
    ----------
    value
        Median of the repeats.
    spread
        Standard deviation of one repeat, from the median absolute deviation (1.4826 of it), in
        the unit of the value; ``None`` for a single repeat.
    repeats
        How many there were.
    """

    value: float
    spread: float | None
    repeats: int

    @property
    def relative_error(self) -> float:
        """Standard error of the median over the value; 0 for a single repeat."""
        if self.spread is None or self.value == 0:
            return 0.0
        return (np.pi / 2 / self.repeats) ** 0.5 * self.spread / abs(self.value)

    def times(self, factor: float | int) -> "Measured":
        """Return the number and its spread multiplied by a positive factor."""
        spread = None if self.spread is None else self.spread * factor
        return Measured(self.value * factor, spread, self.repeats)


def measured(values: Sequence[float]) -> Measured:
    """Return median and spread of repeats, one number for each, in their unit."""
    median = float(np.median(values))
    if len(values) < 2:
        return Measured(median, None, len(values))
    deviation = float(np.median(np.abs(np.asarray(values) - median)))
    return Measured(median, _MAD_TO_SIGMA * deviation, len(values))


@dataclasses.dataclass(frozen=True)
class Timing:
    """Seconds of one call, for each repeat.

    Attributes
    ----------
    seconds
        By the name of the clock, ``CPU`` and ``wall``: one number in s for each repeat.
    result
        What the call returned.
    """

    seconds: dict[str, tuple[float, ...]]
    result: Any = None

    def rate(self, work: float | int, clock: str | None = None) -> Measured:
        """Return ``work`` per second, where ``work`` is what one call does; by `work_clock`."""
        return measured([work / s for s in self.seconds[clock or work_clock()]])

    def over(self, other: "Timing") -> Measured:
        """Return the time of one call over that of another in turn with it, by `work_clock`."""
        clock = work_clock()
        pairs = zip(self.seconds[clock], other.seconds[clock], strict=True)
        return measured([own / its for own, its in pairs])


def time_in_turn(
    *runs: Callable[[], Any], repeats: int, clocks: dict[str, Clock] | None = None
) -> list[Timing]:
    """Time calls of no argument, each in turn, so that a slow moment of the machine meets all.

    Parameters
    ----------
    runs
        Each is called twice before it is timed: what it compiles is not counted, and how long a
        call lasts decides how many make one timing, 20 ms at least. Arrays that it returns are
        waited for.
    repeats
        Timings of each.
    clocks
        Functions that return seconds; default `CLOCKS`.

    Returns
    -------
    One `Timing` for each, in s for one call.
    """
    clocks = CLOCKS if clocks is None else clocks
    results = [_call(run) for run in runs]
    calls = [_calls(_once(run, 1, clocks)) for run in runs]
    taken = [[] for _ in runs]
    for _ in range(repeats):
        for run, num, times in zip(runs, calls, taken, strict=True):
            times.append(_once(run, num, clocks))
    return [
        Timing({name: tuple(t[name] for t in times) for name in clocks}, result)
        for times, result in zip(taken, results, strict=True)
    ]


def _call(run: Callable[[], Any]) -> Any:
    return jax.block_until_ready(run())


def _once(run: Callable[[], Any], num: int, clocks: dict[str, Clock]) -> dict[str, float]:
    """Return the time of one call on each clock, from ``num`` of them."""
    before = {name: clock() for name, clock in clocks.items()}
    for _ in range(num):
        _call(run)
    return {name: (clock() - before[name]) / num for name, clock in clocks.items()}


def _calls(times: dict[str, float]) -> int:
    """Return how many calls make a timing long enough."""
    longest = max(times.values())
    return 1 if longest >= _SHORTEST else int(np.ceil(_SHORTEST / max(longest, 1e-6)))
