"""The likelihood of a spectrum: Gaussian in ln(C_l + N_l), covariance from the parameters."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxcr.arrays import Scalar
from jaxcr.infer.parameters import ParameterSet
from jaxcr.infer.sky_model import SkyModel
from jaxcr.observed.data import SpectrumData

_LOWEST_LOG_VARIANCE = -16.0
"""A bound on ln of the variances of ln C_l, from which the determinant term is counted."""


class Problem(eqx.Module):
    """A model, data and parameters: what a fit needs."""

    model: SkyModel
    data: SpectrumData
    parameters: ParameterSet


def log_likelihood(
    model: SkyModel, data: SpectrumData, values: Float[Array, " parameter"]
) -> Scalar:
    """Return ln L of the parameters (ln A, ln dB/B0, ln(R - 1), eta).

    -2 ln L = r^T S^-1 r + ln det S + p ln 2 pi, r = ln(C + N) of the data minus its mean under
    the model, S the full covariance at these parameters, its inverse times the Hartlap factor.

    Notes
    -----
    Differentiable in both modes. Source: the distribution of ln C_l of single skies is Gaussian
    enough (joint coverage 68/94/98 %) once its mean is E[ln C], not ln E[C].
    """
    residuals, log_determinant = _whitened(model, data, values)
    size = residuals.size
    return -0.5 * (jnp.sum(residuals**2) + log_determinant + size * jnp.log(2 * jnp.pi))


def posterior_residuals(
    problem: Problem, values: Float[Array, " parameter"]
) -> Float[Array, " residual"]:
    """Return residuals whose squares sum to -2 ln(likelihood × prior), up to a constant.

    The determinant is one more residual, the root of its distance from a bound that no
    covariance falls below; so least-squares solvers minimise the full posterior.
    """
    residuals, log_determinant = _whitened(problem.model, problem.data, values)
    above = log_determinant - _LOWEST_LOG_VARIANCE * residuals.size
    determinant = jnp.sqrt(jnp.maximum(above, 1e-3))
    prior = problem.parameters.prior_residuals(values)
    return jnp.concatenate([residuals, determinant[None], prior])


@eqx.filter_jit
def chi_squared(problem: Problem, values: Float[Array, " parameter"]) -> Scalar:
    """Return r^T S^-1 r of the data alone, for the goodness of fit."""
    residuals, _ = _whitened(problem.model, problem.data, values)
    return jnp.sum(residuals**2)


@eqx.filter_jit
def fisher_matrix(
    problem: Problem, values: Float[Array, " parameter"]
) -> Float[Array, "parameter parameter"]:
    """Return the Fisher matrix of data and prior at these parameters.

    F_ij = m_i^T S^-1 m_j + tr(S^-1 S_i S^-1 S_j)/2 + prior, subscripts derivatives.

    Notes
    -----
    Positive by construction. Source: Tegmark, Taylor & Heavens, ApJ 480 (1997) 22, eq. 15.
    """
    prediction = problem.model.predict(values, problem.data)
    slopes = jax.jacfwd(lambda v: problem.model.predict(v, problem.data))(values)
    inverse = jnp.linalg.inv(prediction.covariance)
    inverse = inverse * problem.model.hartlap(prediction.mean.size)
    weighted = jnp.einsum("ij,jkp->ikp", inverse, slopes.covariance)
    data = slopes.mean.T @ inverse @ slopes.mean
    data = data + 0.5 * jnp.einsum("ijp,jiq->pq", weighted, weighted)
    prior = jax.jacfwd(problem.parameters.prior_residuals)(values)
    return data + prior.T @ prior


def _whitened(model: SkyModel, data: SpectrumData, values) -> tuple[Float[Array, " ell"], Scalar]:
    """Return residuals in units of their covariance, and ln det of the covariance."""
    prediction = model.predict(values, data)
    factor = jnp.linalg.cholesky(prediction.covariance)
    away = jnp.log(jnp.asarray(data.total())) - prediction.mean
    residuals = jax.scipy.linalg.solve_triangular(factor, away, lower=True)
    log_determinant = 2 * jnp.sum(jnp.log(jnp.diagonal(factor)))
    return jnp.sqrt(model.hartlap(away.size)) * residuals, log_determinant
