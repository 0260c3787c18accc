"""Fit from several starts, check the optimum with another solver, sample the posterior there."""

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxcr.arrays import Scalar
from jaxcr.checks import argument_error
from jaxcr.infer.fitting.checkpoint import resumed_starts
from jaxcr.infer.fitting.checks import check_problem, point_text
from jaxcr.infer.fitting.directions import CONSTRAINED, data_fisher
from jaxcr.infer.fitting.gradient_descent import Adam
from jaxcr.infer.fitting.levenberg_marquardt import LevenbergMarquardt
from jaxcr.infer.fitting.objective import Objective
from jaxcr.infer.fitting.optimiser import Optimiser, Run, run_starts, start_angles
from jaxcr.infer.fitting.result import FitResult
from jaxcr.infer.fitting.sampling_checks import sampling_warnings
from jaxcr.infer.likelihood import Problem, percival
from jaxcr.infer.likelihood.base import jit_untitled
from jaxcr.infer.likelihood.problem import look
from jaxcr.infer.posterior.free import fisher_covariance, sample_free
from jaxcr.infer.posterior.importance import Posterior

_OPTIMISERS = (LevenbergMarquardt(), Adam())


def fit(
    problem: Problem,
    *,
    optimisers: tuple[Optimiser, ...] = _OPTIMISERS,
    num_starts: int = 6,
    checkpoint: Path | None = None,
) -> FitResult:
    """Fit the free parameters to the data.

    Parameters
    ----------
    problem
        Model, data, parameters with priors, likelihood.
    optimisers
        The first runs from every start; the others check it from the parameters' own start.
    num_starts
        Starting points: the parameters' own, and a spread over their bounds.
    checkpoint
        Folder in which every finished start is kept, so that a fit that was stopped goes on
        there, with the same result; `None` keeps nothing.

    Raises
    ------
    ValueError
        As `check_problem`, and when no start ends at a finite cost.

    Notes
    -----
    All minimise -2 ln(likelihood × prior) in angles of the free parameters. The covariance is
    the inverse Fisher matrix, priors included; it and that of the posterior are taken times the
    Percival factor. The samples come from a fixed key.
    """
    starts = problem.parameters.starts(num_starts)
    warnings = check_problem(problem, starts)
    objective = Objective(problem)
    angles = start_angles(objective, starts)
    ends = resumed_starts(optimisers[0], objective, angles, checkpoint)
    costs = jnp.where(jnp.isfinite(ends.cost), ends.cost, jnp.inf)
    best = int(jnp.argmin(costs))
    if not np.isfinite(float(costs[best])):
        raise _no_end(problem, _ends(objective, ends)[best])
    checks = [run_starts(x, objective, angles[:1]) for x in optimisers[1:]]
    if not bool(jnp.any(ends.converged)):
        nearest = float(jnp.nanmin(ends.distance))
        warnings += (f"no start arrived: the nearest is {nearest:.2g} sigma from an optimum",)
    return _result(problem, objective, ends, best, checks, warnings)


def _result(
    problem: Problem,
    objective: Objective,
    ends: Run,
    best: int,
    checks: list[Run],
    warnings: tuple[str, ...],
) -> FitResult:
    """Return the record of a fit that ended."""
    from scipy.stats import chi2

    values = _ends(objective, ends)[best]
    covariance = _widening(problem, values) * fisher_covariance(problem, values)
    posterior, constrained = _posterior(problem, values, covariance)
    start_values, check_values = _ends(objective, ends), [_ends(objective, x)[0] for x in checks]
    start_costs = jnp.where(jnp.isfinite(ends.cost), ends.cost, jnp.inf)
    warnings += sampling_warnings(problem, posterior, start_values, start_costs)
    chi = float(look(problem, values).chi_squared)
    freedom = max(1, problem.data.ell.size - int(constrained.sum()))
    return FitResult(
        values=values,
        covariance=covariance,
        information=data_fisher(problem, values),
        posterior=posterior,
        cost=float(ends.cost[best]),
        chi_squared=chi,
        degrees_of_freedom=freedom,
        p_value=float(chi2.sf(chi, freedom)),
        start_values=start_values,
        start_costs=start_costs,
        start_distances=ends.distance,
        converged=ends.converged,
        check_values=jnp.stack(check_values) if checks else jnp.zeros((0, values.size)),
        check_costs=jnp.concatenate([run.cost for run in checks]) if checks else jnp.zeros(0),
        history=checks[0].history[0] if checks else jnp.zeros(0),
        is_free=problem.parameters.is_free,
        constrained=constrained,
        warnings="\n".join(warnings),
    )


def _posterior(
    problem: Problem, values: Float[Array, " parameter"], covariance: Array
) -> tuple[Posterior, np.ndarray]:
    """Return the posterior, and which parameters the data narrowed."""
    posterior = sample_free(
        problem, values, covariance, key=jax.random.key(0), widening=_widening(problem, values)
    )
    narrowed = np.asarray(posterior.errors) < CONSTRAINED * problem.parameters.prior_sigmas
    return posterior, narrowed & problem.parameters.is_free


def _widening(problem: Problem, values: Float[Array, " parameter"]) -> float:
    """Return the Percival factor, at least 1."""
    simulations = float(_num_simulations(problem, values))
    num_free = len(problem.parameters.free_names)
    return max(1.0, percival(simulations, problem.data.ell.size, num_free))


@jit_untitled
def _ends(objective: Objective, runs: Run) -> Float[Array, "start parameter"]:
    return jax.vmap(objective.values)(runs.angles)


@jit_untitled
def _num_simulations(problem: Problem, values: Float[Array, " parameter"]) -> Scalar:
    return problem.model.predict(values, problem.data).num_simulations


def _no_end(problem: Problem, values: Float[Array, " parameter"]) -> ValueError:
    return argument_error(
        "fit: cost where the starts ended",
        expected="a finite number from at least one",
        got=f"none; one of them ended at {point_text(problem, values)}",
        remedy="Narrow the bounds to where the model has a prediction.",
    )
