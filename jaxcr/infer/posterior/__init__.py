"""Uncertainty beyond the Fisher matrix: samples of the posterior."""

from jaxcr.infer.posterior.importance import Posterior, sample_posterior

__all__ = ["Posterior", "sample_posterior"]
