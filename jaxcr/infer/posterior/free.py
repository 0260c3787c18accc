"""Fisher, Laplace and sampled posteriors of the free parameters, filled up with the fixed ones."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key

from jaxcr.infer.likelihood import Problem, log_posterior
from jaxcr.infer.likelihood.base import jit_untitled
from jaxcr.infer.likelihood.problem import look
from jaxcr.infer.parameters import ParameterSet
from jaxcr.infer.posterior.importance import Posterior, sample_posterior

Values = Float[Array, " parameter"]
Square = Float[Array, "parameter parameter"]


def fisher_covariance(problem: Problem, values: Values) -> Square:
    """Return the inverse Fisher matrix of data and priors; rows of fixed parameters are 0."""
    return _inverse(problem.parameters, look(problem, values).fisher)


@jit_untitled
def laplace_covariance(problem: Problem, values: Values) -> Square:
    """Return the inverse of the Hessian of -ln posterior; rows of fixed parameters are 0.

    Parameters
    ----------
    values
        The best fit. Where the posterior has no maximum inside the bounds the Hessian may not
        be positive: then all entries are NaN.

    Notes
    -----
    Unlike the Fisher matrix it depends on the data, by how far they lie from the model. Cost:
    one forward-over-reverse pass for each parameter.
    """
    hessian = -jax.hessian(lambda v: log_posterior(problem, v))(values)
    return _inverse(problem.parameters, hessian)


def sample_free(
    problem: Problem,
    values: Values,
    covariance: Square,
    *,
    key: Key[Array, ""],
    widening: float = 1.0,
    num_samples: int = 2048,
) -> Posterior:
    """Return the posterior of the free parameters by importance sampling, as one of all.

    Parameters
    ----------
    values, covariance
        Best fit and inverse Fisher matrix of all parameters.
    widening
        Factor on the covariance, for that of the data was estimated from simulations.
    """
    parameters = problem.parameters
    where = np.flatnonzero(parameters.is_free)
    free = sample_posterior(
        _log_density,
        problem,
        mean=values[where],
        covariance=covariance[np.ix_(where, where)],
        lower=parameters.lower[where],
        upper=parameters.upper[where],
        key=key,
        num_samples=num_samples,
    )
    return Posterior(
        mean=parameters.fill(free.mean),
        covariance=widening * _fill(parameters, free.covariance),
        samples=parameters.fill(free.samples),
        weights=free.weights,
        effective_samples=free.effective_samples,
    )


def _log_density(free_values: Float[Array, " free"], problem: Problem) -> Float[Array, ""]:
    """Return the log posterior; a function of the module, so that it is compiled once."""
    return log_posterior(problem, problem.parameters.fill(free_values))


def _inverse(parameters: ParameterSet, information: Square) -> Square:
    """Invert the block of the free parameters by its Cholesky factor."""
    where = np.flatnonzero(parameters.is_free)
    block = information[np.ix_(where, where)]
    scale = 1 / jnp.sqrt(jnp.diagonal(block))
    factor = jnp.linalg.cholesky(block * scale[:, None] * scale[None])
    inverse = jax.scipy.linalg.cho_solve((factor, True), jnp.eye(where.size, dtype=block.dtype))
    return _fill(parameters, inverse * scale[:, None] * scale[None])


def _fill(parameters: ParameterSet, block: Float[Array, "free free"]) -> Square:
    """Return the matrix of all parameters from the block of the free ones."""
    where = np.flatnonzero(parameters.is_free)
    full = jnp.zeros((len(parameters.parameters),) * 2, block.dtype)
    return full.at[np.ix_(where, where)].set(block)
