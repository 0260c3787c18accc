"""The posterior in coordinates without bounds, whitened about its best fit."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxcr.arrays import Scalar
from jaxcr.infer.likelihood import Problem, fisher_matrix, log_posterior
from jaxcr.infer.likelihood.base import jit_untitled

_MARGIN = 0.01
"""Least distance of the centre to a bound in units of the range; logit is infinite there."""


class UnboundedPosterior(eqx.Module):
    """The log posterior by coordinates y in which it is nearly a unit Gaussian.

    Free values are ``lower + (upper - lower) / (1 + exp(-z))`` with ``z = center + scale y``.

    Attributes
    ----------
    problem
        Model, data, parameters with priors, likelihood.
    center, scale
        ``(free,)`` and ``(free, free)``, of the logits of the free parameters.
    """

    problem: Problem
    center: Float[Array, " free"]
    scale: Float[Array, "free free"]

    def values(self, y: Float[Array, " free"]) -> Float[Array, " parameter"]:
        """Return the values of all parameters."""
        parameters = self.problem.parameters
        lower, upper = _free_bounds(self.problem)
        share = jax.nn.sigmoid(self.center + self.scale @ y)
        return parameters.fill(lower + (upper - lower) * share)

    def log_density(self, y: Float[Array, " free"]) -> Scalar:
        """Return ln posterior + ln of the Jacobian, up to a constant; -inf for no number."""
        z = self.center + self.scale @ y
        jacobian = jnp.sum(jax.nn.log_sigmoid(z) + jax.nn.log_sigmoid(-z))
        density = log_posterior(self.problem, self.values(y)) + jacobian
        return jnp.where(jnp.isnan(density), -jnp.inf, density)


@jit_untitled
def unbounded_posterior(problem: Problem, values: Float[Array, " parameter"]) -> UnboundedPosterior:
    """Return the posterior whitened by the Fisher matrix at ``values``, the best fit.

    The logit's own curvature is added to the Fisher matrix: scales stay finite where neither
    data nor prior tell a parameter.
    """
    where = np.flatnonzero(problem.parameters.is_free)
    lower, upper = _free_bounds(problem)
    share = jnp.clip((values[where] - lower) / (upper - lower), _MARGIN, 1 - _MARGIN)
    curvature = 2 * share * (1 - share)  # of -ln Jacobian by z
    slope = (upper - lower) * share * (1 - share)
    at = problem.parameters.fill(lower + (upper - lower) * share)
    information = fisher_matrix(problem, at)[np.ix_(where, where)]
    information = slope[:, None] * slope[None] * information + jnp.diag(curvature)
    scale = jnp.linalg.inv(jnp.linalg.cholesky(information)).T
    return UnboundedPosterior(problem, jnp.log(share / (1 - share)), scale)


def _free_bounds(problem: Problem) -> tuple[Float[Array, " free"], Float[Array, " free"]]:
    where = np.flatnonzero(problem.parameters.is_free)
    return problem.parameters.lower[where], problem.parameters.upper[where]
