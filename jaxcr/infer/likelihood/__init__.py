"""Likelihoods of a spectrum or a map with one interface, and what a fit needs."""

from jaxcr.infer.likelihood.base import Likelihood
from jaxcr.infer.likelihood.choose import choose_likelihood
from jaxcr.infer.likelihood.effective_modes import window_share
from jaxcr.infer.likelihood.finite_simulations import hartlap, percival
from jaxcr.infer.likelihood.gamma import GammaLikelihood
from jaxcr.infer.likelihood.gaussian import GaussianLikelihood
from jaxcr.infer.likelihood.log_normal import LogNormalLikelihood
from jaxcr.infer.likelihood.map_level import LowSky, MapLikelihood, low_sky, low_sky_from_modes
from jaxcr.infer.likelihood.noise_limits import noise_error, noise_limits
from jaxcr.infer.likelihood.problem import (
    Problem,
    chi_squared,
    fisher_matrix,
    log_likelihood,
    log_posterior,
    posterior_residuals,
)

__all__ = [
    "GammaLikelihood",
    "GaussianLikelihood",
    "Likelihood",
    "LogNormalLikelihood",
    "LowSky",
    "MapLikelihood",
    "Problem",
    "chi_squared",
    "choose_likelihood",
    "fisher_matrix",
    "hartlap",
    "log_likelihood",
    "log_posterior",
    "low_sky",
    "low_sky_from_modes",
    "noise_error",
    "noise_limits",
    "percival",
    "posterior_residuals",
    "window_share",
]
