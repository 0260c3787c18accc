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
    margins_of,
    whiten_data,
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
            margins_of(self._levels(), prediction.mean, prediction.covariance),
            prediction.num_simulations,
        )

    def chi_squared(self, prediction: Prediction, data: SpectrumData) -> Scalar:
        """Return r^T S^-1 r; a limit counts as one."""
        return gaussian_distance(self._whitened(prediction, data))

    def __str__(self) -> str:
        return "Gaussian in C_l" + ("" if self.limits is None else ", with limits")

    def _levels(self) -> Float[Array, " ell"] | None:
        return None if self.limits is None else jnp.asarray(self.limits)

    def _whitened(self, prediction: Prediction, data: SpectrumData) -> Whitened:
        """Return the data, limits in place of values below them, in units of their covariance."""
        return whiten_data(
            jnp.asarray(data.total()) - prediction.noise,
            self._levels(),
            prediction.mean,
            prediction.covariance,
            prediction.num_simulations,
        )
