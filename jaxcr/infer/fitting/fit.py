"""Fit by Levenberg-Marquardt and by Adam, from several starts, and sample about the best fit."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import optimistix as optx
from jaxtyping import Array, Bool, Float

from jaxcr.infer.likelihood import (
    Problem,
    chi_squared,
    fisher_matrix,
    log_posterior,
    percival,
)
from jaxcr.infer.likelihood.problem import posterior_residuals
from jaxcr.infer.posterior.importance import Posterior, sample_posterior

_CONSTRAINED = 0.7
"""A parameter counts as constrained by the data when its error is below this share of its prior."""

_MAX_STEPS = 80
_STATIONARY = 1e-2
"""Largest gradient of -2 ln posterior by the angles: what is left to gain is below 1e-4."""


class FitResult(eqx.Module):
    """The best fit, its errors, and how it was reached.

    Attributes
    ----------
    values, covariance
        Best parameters ``(parameter,)``, and the inverse Fisher matrix there (Laplace).
    posterior
        Mean, covariance and samples of the posterior: the errors to quote. The Fisher matrix at
        the best fit misses that amplitude, turbulence and mirror ratio trade along a curve.
    cost
        -2 ln posterior of the best fit, up to a constant.
    chi_squared, degrees_of_freedom, p_value
        Goodness of fit of the data alone.
    start_values, start_costs, converged
        Where every start of Levenberg-Marquardt ended.
    adam_values, adam_cost, adam_history
        Where Adam ends from the parameters' own start, and its cost at every step.
    constrained
        Whether the data narrowed each parameter's prior.
    """

    values: Float[Array, " parameter"]
    covariance: Float[Array, "parameter parameter"]
    posterior: Posterior
    cost: float
    chi_squared: float
    degrees_of_freedom: int
    p_value: float
    start_values: Float[Array, "start parameter"]
    start_costs: Float[Array, " start"]
    converged: Bool[Array, " start"]
    adam_values: Float[Array, " parameter"]
    adam_cost: float
    adam_history: Float[Array, " step"]
    constrained: Bool[np.ndarray, " parameter"]

    @property
    def errors(self) -> Float[Array, " parameter"]:
        """Laplace errors of the parameters."""
        return jnp.sqrt(jnp.diagonal(self.covariance))


def fit(problem: Problem, *, num_starts: int = 6, adam_steps: int = 400) -> FitResult:
    """Fit the parameters to the data.

    Parameters
    ----------
    problem
        Model, data, parameters with priors.
    num_starts
        Starting points: the parameters' own, and a spread over their bounds.
    adam_steps
        Steps of Adam from the parameters' own start, as a check on the optimum.

    Notes
    -----
    Both minimise -2 ln(likelihood × prior) in unbounded parameters, on exact gradients. The
    Laplace covariance is the inverse Fisher matrix, prior included; it and that of the posterior
    are taken times the Percival factor. The samples come from a fixed key.
    """
    from scipy.stats import chi2

    starts = problem.parameters.starts(num_starts)
    free = jax.vmap(problem.parameters.free)(starts)
    ends, converged = levenberg_marquardt(problem, free)
    costs = _costs(problem, ends)
    best = jnp.argmin(costs)
    values = problem.parameters.bounded(ends[best])
    adam_free, history = adam(problem, free[0], adam_steps)
    simulations = problem.model.predict(values, problem.data).num_simulations
    widening = max(1.0, percival(float(simulations), problem.data.ell.size, values.size))
    covariance = widening * jnp.linalg.inv(fisher_matrix(problem, values))
    posterior = sample_posterior(
        lambda v, problem: log_posterior(problem, v),
        problem,
        mean=values,
        covariance=covariance,
        lower=problem.parameters.lower,
        upper=problem.parameters.upper,
        key=jax.random.key(0),
    )
    posterior = eqx.tree_at(lambda p: p.covariance, posterior, widening * posterior.covariance)
    constrained = np.asarray(posterior.errors) < _CONSTRAINED * problem.parameters.prior_sigmas
    chi = float(chi_squared(problem, values))
    freedom = max(1, problem.data.ell.size - int(constrained.sum()))
    return FitResult(
        values=values,
        covariance=covariance,
        posterior=posterior,
        cost=float(costs[best]),
        chi_squared=chi,
        degrees_of_freedom=freedom,
        p_value=float(chi2.sf(chi, freedom)),
        start_values=jax.vmap(problem.parameters.bounded)(ends),
        start_costs=costs,
        converged=converged,
        adam_values=problem.parameters.bounded(adam_free),
        adam_cost=float(_costs(problem, adam_free[None])[0]),
        adam_history=history,
        constrained=constrained,
    )


@eqx.filter_jit
def levenberg_marquardt(problem: Problem, free: Float[Array, "start parameter"]):
    """Return where each start ends, and whether the cost is stationary there.

    At a bound the residuals' own second derivative keeps the solver from its usual test, so the
    gradient of the cost (by the angles of the parameters) decides.
    """

    def residuals(u, problem):
        return posterior_residuals(problem, problem.parameters.bounded(u))

    def one(u):
        solution = optx.least_squares(
            residuals,
            optx.LevenbergMarquardt(rtol=1e-7, atol=1e-7),
            u,
            args=problem,
            max_steps=_MAX_STEPS,
            throw=False,
        )
        slope = jax.grad(lambda u: _cost(problem, u))(solution.value)
        return solution.value, jnp.max(jnp.abs(slope)) < _STATIONARY

    return jax.lax.map(one, free)


@eqx.filter_jit
def adam(problem: Problem, free: Float[Array, " parameter"], num_steps: int):
    """Return where Adam ends, and the cost at every step, ``(step,)``.

    It walks in coordinates in which the Fisher matrix at the start is one: the valley between
    amplitude, turbulence and mirror ratio is then as wide as it is long.
    """
    bounded = problem.parameters.bounded
    slope = jax.jacfwd(bounded)(free)
    fisher = slope.T @ fisher_matrix(problem, bounded(free)) @ slope
    scale = jnp.linalg.inv(jnp.linalg.cholesky(fisher)).T
    optimiser = optax.adam(
        lambda count: 0.05 * (1 + jnp.cos(jnp.pi * count.astype(free.dtype) / num_steps))
    )

    def step(carry, _):
        y, state = carry
        cost, gradient = jax.value_and_grad(lambda y: _cost(problem, free + scale @ y))(y)
        with jax.numpy_dtype_promotion("standard"):  # optax counts its steps in int32
            updates, state = optimiser.update(gradient, state)
        return (optax.apply_updates(y, updates), state), cost

    start = jnp.zeros_like(free)
    (y, _), history = jax.lax.scan(step, (start, optimiser.init(start)), length=num_steps)
    return free + scale @ y, history


@eqx.filter_jit
def _costs(problem: Problem, free: Float[Array, "start parameter"]) -> Float[Array, " start"]:
    """Return the cost of every point, infinite where it is not finite."""
    costs = jax.vmap(lambda u: _cost(problem, u))(free)
    return jnp.where(jnp.isfinite(costs), costs, jnp.inf)


def _cost(problem: Problem, free: Float[Array, " parameter"]) -> Float[Array, ""]:
    """Return -2 ln posterior."""
    return -2 * log_posterior(problem, problem.parameters.bounded(free))
