"""Gaussian in ln(C_l + N_l), with its full covariance from the parameters."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxcr.arrays import Scalar
from jaxcr.infer.likelihood.base import Likelihood
from jaxcr.infer.likelihood.gaussian_terms import (
    Limits,
    Whitened,
    gaussian_distance,
    gaussian_information,
    gaussian_log_density,
    gaussian_residuals,
    margins_of,
    whiten_data,
)
from jaxcr.infer.models.base import Prediction
from jaxcr.observed.data import SpectrumData


class LogNormalLikelihood(Likelihood):
    """-2 ln L = r^T S^-1 r + ln det S + p ln 2 pi, r = ln(C + N) of the data less E[ln(C + N)].

    S is the full covariance at the parameters, its inverse times the Hartlap factor.

    Attributes
    ----------
    limits
        C_l in sr below which a datum counts as an upper limit at this level, ``(ell,)``, -inf for
        none: it enters as ln of the probability to lie below. See ``noise_limits``.

    Notes
    -----
    The distribution of ln C_l of single skies is Gaussian enough (joint coverage 68/94/98 %) once
    its mean is E[ln C], not ln E[C].
    """

    reason: str = eqx.field(
        static=True, default="C_l of few skies: their logarithms are close to Gaussian"
    )
    limits: Limits | None = None

    def log_density(self, prediction: Prediction, data: SpectrumData) -> Scalar:
        """Return ln of the density of ln(C_l + N_l)."""
        return gaussian_log_density(self._whitened(prediction, data))

    def residuals(self, prediction: Prediction, data: SpectrumData) -> Float[Array, " residual"]:
        """Return whitened residuals and one more, the root of the determinant above a bound."""
        return gaussian_residuals(self._whitened(prediction, data), 0.0)

    def information(
        self, prediction: Prediction, slopes: Prediction
    ) -> Float[Array, "parameter parameter"]:
        """Return the Fisher matrix of mean and covariance."""
        return gaussian_information(
            prediction.log_covariance,
            slopes.log_mean,
            slopes.log_covariance,
            margins_of(self._levels(prediction), prediction.log_mean, prediction.log_covariance),
            prediction.num_simulations,
        )

    def chi_squared(self, prediction: Prediction, data: SpectrumData) -> Scalar:
        """Return r^T S^-1 r; a limit counts as one."""
        return gaussian_distance(self._whitened(prediction, data))

    def __str__(self) -> str:
        return "Gaussian in ln(C_l + N_l)" + ("" if self.limits is None else ", with limits")

    def _levels(self, prediction: Prediction) -> Float[Array, " ell"] | None:
        """Return the levels of the limits as the data have them, ln(limit + N)."""
        if self.limits is None:
            return None
        level = jnp.asarray(self.limits) + prediction.noise
        return jnp.where(level > 0, jnp.log(jnp.where(level > 0, level, 1)), -jnp.inf)

    def _whitened(self, prediction: Prediction, data: SpectrumData) -> Whitened:
        """Return the data, limits in place of values below them, in units of their covariance."""
        return whiten_data(
            jnp.log(jnp.asarray(data.total())),
            self._levels(prediction),
            prediction.log_mean,
            prediction.log_covariance,
            prediction.num_simulations,
        )
