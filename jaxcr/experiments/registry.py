"""All experiments by name."""

import difflib
from collections.abc import Sequence

from jaxcr.arrays import argument_error
from jaxcr.experiments.experiment import Experiment
from jaxcr.experiments.small_scale_anisotropy import SMALL_SCALE_ANISOTROPY

EXPERIMENTS: dict[str, Experiment] = {x.name: x for x in SMALL_SCALE_ANISOTROPY}
"""By name, in the order in which they run."""
ALL = "all"


def select(names: Sequence[str]) -> list[Experiment]:
    """Return the experiments of these names, each once, in the order in which they run.

    Raises
    ------
    ValueError
        For a name that there is not.
    """
    for name in names:
        if name not in EXPERIMENTS and name != ALL:
            near = difflib.get_close_matches(name, EXPERIMENTS, n=1)
            raise argument_error(
                "experiment",
                expected="names out of " + ", ".join((ALL, *EXPERIMENTS)),
                got=repr(name),
                remedy=f"Did you mean {near[0]}?" if near else "See jaxcr experiment.",
            )
    return [x for name, x in EXPERIMENTS.items() if name in names or ALL in names]
