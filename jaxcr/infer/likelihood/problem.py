"""A model, data, parameters and a likelihood: what a fit needs, and its log posterior."""

from functools import partial
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxcr.arrays import Scalar
from jaxcr.infer.likelihood.base import Likelihood, jit_untitled
from jaxcr.infer.likelihood.log_normal import LogNormalLikelihood
from jaxcr.infer.models.base import Prediction, SpectrumModel
from jaxcr.infer.parameters import ParameterSet
from jaxcr.observed.data import SpectrumData

Values = Float[Array, " parameter"]


class Problem(eqx.Module):
    """What a fit needs.

    Parameters
    ----------
    model
        Predicts the distribution of the data.
    data
        As ``model.comparable`` returns them.
    parameters
        Bounds, priors, what is fixed; default: the model's.
    likelihood
        Default: Gaussian in ln(C_l + N_l).
    """

    model: SpectrumModel
    data: SpectrumData
    parameters: ParameterSet
    likelihood: Likelihood

    def __init__(
        self,
        model: SpectrumModel,
        data: SpectrumData,
        parameters: ParameterSet | None = None,
        likelihood: Likelihood | None = None,
    ):
        self.model, self.data = model, data
        self.parameters = model.parameters if parameters is None else parameters
        self.likelihood = LogNormalLikelihood() if likelihood is None else likelihood


def log_likelihood(problem: Problem, values: Values) -> Scalar:
    """Return ln L of the parameters; differentiable in both modes."""
    return problem.likelihood.log_density(_predict(problem, values), problem.data)


def log_posterior(problem: Problem, values: Values) -> Scalar:
    """Return ln(likelihood × prior), up to a constant."""
    return -0.5 * jnp.sum(posterior_residuals(problem, values) ** 2)


def posterior_residuals(problem: Problem, values: Values) -> Float[Array, " residual"]:
    """Return residuals whose squares sum to -2 ln(likelihood × prior), up to a constant."""
    data = problem.likelihood.residuals(_predict(problem, values), problem.data)
    return jnp.concatenate([data, problem.parameters.prior_residuals(values)])


@jit_untitled
def chi_squared(problem: Problem, values: Values) -> Scalar:
    """Return the distance of the data alone from their mean, for the goodness of fit."""
    return problem.likelihood.chi_squared(_predict(problem, values), problem.data)


@jit_untitled
def fisher_matrix(problem: Problem, values: Values) -> Float[Array, "parameter parameter"]:
    """Return the Fisher matrix of data and prior at these parameters; positive."""
    slopes = jax.jacfwd(lambda v: _predict(problem, v))(values)
    data = problem.likelihood.information(_predict(problem, values), slopes)
    prior = jax.jacfwd(problem.parameters.prior_residuals)(values)
    return data + prior.T @ prior


class Look(NamedTuple):
    """What a fit asks for at one point, by all parameters; the gradient is that of the cost."""

    log_posterior: Scalar
    chi_squared: Scalar
    gradient: Values
    fisher: Float[Array, "parameter parameter"]


@jit_untitled
def look(problem: Problem, values: Values) -> Look:
    """Return all of it from one program: the model makes up most of each, and compiles for long."""

    def predict(values):
        prediction = _predict(problem, values)
        return prediction, prediction

    def slope_of(function, at, step):
        return jax.jvp(function, (at,), (step,))[1]

    slopes, prediction = jax.jacfwd(predict, has_aux=True)(values)
    likelihood, data = problem.likelihood, problem.data
    residuals = partial(likelihood.residuals, data=data)
    jacobian = jax.vmap(partial(slope_of, residuals, prediction), -1, -1)(slopes)
    prior = problem.parameters.prior_residuals
    prior_jacobian = jax.jacfwd(prior)(values)
    rest, prior_rest = residuals(prediction), prior(values)
    return Look(
        -0.5 * (jnp.sum(rest**2) + jnp.sum(prior_rest**2)),
        likelihood.chi_squared(prediction, data),
        2 * (rest @ jacobian + prior_rest @ prior_jacobian),
        likelihood.information(prediction, slopes) + prior_jacobian.T @ prior_jacobian,
    )


@jit_untitled
def predicted(model: SpectrumModel, values: Values, data: SpectrumData) -> Prediction:
    """Return what the model predicts, from one program."""
    return model.predict(values, data)


def _predict(problem: Problem, values: Values):
    return problem.model.predict(values, problem.data)
