"""What is looked at after a fit: goodness, convergence, bounds, samples; a line for each doubt."""

import numpy as np

from jaxcr.infer.fitting.checks import point_text
from jaxcr.infer.fitting.result import FitResult
from jaxcr.infer.likelihood import Problem

_IMPROBABLE = 0.01
"""Of data as far from the model as these: less is said."""

_SAME = 0.1
"""In -2 ln posterior: ends of starts within this are one optimum."""

_APART = 0.5
"""Errors between the ends of two optimisers from which both cannot have arrived."""

_AT_BOUND = 0.01
"""Share of the range within which a value lies at a bound."""

_FEW = 100
"""Effective samples, below which a mean is off by more than a tenth of its error."""

_ABOVE = 9.0
"""In -2 ln posterior: a second optimum below has more than 1 % of the height of the best."""

_OUTSIDE = 4.0
"""Posterior errors from the mean; a mode that was sampled widens them."""

_REMEDY = "another optimum or a slow valley: take more starts, or sample by chains"


def fit_warnings(problem: Problem, result: FitResult) -> tuple[str, ...]:
    """Return the warnings of a fit that ended, a line each."""
    return (
        *_goodness_warnings(result),
        *_convergence_warnings(result),
        *posterior_warnings(problem, result),
    )


def posterior_warnings(problem: Problem, result: FitResult) -> tuple[str, ...]:
    """Return warnings about the samples, and about bounds that they or the best fit reach."""
    return *_sampling_warnings(problem, result), *_bound_warnings(problem, result)


def _goodness_warnings(result: FitResult) -> tuple[str, ...]:
    if result.p_value >= _IMPROBABLE:
        return ()
    return (
        f"the best fit does not describe the data: chi² = {result.chi_squared:.1f} for "
        f"{result.degrees_of_freedom} degrees of freedom, p = {result.p_value:.1g}. Its errors "
        "say nothing about the truth; errors of the data, or the model, are wrong",
    )


def _convergence_warnings(result: FitResult) -> tuple[str, ...]:
    lines: tuple[str, ...] = ()
    num, missing = len(result.converged), int(np.sum(~np.asarray(result.converged)))
    if missing == num:
        nearest = float(np.nanmin(result.start_distances))
        lines += (f"no start arrived: the nearest is {nearest:.2g} sigma from an optimum",)
    elif missing:
        lines += (f"{missing} of {num} starts did not converge: {_REMEDY}",)
    agree = int(np.sum(np.asarray(result.start_costs) < result.cost + _SAME))
    if num > 1 and agree < 2:
        lines += (f"one of {num} starts alone ends at the best fit: {_REMEDY}",)
    if len(result.check_values) and not result.check_distance <= _APART:
        lines += (
            f"the check of the optimum by another solver ends {result.check_distance:.2g} sigma "
            f"from it: {_REMEDY}",
        )
    return lines


def _sampling_warnings(problem: Problem, result: FitResult) -> tuple[str, ...]:
    """Return warnings about few effective samples, and about an optimum outside of the samples."""
    posterior, ends = result.posterior, result.start_values
    lines: tuple[str, ...] = ()
    num = float(posterior.effective_samples)
    if not num >= _FEW:
        lines += (f"the posterior is worth {num:.0f} samples only: its errors are rough",)
    where = np.flatnonzero(result.is_free)
    covariance = np.asarray(posterior.covariance)[np.ix_(where, where)]
    away = np.asarray(ends - posterior.mean[None])[:, where]
    distance = np.sqrt(np.sum(away * np.linalg.solve(covariance, away.T).T, axis=1))
    above = np.asarray(result.start_costs) - np.min(result.start_costs)
    missed = np.flatnonzero((above < _ABOVE) & (distance > _OUTSIDE))
    if missed.size:
        first = missed[np.argmin(above[missed])]
        lines += (
            f"a second optimum, {above[first]:.1f} above the best in -2 ln posterior, is left out "
            f"of the errors: {point_text(problem, ends[first])}",
        )
    return lines


def _bound_warnings(problem: Problem, result: FitResult) -> tuple[str, ...]:
    """Return a line for each free parameter whose best fit or mean lies at a bound."""
    lines: tuple[str, ...] = ()
    ends = zip(problem.parameters.parameters, result.values, result.posterior.mean, strict=True)
    for parameter, best, mean in ends:
        if parameter.fixed:
            continue
        near = _AT_BOUND * (parameter.upper - parameter.lower)
        for side, bound in (("lower", parameter.lower), ("upper", parameter.upper)):
            at = [
                what
                for what, x in (("best fit", best), ("posterior mean", mean))
                if abs(float(x) - bound) <= near
            ]
            if at:
                lines += (
                    f"{parameter.name}: {' and '.join(at)} at the {side} bound {bound:.4g}: read "
                    "as a limit",
                )
    return lines
