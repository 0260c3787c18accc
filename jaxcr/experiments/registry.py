"""All experiments by name."""

from collections.abc import Sequence

from jaxcr.experiments.angular_spectrum import ANGULAR_SPECTRUM
from jaxcr.experiments.asymmetric_diffusion import ASYMMETRIC_DIFFUSION
from jaxcr.experiments.experiment import Experiment
from jaxcr.experiments.small_scale_anisotropy import SMALL_SCALE_ANISOTROPY
from jaxcr.experiments.transport_theory import TRANSPORT_THEORY
from jaxcr.runtime import check_names

EXPERIMENTS: dict[str, Experiment] = {
    x.name: x
    for x in (*SMALL_SCALE_ANISOTROPY, *ASYMMETRIC_DIFFUSION, *TRANSPORT_THEORY, *ANGULAR_SPECTRUM)
}
"""By name, in the order in which they run."""
ALL = "all"


def select(names: Sequence[str]) -> list[Experiment]:
    """Return the experiments of these names, each once, in the order in which they run.

    Raises
    ------
    ValueError
        For a name that there is not.
    """
    check_names(names, (ALL, *EXPERIMENTS), where="experiment", listing="jaxcr experiment")
    return [x for name, x in EXPERIMENTS.items() if name in names or ALL in names]
