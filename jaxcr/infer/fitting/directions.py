"""Which combinations of parameters the data constrain, and which they say nothing about."""

import equinox as eqx
import jax
import numpy as np
from jaxtyping import Array, Float

from jaxcr.infer.likelihood import Problem
from jaxcr.infer.likelihood.problem import look
from jaxcr.infer.parameters import ParameterSet

CONSTRAINED = 0.7
"""Data constrain a parameter, or a direction, when its error with them is below this share of that
of the prior alone."""

_LEAST_SHARE = 0.1
"""Weights below this share of the largest are not written."""


class Directions(eqx.Module):
    """Independent combinations of parameters in the posterior, best known first.

    Attributes
    ----------
    names
        Of the free parameters.
    weights
        ``(direction, parameter)``, of unit length: the combinations weights · parameters. What
        counts for little in widths of the priors is 0.
    errors
        Their standard deviations in the posterior, ``(direction,)``.
    shares
        The same over those of the priors, before anything was left out.
    sigmas
        Standard deviations of the priors, ``(parameter,)``.
    """

    names: tuple[str, ...] = eqx.field(static=True)
    weights: Float[np.ndarray, "direction parameter"]
    errors: Float[np.ndarray, " direction"]
    shares: Float[np.ndarray, " direction"]
    sigmas: Float[np.ndarray, " parameter"]

    def text(self) -> str:
        """Return what the data tell and what they do not, in one sentence."""
        known = [
            f"{weights_text(self.names, w, self.sigmas)} (± {e:.2g})"
            for w, e, share in zip(self.weights, self.errors, self.shares, strict=True)
            if share < CONSTRAINED
        ]
        unknown = [
            weights_text(self.names, w, self.sigmas)
            for w, share in zip(self.weights, self.shares, strict=True)
            if share >= CONSTRAINED
        ]
        text = "these data constrain " + (", ".join(known) or "nothing")
        if not unknown:
            return text
        return text + "; they say little or nothing about " + ", ".join(unknown)


def data_directions(
    parameters: ParameterSet, covariance: Float[Array | np.ndarray, "parameter parameter"]
) -> Directions:
    """Return the eigenvectors of a posterior's covariance in units of the priors.

    Parameters
    ----------
    parameters
        Their priors' standard deviations within the bounds are the units.
    covariance
        Of the posterior, all parameters: ``FitResult.posterior.covariance``. A Fisher matrix where
        the best fit lies at a bound, or on a curve, says less than a posterior.
    """
    free = parameters.is_free
    sigmas = parameters.prior_sigmas[free]
    covariance = np.asarray(covariance)[np.ix_(free, free)]
    values, vectors = np.linalg.eigh(covariance / np.outer(sigmas, sigmas))
    weights = np.where(_counts(vectors.T), vectors.T, 0) / sigmas[None]
    weights /= np.linalg.norm(weights, axis=1, keepdims=True)
    leading = weights[np.arange(len(weights)), np.argmax(np.abs(weights), axis=1)]
    weights *= np.sign(leading)[:, None]
    errors = np.sqrt(np.einsum("di,ij,dj->d", weights, covariance, weights))
    shares = np.sqrt(np.maximum(values, 0))
    return Directions(parameters.free_names, weights, errors, shares, sigmas)


def data_information(
    problem: Problem, values: Float[Array, " parameter"]
) -> Float[np.ndarray, "free free"]:
    """Return the data's Fisher matrix by the free parameters in units of their priors' widths."""
    parameters = problem.parameters
    sigmas = parameters.prior_sigmas[parameters.is_free]
    information = np.asarray(data_fisher(problem, values))
    return information[np.ix_(parameters.is_free, parameters.is_free)] * np.outer(sigmas, sigmas)


def data_fisher(
    problem: Problem, values: Float[Array, " parameter"]
) -> Float[Array, "parameter parameter"]:
    """Return the Fisher matrix of the data alone."""
    slope = jax.jacfwd(problem.parameters.prior_residuals)(values)
    return look(problem, values).fisher - slope.T @ slope


def prior_information(parameters: ParameterSet) -> Float[np.ndarray, "free free"]:
    """Return the priors' information by the free parameters, in units of their widths."""
    slope = np.asarray(jax.jacfwd(parameters.prior_residuals)(parameters.start))
    slope = slope * parameters.prior_sigmas[None]
    return (slope.T @ slope)[np.ix_(parameters.is_free, parameters.is_free)]


def weights_text(
    names: tuple[str, ...],
    weights: Float[np.ndarray, " parameter"],
    sigmas: Float[np.ndarray, " parameter"] | float = 1.0,
) -> str:
    """Return a combination as ``0.86 ln A - 0.51 ln dB/B0``, small weights times sigma left out.

    Small in widths of the priors: independent combinations never read as the same one name.
    """
    weights = weights / np.linalg.norm(weights)
    weights = weights * np.sign(weights[np.argmax(np.abs(weights))])
    counts = _counts(weights * sigmas)
    kept = [(names[i], weights[i]) for i in np.flatnonzero(counts)]
    if len(kept) == 1:
        return kept[0][0]
    parts = [f"{'-' if weight < 0 else '+'} {abs(weight):.2f} {name}" for name, weight in kept]
    return " ".join(parts).removeprefix("+ ").replace("- ", "-", parts[0].startswith("-"))


def _counts(weights: Float[np.ndarray, "*direction parameter"]) -> np.ndarray:
    """Return which weights, in widths of the priors, are not small beside the largest."""
    sizes = np.abs(weights)
    return sizes >= _LEAST_SHARE * np.max(sizes, axis=-1, keepdims=True)
