"""What is looked at after a fit: whether the samples stand for the posterior."""

import numpy as np
from jaxtyping import Array, Float

from jaxcr.infer.fitting.checks import point_text
from jaxcr.infer.likelihood import Problem
from jaxcr.infer.posterior.importance import Posterior

_FEW = 100
"""Effective samples, below which a mean is off by more than a tenth of its error."""

_ABOVE = 9.0
"""In -2 ln posterior: a second optimum below has more than 1 % of the height of the best."""

_OUTSIDE = 4.0
"""Posterior errors from the mean; a mode that was sampled widens them."""


def sampling_warnings(
    problem: Problem,
    posterior: Posterior,
    ends: Float[Array, "start parameter"],
    costs: Float[Array, " start"],
) -> tuple[str, ...]:
    """Return warnings about few effective samples, and about an optimum outside of the samples.

    Parameters
    ----------
    posterior
        Of all parameters.
    ends, costs
        Where the starts ended, and -2 ln posterior there.
    """
    lines = ()
    num = float(posterior.effective_samples)
    if not num >= _FEW:
        lines += (f"the posterior is worth {num:.0f} samples only: its errors are rough",)
    where = np.flatnonzero(problem.parameters.is_free)
    covariance = np.asarray(posterior.covariance)[np.ix_(where, where)]
    away = np.asarray(ends - posterior.mean[None])[:, where]
    distance = np.sqrt(np.sum(away * np.linalg.solve(covariance, away.T).T, axis=1))
    above = np.asarray(costs) - np.min(costs)
    missed = np.flatnonzero((above < _ABOVE) & (distance > _OUTSIDE))
    if missed.size:
        first = missed[np.argmin(above[missed])]
        lines += (
            f"a second optimum, {above[first]:.1f} above the best in -2 ln posterior, is left out "
            f"of the errors: {point_text(problem, ends[first])}",
        )
    return lines
