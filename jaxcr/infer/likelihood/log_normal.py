"""Gaussian in ln(C_l + N_l), with its full covariance from the parameters."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxcr.arrays import Scalar
from jaxcr.infer.likelihood.base import Likelihood
from jaxcr.infer.models.base import Prediction
from jaxcr.observed.data import SpectrumData

_LOWEST_LOG_VARIANCE = -16.0
"""A bound on ln of the variances of ln C_l, from which the determinant term is counted."""


class LogNormalLikelihood(Likelihood):
    """-2 ln L = r^T S^-1 r + ln det S + p ln 2 pi, r = ln(C + N) of the data less E[ln(C + N)].

    S is the full covariance at the parameters, its inverse times the Hartlap factor.

    Notes
    -----
    The distribution of ln C_l of single skies is Gaussian enough (joint coverage 68/94/98 %) once
    its mean is E[ln C], not ln E[C].
    """

    reason: str = eqx.field(
        static=True, default="C_l of few skies: their logarithms are close to Gaussian"
    )

    def log_density(self, prediction: Prediction, data: SpectrumData) -> Scalar:
        """Return ln of the density of ln(C_l + N_l)."""
        residuals, log_determinant = _whitened(prediction, data)
        size = residuals.size
        return -0.5 * (jnp.sum(residuals**2) + log_determinant + size * jnp.log(2 * jnp.pi))

    def residuals(self, prediction: Prediction, data: SpectrumData) -> Float[Array, " residual"]:
        """Return whitened residuals and one more, the root of the determinant above a bound.

        No covariance falls below the bound; so least-squares solvers minimise the full posterior.
        """
        residuals, log_determinant = _whitened(prediction, data)
        above = log_determinant - _LOWEST_LOG_VARIANCE * residuals.size
        return jnp.concatenate([residuals, jnp.sqrt(jnp.maximum(above, 1e-3))[None]])

    def information(
        self, prediction: Prediction, slopes: Prediction
    ) -> Float[Array, "parameter parameter"]:
        """Return F_ij = m_i^T S^-1 m_j + tr(S^-1 S_i S^-1 S_j)/2.

        Source: Tegmark, Taylor & Heavens, ApJ 480 (1997) 22, eq. 15.
        """
        inverse = jnp.linalg.inv(prediction.log_covariance)
        inverse = inverse * hartlap(prediction.num_simulations, prediction.mean.size)
        weighted = jnp.einsum("ij,jkp->ikp", inverse, slopes.log_covariance)
        of_mean = slopes.log_mean.T @ inverse @ slopes.log_mean
        return of_mean + 0.5 * jnp.einsum("ijp,jiq->pq", weighted, weighted)

    def chi_squared(self, prediction: Prediction, data: SpectrumData) -> Scalar:
        """Return r^T S^-1 r."""
        return jnp.sum(_whitened(prediction, data)[0] ** 2)

    def __str__(self) -> str:
        return "Gaussian in ln(C_l + N_l)"


def hartlap(num_simulations: Scalar, num_ell: int) -> Scalar:
    """Return the factor on the inverse of a covariance estimated from so few skies.

    Source: Hartlap, Simon & Schneider, A&A 464 (2007) 399.
    """
    return 1 - (num_ell + 1) / (num_simulations - 1)


def percival(num_simulations: float, num_ell: int, num_parameters: int) -> float:
    """Return the factor on the parameters' covariance for the same reason.

    Source: Percival et al., MNRAS 439 (2014) 2531, eq. 18, beyond the Hartlap factor.
    """
    n, p, m = num_simulations, num_ell, num_parameters
    if n == float("inf"):
        return 1.0
    a = 2 / ((n - p - 1) * (n - p - 4))
    b = (n - p - 2) / ((n - p - 1) * (n - p - 4))
    return (1 + b * (p - m)) / (1 + a + b * (m + 1))


def _whitened(prediction: Prediction, data: SpectrumData) -> tuple[Float[Array, " ell"], Scalar]:
    """Return residuals in units of their covariance, and ln det of the covariance."""
    factor = jnp.linalg.cholesky(prediction.log_covariance)
    away = jnp.log(jnp.asarray(data.total())) - prediction.log_mean
    residuals = jax.scipy.linalg.solve_triangular(factor, away, lower=True)
    log_determinant = 2 * jnp.sum(jnp.log(jnp.diagonal(factor)))
    return jnp.sqrt(hartlap(prediction.num_simulations, away.size)) * residuals, log_determinant
