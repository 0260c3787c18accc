"""Gaussian densities with a covariance from the parameters, of values and of upper limits."""

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jax.scipy.special import log_ndtr, ndtr
from jax.scipy.stats import norm
from jaxtyping import Array, Bool, Float

from jaxcr.arrays import Scalar
from jaxcr.infer.likelihood.finite_simulations import hartlap
from jaxcr.infer.likelihood.whitening import whitened

Limits = Float[Array | np.ndarray, " ell"]

_LOWEST_LOG_VARIANCE = -16.0
"""A bound on ln of relative variances of C_l, from which the determinant term is counted."""

_LEAST = 1e-12
"""Added to -2 ln of a probability under a root, whose slope is then finite at 1."""


class Whitened(NamedTuple):
    """Data less their mean, values first and limits after them, in units of their covariance.

    Attributes
    ----------
    residuals, log_variances
        Of each value given those before it; 0 for limits.
    margins
        (limit - mean)/deviation of each limit given all values; infinite for values. ``None`` when
        no datum can be a limit.
    """

    residuals: Float[Array, " ell"]
    log_variances: Float[Array, " ell"]
    margins: Float[Array, " ell"] | None


def whiten(
    away: Float[Array, " ell"],
    covariance: Float[Array, "ell ell"],
    is_limit: Bool[Array, " ell"] | None,
    num_simulations: Scalar,
) -> Whitened:
    """Return the data in units of their covariance, its inverse times the Hartlap factor.

    Parameters
    ----------
    away, covariance
        Values or limits less their mean, and their covariance.
    is_limit
        Which of them are upper limits; ``None`` for none.

    Notes
    -----
    Limits are conditioned on all values, and taken as independent of each other given them:
    exact for one limit, or when the remaining correlation vanishes.
    """
    widening = jnp.sqrt(hartlap(num_simulations, away.size))
    if is_limit is None:
        residuals, factor = whitened(covariance, away)
        return Whitened(widening * residuals, 2 * jnp.log(jnp.diagonal(factor)), None)
    order = jnp.argsort(is_limit, stable=True)
    is_limit, away = is_limit[order], away[order]
    residuals, factor = whitened(covariance[order][:, order], away)
    residuals = jnp.where(is_limit, 0, residuals)
    # what the values leave open of a limit: the columns of the limits
    rest = jnp.sum(jnp.where(is_limit[None], factor, 0) ** 2, axis=1)
    deviation = jnp.sqrt(jnp.where(is_limit, rest, 1))
    margins = jnp.where(is_limit, widening * (away - factor @ residuals) / deviation, jnp.inf)
    log_variances = jnp.where(is_limit, 0, 2 * jnp.log(jnp.diagonal(factor)))
    return Whitened(widening * residuals, log_variances, margins)


def whiten_data(
    values: Float[Array, " ell"],
    levels: Float[Array, " ell"] | None,
    mean: Float[Array, " ell"],
    covariance: Float[Array, "ell ell"],
    num_simulations: Scalar,
) -> Whitened:
    """Return ``whiten`` of the data less their mean, levels in place of values below them."""
    is_limit = None
    if levels is not None:
        values, is_limit = jnp.maximum(values, levels), values < levels
    return whiten(values - mean, covariance, is_limit, num_simulations)


def margins_of(
    levels: Float[Array, " ell"] | None,
    mean: Float[Array, " ell"],
    covariance: Float[Array, "ell ell"],
) -> Float[Array, " ell"] | None:
    """Return (limit - mean)/deviation of all multipoles; ``None`` without limits."""
    if levels is None:
        return None
    return (levels - mean) / jnp.sqrt(jnp.diagonal(covariance))


def gaussian_log_density(white: Whitened) -> Scalar:
    """Return ln of the density of the values times the probability of the limits."""
    of_values = -0.5 * (white.residuals**2 + white.log_variances + jnp.log(2 * jnp.pi))
    if white.margins is None:
        return jnp.sum(of_values)
    is_limit = jnp.isfinite(white.margins)
    margins = jnp.where(is_limit, white.margins, 0)
    return jnp.sum(jnp.where(is_limit, log_ndtr(margins), of_values))


def gaussian_residuals(white: Whitened, log_scale: Scalar | float) -> Float[Array, " residual"]:
    """Return residuals whose squares sum to -2 ``gaussian_log_density`` + a constant.

    The last one is the root of the determinant above a bound, which no covariance falls below:
    ``log_scale``, the sum over all multipoles of ln of the variance's unit, less 16 each. So
    least-squares solvers minimise the full posterior.
    """
    residuals = white.residuals
    if white.margins is not None:
        is_limit = jnp.isfinite(white.margins)
        probability = -2 * log_ndtr(jnp.where(is_limit, white.margins, 0)) + _LEAST
        residuals = jnp.where(is_limit, jnp.sqrt(probability), residuals)
    lowest = _LOWEST_LOG_VARIANCE * residuals.size + log_scale
    above = jnp.sum(white.log_variances) - lowest
    return jnp.concatenate([residuals, jnp.sqrt(jnp.maximum(above, 1e-3))[None]])


def gaussian_information(
    covariance: Float[Array, "ell ell"],
    mean_slopes: Float[Array, "ell parameter"],
    covariance_slopes: Float[Array, "ell ell parameter"],
    margins: Float[Array, " ell"] | None,
    num_simulations: Scalar,
) -> Float[Array, "parameter parameter"]:
    """Return F_ij = m_i^T S^-1 m_j + tr(S^-1 S_i S^-1 S_j)/2.

    Parameters
    ----------
    margins
        t = (limit - mean)/deviation below which a datum counts as a limit, ``None`` for none. Its
        slopes are multiplied by the root of 1 - Phi + t phi + phi²/Phi, the share of the
        information on the mean that such a datum keeps; exact without correlations.

    Notes
    -----
    Source: Tegmark, Taylor & Heavens, ApJ 480 (1997) 22, eq. 15; the share is the mean of the
    squared score of a Gaussian that is known only to lie below t there.
    """
    inverse = jnp.linalg.inv(covariance) * hartlap(num_simulations, len(covariance))
    if margins is not None:
        weight = jnp.sqrt(_share(margins))
        mean_slopes = weight[:, None] * mean_slopes
        covariance_slopes = (weight[:, None] * weight[None])[:, :, None] * covariance_slopes
    weighted = jnp.einsum("ij,jkp->ikp", inverse, covariance_slopes)
    of_mean = mean_slopes.T @ inverse @ mean_slopes
    return of_mean + 0.5 * jnp.einsum("ijp,jiq->pq", weighted, weighted)


def _share(margins: Float[Array, " ell"]) -> Float[Array, " ell"]:
    """Return 1 - Phi + t phi + phi²/Phi, 1 for t = -inf."""
    t = jnp.clip(margins, -30, 30)
    density = norm.pdf(t)
    return ndtr(-t) + t * density + density * jnp.exp(norm.logpdf(t) - log_ndtr(t))


def gaussian_distance(white: Whitened) -> Scalar:
    """Return the sum of squared residuals; a limit counts as one, its expected share."""
    squares = white.residuals**2
    if white.margins is None:
        return jnp.sum(squares)
    return jnp.sum(jnp.where(jnp.isfinite(white.margins), 1, squares))
