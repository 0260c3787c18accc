"""Fit from several starts, check the optimum with another solver, sample the posterior there."""

import dataclasses
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxcr.checks import argument_error
from jaxcr.infer.fitting.checkpoint import resumed_starts
from jaxcr.infer.fitting.checks import check_problem, num_simulations, point_text
from jaxcr.infer.fitting.directions import CONSTRAINED
from jaxcr.infer.fitting.gradient_descent import Adam
from jaxcr.infer.fitting.levenberg_marquardt import LevenbergMarquardt
from jaxcr.infer.fitting.objective import Objective
from jaxcr.infer.fitting.optimiser import Optimiser, Run, run_starts, start_angles, values_at
from jaxcr.infer.fitting.result import FitResult
from jaxcr.infer.fitting.warnings import fit_warnings
from jaxcr.infer.likelihood import Problem, percival
from jaxcr.infer.likelihood.base import jit_untitled
from jaxcr.infer.likelihood.problem import look
from jaxcr.infer.posterior.free import fisher_covariance, sample_free
from jaxcr.infer.posterior.importance import Posterior

_OPTIMISERS = (LevenbergMarquardt(), Adam())

_CANDIDATES = 1024
"""Points of the prior of which the best are starts."""

_ANGLE_APART = 0.3
"""Least distance of two starts, rad: nearer ones end alike."""


def fit(
    problem: Problem,
    *,
    optimisers: tuple[Optimiser, ...] = _OPTIMISERS,
    num_starts: int = 12,
    checkpoint: Path | None = None,
) -> FitResult:
    """Fit the free parameters to the data.

    Parameters
    ----------
    problem
        Model, data, parameters with priors, likelihood.
    optimisers
        The first runs from every start; the others check it from another start than the best.
    num_starts
        Starting points at most: the parameters' own, and of 1,024 points spread over the priors
        those of least cost that lie apart.
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
    objective = Objective(problem)
    angles = best_starts(objective, num_starts)
    notes = check_problem(problem, values_at(objective, angles))
    ends = resumed_starts(optimisers[0], objective, angles, checkpoint)
    costs = jnp.where(jnp.isfinite(ends.cost), ends.cost, jnp.inf)
    best = int(jnp.argmin(costs))
    if not np.isfinite(float(costs[best])):
        raise _no_end(problem, values_at(objective, ends.angles)[best])
    elsewhere = 1 if best != 1 and len(angles) > 1 else 0
    others = angles[elsewhere : elsewhere + 1]
    checks = [run_starts(x, objective, others) for x in optimisers[1:]]
    result = _result(problem, objective, ends, best, checks)
    lines = (*notes, *fit_warnings(problem, result))
    return dataclasses.replace(result, warnings="\n".join(lines))


def best_starts(objective: Objective, num: int) -> Float[Array, "start free"]:
    """Return the angles of the given start, then those of least cost that lie apart.

    Half of them are ranked by arcsinh of each residual instead: where C_l nearly vanish a few
    multipoles make a wall of costs, beyond which that ranking still sees.
    """
    parameters = objective.problem.parameters
    if num == 1:
        return start_angles(objective, parameters.starts(1))
    angles = np.asarray(start_angles(objective, parameters.starts(_CANDIDATES)))
    residuals = np.asarray(_residuals(objective, jnp.asarray(angles)))
    chosen = [0]
    for sizes, most in ((residuals, 1 + num // 2), (np.arcsinh(residuals), num)):
        costs = np.sum(sizes**2, axis=1)
        for place in np.argsort(np.where(np.isfinite(costs), costs, np.inf), kind="stable"):
            if len(chosen) >= most:
                break
            if np.min(np.linalg.norm(angles[chosen] - angles[place], axis=1)) > _ANGLE_APART:
                chosen.append(place)
    return jnp.asarray(angles[chosen])


@jit_untitled
def _residuals(
    objective: Objective, angles: Float[Array, "start free"]
) -> Float[Array, "start residual"]:
    return jax.lax.map(objective.residuals, angles, batch_size=16)


def _result(
    problem: Problem,
    objective: Objective,
    ends: Run,
    best: int,
    checks: list[Run],
) -> FitResult:
    """Return the record of a fit that ended."""
    from scipy.stats import chi2

    start_values = values_at(objective, ends.angles)
    check_values = [values_at(objective, x.angles)[0] for x in checks]
    values = start_values[best]
    covariance = _widening(problem, values) * fisher_covariance(problem, values)
    posterior, constrained = _posterior(problem, values, covariance)
    chi = float(look(problem, values).chi_squared)
    freedom = max(1, problem.data.ell.size - int(constrained.sum()))
    return FitResult(
        values=values,
        covariance=covariance,
        posterior=posterior,
        cost=float(ends.cost[best]),
        chi_squared=chi,
        degrees_of_freedom=freedom,
        p_value=float(chi2.sf(chi, freedom)),
        start_values=start_values,
        start_costs=jnp.where(jnp.isfinite(ends.cost), ends.cost, jnp.inf),
        start_distances=ends.distance,
        converged=ends.converged,
        check_values=jnp.stack(check_values) if checks else jnp.zeros((0, values.size)),
        check_costs=jnp.concatenate([run.cost for run in checks]) if checks else jnp.zeros(0),
        history=checks[0].history[0] if checks else jnp.zeros(0),
        is_free=problem.parameters.is_free,
        constrained=constrained,
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
    simulations = float(num_simulations(problem, values))
    num_free = len(problem.parameters.free_names)
    return max(1.0, percival(simulations, problem.data.ell.size, num_free))


def _no_end(problem: Problem, values: Float[Array, " parameter"]) -> ValueError:
    return argument_error(
        "fit: cost where the starts ended",
        expected="a finite number from at least one",
        got=f"none; one of them ended at {point_text(problem, values)}",
        remedy="Narrow the bounds to where the model has a prediction.",
    )
