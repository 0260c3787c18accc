"""What the experiments share: the source, the traps, the largest of many differences."""

import math

import numpy as np
from jaxtyping import Float

from jaxcr import fields, traps
from jaxcr.experiments.experiment import Size
from jaxcr.statistics import Estimate

SOURCE = "Medvedev & Medvedev, arXiv:1504.03914"
"""Statements are those of its abstract and of the slides of a talk on it."""
RATIO = 3.0
"""sqrt(B1 B2)/B0 of every trap; none is published."""
FALL = 1.25
"""B1/B2, by which the field falls from one trap to the next; none is published."""
GROUPS = 32
"""Of guiding centres, over which errors are jackknifed."""
UNLIKELY = 5
"""Standard errors by which the worst of a few dozen numbers may be off."""
_FEWEST_WALKERS = 4096
CLOSURES = {"detailed balance": traps.DetailedBalance(), "published": traps.LossCone()}
OPEN = {"left_end": traps.AbsorbingEnd(), "right_end": traps.AbsorbingEnd()}


def whole_groups(num: int) -> int:
    """Return the next number of guiding centres that makes equal groups."""
    return GROUPS * math.ceil(num / GROUPS)


def num_walkers(size: Size) -> int:
    """Return how many walk on a chain: fewer would not come to every trap, more cost little."""
    return whole_groups(max(_FEWEST_WALKERS, size.orbits))


def make_trap(fall: float) -> traps.Trap:
    """Return the trap of every experiment, with that fall of the field."""
    return traps.trap_from_ratio(RATIO, math.log(fall))


def make_bottles(trap: traps.Trap) -> fields.MirrorChainField:
    """Return the field of such traps, 1 pc long each: lengths are in traps, times in λ/v."""
    return fields.MirrorChainField(
        minimum=trap.minimum, left_mirror=trap.left_mirror, right_mirror=trap.right_mirror,
        length=1.0, num_bottles=1000,
    )  # fmt: skip


def largest_difference(found: Estimate, expected: Float[np.ndarray, " site"]) -> float:
    """Return the largest difference in errors, of the numbers that have any."""
    error = np.asarray(found.error)
    seen = error > 0
    return float(np.max(np.abs(np.asarray(found.value) - expected)[seen] / error[seen]))
