"""Timing: counts, medians and spreads with a clock that is known."""

import jax.numpy as jnp
import numpy as np
import pytest

from jaxcr.bench import Timing, measured, time_in_turn
from jaxcr.bench.timing import work_clock


class Clock:
    """A clock that only calls move."""

    def __init__(self):
        self.now, self.calls = 0.0, []

    def __call__(self):
        return self.now

    def job(self, name, seconds):
        """Return a call that takes these seconds, one after the other, the last for ever."""
        left = list(seconds)

        def run():
            self.calls.append(name)
            self.now += left.pop(0) if len(left) > 1 else left[0]
            return jnp.zeros(3)

        return run


def test_median_and_deviation_are_those_of_the_repeats_and_not_of_the_first_calls():
    clock = Clock()
    run = clock.job("a", [100.0, 50.0, 1.0, 2.0, 3.0, 4.0, 90.0])
    timing = time_in_turn(run, repeats=5, clocks={"CPU": clock})[0]
    assert timing.seconds["CPU"] == (1.0, 2.0, 3.0, 4.0, 90.0)
    rate = timing.rate(6.0, "CPU")
    assert rate.value == 2.0
    # deviations of 6, 3, 2, 1.5, 1/15 from 2: median 1; 1.4826 makes it sigma of a Gaussian
    assert rate.spread == pytest.approx(1.4826)
    assert rate.repeats == 5


def test_calls_take_turns():
    clock = Clock()
    a, b = clock.job("a", [1.0]), clock.job("b", [2.0])
    first, second = time_in_turn(a, b, repeats=3, clocks={"CPU": clock})
    assert "".join(clock.calls) == "ab" + "ab" + "ababab"
    assert second.seconds["CPU"] == (2.0, 2.0, 2.0)
    if work_clock() == "CPU":
        assert second.over(first).value == 2.0


def test_short_calls_are_repeated_until_a_timing_lasts_twenty_milliseconds():
    clock = Clock()
    run = clock.job("a", [0.003])
    timing = time_in_turn(run, repeats=2, clocks={"wall": clock})[0]
    assert len(clock.calls) == 1 + 1 + 2 * 7  # ceil(0.020 / 0.003) calls make a timing
    np.testing.assert_allclose(timing.seconds["wall"], 0.003)


def test_processor_time_does_not_count_sleep_and_the_wall_does():
    import time

    timing = time_in_turn(lambda: time.sleep(0.03), repeats=2)[0]
    assert timing.rate(1.0, "wall").value < 1 / 0.03
    assert timing.rate(1.0, "CPU").value > 1 / 0.015


def test_one_repeat_has_no_spread_and_no_error():
    one = measured([3.0])
    assert (one.value, one.spread, one.relative_error) == (3.0, None, 0.0)
    assert one.times(2.0).value == 6.0


def test_error_of_the_median_of_a_gaussian(rng):
    # k = 4 standard errors of a standard deviation from 2,000 medians of 25: 1/sqrt(4000) each
    medians, errors = [], []
    for _ in range(2000):
        number = measured(rng.normal(10, 1, 25).tolist())
        medians.append(number.value)
        errors.append(number.relative_error * number.value)
    # the asymptotic error of a median is 2 % large at 25, and the deviation is 3 % small there
    assert np.mean(errors) == pytest.approx(np.std(medians), rel=4 / np.sqrt(4000) + 0.05)


def test_over_pairs_the_repeats():
    both = {"CPU": (1.0, 2.0, 4.0), "wall": (1.0, 2.0, 4.0)}
    twice = {"CPU": (2.0, 4.0, 8.0), "wall": (2.0, 4.0, 8.0)}
    ratio = Timing(twice).over(Timing(both))
    assert (ratio.value, ratio.spread) == (2.0, 0.0)
