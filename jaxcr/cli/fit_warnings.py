"""What to keep in mind of a fit: bounds that were reached, starts and optimisers that disagree."""

import numpy as np

from jaxcr.cli.report import optimisers_apart
from jaxcr.infer import FitResult, Problem

_AT_BOUND = 0.01
"""Share of the range within which a value lies at a bound."""

_APART = 0.5
"""Errors between the ends of two optimisers from which both cannot have arrived."""

_REMEDY = "another optimum or a slow valley: more --num-starts, or --posterior nuts"


def fit_warnings(problem: Problem, result: FitResult) -> tuple[str, ...]:
    """Return the warnings of the fit itself, of its bounds and of its convergence, a line each."""
    lines = (*result.warnings.splitlines(), *bound_warnings(problem, result))
    missing = int(np.sum(~np.asarray(result.converged)))
    if missing:
        lines += (f"{missing} of {len(result.converged)} starts did not converge: {_REMEDY}",)
    apart = optimisers_apart(result)
    if not apart <= _APART:
        lines += (f"Adam ends {apart:.2g} sigma from Levenberg-Marquardt: {_REMEDY}",)
    return lines


def bound_warnings(problem: Problem, result: FitResult) -> tuple[str, ...]:
    """Return a line for each free parameter whose best fit or mean lies at a bound."""
    lines = ()
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
