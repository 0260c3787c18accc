"""Gaussian in C_l itself, for debiased data of many modes that may be negative."""

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
    whiten,
)
from jaxcr.infer.models.base import Prediction
from jaxcr.observed.data import SpectrumData


class GaussianLikelihood(Likelihood):
    """-2 ln L = r^T S^-1 r + ln det S + p ln 2 pi, r = C_l of the data less E[C_l].

    S is the full covariance of C_l at the parameters, its inverse times the Hartlap factor.

    Attributes
    ----------
    limits
        C_l in sr below which a datum counts as an upper limit at this level, ``(ell,)``, -inf for
        none: it enters as ln of the probability to lie below. See ``noise_limits``.

    Notes
    -----
    Right for many modes (effective degrees of freedom above about 30), where the noise or many
    skies make C_l Gaussian. For one sky with little noise C_l is skew, and large values that a
    Gaussian calls impossible pull the model up.
    """

    reason: str = eqx.field(
        static=True, default="many modes: C_l itself is close to Gaussian, negative values included"
    )
    limits: Limits | None = None

    def log_density(self, prediction: Prediction, data: SpectrumData) -> Scalar:
        """Return ln of the density of C_l in 1/sr."""
        return gaussian_log_density(self._whitened(prediction, data))

    def residuals(self, prediction: Prediction, data: SpectrumData) -> Float[Array, " residual"]:
        """Return whitened residuals and one more, the root of the determinant above a bound.

        The variances are counted in units of (C_l + N_l)² of the data, a constant.
        """
        unit = 2 * jnp.sum(jnp.log(jnp.asarray(data.total())))
        return gaussian_residuals(self._whitened(prediction, data), unit)

    def information(
        self, prediction: Prediction, slopes: Prediction
    ) -> Float[Array, "parameter parameter"]:
        """Return the Fisher matrix of mean and covariance."""
        return gaussian_information(
            prediction.covariance,
            slopes.mean,
            slopes.covariance,
            self._margins(prediction),
            prediction.num_simulations,
        )

    def chi_squared(self, prediction: Prediction, data: SpectrumData) -> Scalar:
        """Return r^T S^-1 r; a limit counts as one."""
        return gaussian_distance(self._whitened(prediction, data))

    def __str__(self) -> str:
        return "Gaussian in C_l" + ("" if self.limits is None else ", with limits")

    def _margins(self, prediction: Prediction) -> Float[Array, " ell"] | None:
        """Return (limit - mean)/deviation."""
        if self.limits is None:
            return None
        deviation = jnp.sqrt(jnp.diagonal(prediction.covariance))
        return (jnp.asarray(self.limits) - prediction.mean) / deviation

    def _whitened(self, prediction: Prediction, data: SpectrumData) -> Whitened:
        """Return the data, limits in place of values below them, in units of their covariance."""
        values, is_limit = jnp.asarray(data.total()) - prediction.noise, None
        if self.limits is not None:
            levels = jnp.asarray(self.limits)
            values, is_limit = jnp.maximum(values, levels), values < levels
        away = values - prediction.mean
        return whiten(away, prediction.covariance, is_limit, prediction.num_simulations)
