"""The cost that optimisers minimise, over the angles of the free parameters."""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxcr.arrays import Scalar
from jaxcr.infer.likelihood import Problem
from jaxcr.infer.likelihood.problem import Look, look, posterior_residuals
from jaxcr.infer.parameters import ParameterSet

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

    def place(self, angles: Float[Array, " free"]) -> "Place":
        """Return the cost, how far the optimum is, and the widths there."""
        values, slope = _bounded(self.problem.parameters, angles)
        return _by_angles(look(self.problem, values), slope)


class Place(NamedTuple):
    """A point of an objective.

    Attributes
    ----------
    cost
        -2 ln(likelihood × prior), up to a constant.
    distance
        The length of the Gauss-Newton step to the optimum in units of the errors,
        sqrt(g^T (F + 1)^-1 g)/2 with the gradient g of the cost and the Fisher matrix F of data
        and priors by the angles. The unit matrix limits errors to one radian of an angle's half
        turn, so that an optimum on a bound, where g vanishes and F with it, has distance 0.
    scale
        The matrix from steps in units of the errors to steps of the angles. No error counts for
        more than one radian of an angle.
    """

    cost: Scalar
    distance: Scalar
    scale: Float[Array, "free free"]


@eqx.filter_jit
def _bounded(
    parameters: ParameterSet, angles: Float[Array, " free"]
) -> tuple[Float[Array, " parameter"], Float[Array, "parameter free"]]:
    """Return the values of all parameters, and their derivatives by the angles."""
    return parameters.bounded(angles), jax.jacfwd(parameters.bounded)(angles)


@jax.jit
def _by_angles(there: Look, slope: Float[Array, "parameter free"]) -> Place:
    gradient = there.gradient @ slope
    information = slope.T @ there.fisher @ slope + jnp.eye(slope.shape[1])
    step = jnp.linalg.solve(information, gradient)
    return Place(
        -2 * there.log_posterior,
        jnp.sqrt(jnp.maximum(gradient @ step, 0)) / 2,
        jnp.linalg.inv(jnp.linalg.cholesky(information)).T,
    )
