"""The cost that optimisers minimise, over the angles of the free parameters."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxcr.arrays import Scalar
from jaxcr.infer.likelihood import Problem, fisher_matrix
from jaxcr.infer.likelihood.base import jit_untitled
from jaxcr.infer.likelihood.problem import posterior_residuals

_EDGE = 0.05
"""Least angle to a bound, rad, at which a solver is started: on the bound the slope is 0."""


class Objective(eqx.Module):
    """-2 ln(likelihood × prior) of the free parameters' angles.

    Attributes
    ----------
    problem
        Model, data, parameters with priors, likelihood.
    """

    problem: Problem

    def values(self, angles: Float[Array, " free"]) -> Float[Array, " parameter"]:
        """Return the values of all parameters."""
        return self.problem.parameters.bounded(angles)

    def angles(self, values: Float[Array, " parameter"]) -> Float[Array, " free"]:
        """Return angles of the free parameters, a little inside of their bounds."""
        parameters = self.problem.parameters
        lower, upper = parameters.lower, parameters.upper
        margin = (upper - lower) * (1 - jnp.cos(_EDGE)) / 2
        return parameters.free(jnp.clip(values, lower + margin, upper - margin))

    def residuals(self, angles: Float[Array, " free"]) -> Float[Array, " residual"]:
        """Return residuals whose squares sum to the cost."""
        return posterior_residuals(self.problem, self.values(angles))

    def cost(self, angles: Float[Array, " free"]) -> Scalar:
        """Return -2 ln(likelihood × prior), up to a constant."""
        return jnp.sum(self.residuals(angles) ** 2)

    def fisher(self, angles: Float[Array, " free"]) -> Float[Array, "free free"]:
        """Return the Fisher matrix of data and priors, by the angles."""
        slope = jax.jacfwd(self.values)(angles)
        return slope.T @ fisher_matrix(self.problem, self.values(angles)) @ slope

    def distance(self, angles: Float[Array, " free"]) -> Scalar:
        """Return the length of the Gauss-Newton step to the optimum in units of the errors.

        sqrt(g^T (F + 1)^-1 g)/2 with the gradient g of the cost. The unit matrix limits errors
        to one radian of an angle's half turn, so that an optimum on a bound, where g vanishes
        and F with it, has distance 0.
        """
        gradient = jitted_gradient(self, angles)
        information = self.fisher(angles) + jnp.eye(angles.size)
        step = jnp.linalg.solve(information, gradient)
        return jnp.sqrt(jnp.maximum(gradient @ step, 0)) / 2

    def scale(self, angles: Float[Array, " free"]) -> Float[Array, "free free"]:
        """Return the matrix from steps in units of the errors to steps of the angles.

        No error counts for more than one radian of an angle.
        """
        information = self.fisher(angles) + jnp.eye(angles.size)
        return jnp.linalg.inv(jnp.linalg.cholesky(information)).T


@jit_untitled
def jitted_cost(objective: Objective, angles: Float[Array, " free"]) -> Scalar:
    """Return the cost, compiled once for all that ask."""
    return objective.cost(angles)


@jit_untitled
def jitted_gradient(objective: Objective, angles: Float[Array, " free"]) -> Float[Array, " free"]:
    """Return the gradient of the cost, compiled once for all that ask."""
    return jax.grad(objective.cost)(angles)
