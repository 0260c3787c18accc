"""Uncertainty: Fisher, Laplace, and samples of the posterior."""

from jaxcr.infer.posterior.diagnostics import effective_sizes, split_r_hat, summary, to_arviz
from jaxcr.infer.posterior.free import fisher_covariance, laplace_covariance, sample_free
from jaxcr.infer.posterior.importance import Posterior, sample_posterior
from jaxcr.infer.posterior.nuts import Chains, sample_nuts

__all__ = [
    "Chains",
    "Posterior",
    "effective_sizes",
    "fisher_covariance",
    "laplace_covariance",
    "sample_free",
    "sample_nuts",
    "sample_posterior",
    "split_r_hat",
    "summary",
    "to_arviz",
]
