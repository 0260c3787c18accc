"""Likelihoods of a spectrum with one interface, and what a fit needs."""

from jaxcr.infer.likelihood.base import Likelihood
from jaxcr.infer.likelihood.log_normal import LogNormalLikelihood, hartlap, percival
from jaxcr.infer.likelihood.problem import (
    Problem,
    chi_squared,
    fisher_matrix,
    log_likelihood,
    log_posterior,
    posterior_residuals,
)

__all__ = [
    "Likelihood",
    "LogNormalLikelihood",
    "Problem",
    "chi_squared",
    "fisher_matrix",
    "hartlap",
    "log_likelihood",
    "log_posterior",
    "percival",
    "posterior_residuals",
]
