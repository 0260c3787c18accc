"""The gauge: silent on smooth spectra, loud on steep ripples, at the rates that are promised."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from jaxcr import infer
from jaxcr.infer.gradients import CentralDifference, pathwise_estimate
from jaxcr.infer.gradients.pathwise import tail_weight
from jaxcr.infer.gradients.report import distance, is_regular

NUM_CASES = 100


def judged(rng, growth):
    """Return the gauge's word on slopes that chaos stretched by exp of a Gaussian of this size."""
    shape = (4, 8, 1, 9)
    common = 1 + 0.3 * rng.standard_normal(shape)
    stretch = growth * rng.standard_normal(shape) * np.exp(growth * np.abs(rng.normal(size=shape)))
    slopes = common + stretch
    # both sides of a step of 0.1: the trend, whose scatter the slopes share
    sides = np.stack([-0.1 * common, 0.1 * common], axis=2)[:, :, None].mean(axis=1)
    difference = CentralDifference(step=0.1, richardson=False).reduce(
        sides, np.array([[0.1]]), (("C", 1.0),)
    )
    pathwise = pathwise_estimate(slopes)
    ratio = np.median(pathwise.error[:, 1:] / difference.error[:, 1:])
    worst = np.abs(distance(pathwise, difference)[:, 1:]).max()
    return is_regular(ratio, float(tail_weight(slopes).max()), worst)


@pytest.mark.parametrize(("growth", "regular"), [(0.0, True), (0.05, True), (2.0, False)])
def test_at_most_one_in_twenty_is_taken_for_the_other_kind(rng, growth, regular):
    wrong = sum(judged(rng, growth) != regular for _ in range(NUM_CASES))
    assert wrong <= NUM_CASES // 20


@pytest.mark.slow
def test_orbits_in_small_boxes_are_told_apart():
    file = Path(infer.__file__).parents[2] / "experiments/inference/gauge.py"
    spec = importlib.util.spec_from_file_location("gauge", file)
    gauge = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(gauge)
    # one wrong in twenty is allowed for each kind; twelve cases with two wrong: 2 % by chance
    for regular in (True, False):
        rows = gauge.measure(12, regular)
        assert sum(row["trusted"] != regular for row in rows) <= 1
