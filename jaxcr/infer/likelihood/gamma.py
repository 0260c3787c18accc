"""Gamma distributed C_l + N_l with effective degrees of freedom, correlated by a copula."""

import equinox as eqx
import jax.numpy as jnp
from jax.scipy.special import gammaln, polygamma
from jaxtyping import Array, Float

from jaxcr.arrays import Scalar
from jaxcr.infer.likelihood.base import Likelihood
from jaxcr.infer.likelihood.finite_simulations import hartlap
from jaxcr.infer.likelihood.whitening import whitened
from jaxcr.infer.models.base import Prediction
from jaxcr.observed.data import SpectrumData

_LOWEST = -18.0
"""Below what one multipole adds to -2 ln L beyond its residual: see ``residuals``."""


class GammaLikelihood(Likelihood):
    """C_l + N_l is Gamma distributed with mean mu and nu = 2 mu²/variance degrees of freedom.

    -2 ln L = sum of 2 k (x - 1 - ln x) + 2 ln T + 2 ln Gamma(k) - 2 k ln k + 2 k
    + z^T (R^-1 - 1) z + ln det R, with T = C + N of the data, k = nu/2, x = T/mu, R the
    correlation matrix and z the normal scores of x.

    Attributes
    ----------
    share
        Of the modes that are seen through a window, ``window_share``: multiplies nu.

    Notes
    -----
    Exact for full-sky spectra of Gaussian isotropic fields (R = 1, nu = 2l+1, times the number
    of skies). Correlations enter through a Gaussian copula; its scores are those of Wilson &
    Hilferty, Proc. Nat. Acad. Sci. 17 (1931) 684, right to 0.02 for nu >= 5. Correlation
    matrices of C_l and of the scores are taken as one.
    """

    reason: str = eqx.field(
        static=True, default="C_l of few modes: squares of Gaussian a_lm have a Gamma distribution"
    )
    share: float | Float[Array, " ell"] = 1.0

    def log_density(self, prediction: Prediction, data: SpectrumData) -> Scalar:
        """Return ln of the density of C_l + N_l in 1/sr."""
        white, beyond = _terms(prediction, data, self.share)
        of_data = 2 * jnp.log(jnp.asarray(data.total()))
        return -0.5 * jnp.sum(white**2 + beyond + of_data)

    def residuals(self, prediction: Prediction, data: SpectrumData) -> Float[Array, " residual"]:
        """Return whitened normal scores and one more, the root of all the rest above a bound.

        The rest: the deviances less squared scores (above -1.4 each), the norms of the Gamma
        densities (above -ln k) and ln det R.
        """
        white, beyond = _terms(prediction, data, self.share)
        above = jnp.sum(beyond) - _LOWEST * white.size
        return jnp.concatenate([white, jnp.sqrt(jnp.maximum(above, 1e-3))[None]])

    def information(
        self, prediction: Prediction, slopes: Prediction
    ) -> Float[Array, "parameter parameter"]:
        """Return the Fisher matrix; exact without correlations, to order 1/nu with them.

        F = sum over l of [k d ln mu d ln mu + (psi'(k) - 1/k) dk dk], R^-1 between multipoles.
        """
        half, correlation = _shape(prediction, self.share)
        relative = slopes.mean / (prediction.mean + prediction.noise)[:, None]
        variance = jnp.diagonal(prediction.covariance)[:, None]
        of_variance = jnp.diagonal(slopes.covariance).T / variance
        half_slopes = half[:, None] * (2 * relative - of_variance)
        inverse = jnp.linalg.inv(correlation)
        inverse = inverse * hartlap(prediction.num_simulations, half.size)
        scaled = jnp.sqrt(half)[:, None] * relative
        of_shape = polygamma(1, half) - 1 / half
        return scaled.T @ inverse @ scaled + half_slopes.T @ (of_shape[:, None] * half_slopes)

    def chi_squared(self, prediction: Prediction, data: SpectrumData) -> Scalar:
        """Return z^T R^-1 z."""
        return jnp.sum(_terms(prediction, data, self.share)[0] ** 2)

    def __str__(self) -> str:
        return "Gamma in C_l + N_l"


def _shape(prediction: Prediction, share) -> tuple[Float[Array, " ell"], Float[Array, "ell ell"]]:
    """Return k, half the degrees of freedom, and the correlation matrix."""
    deviation = jnp.sqrt(jnp.diagonal(prediction.covariance))
    correlation = prediction.covariance / (deviation[:, None] * deviation[None])
    return prediction.freedom / 2 * share, correlation


def _terms(
    prediction: Prediction, data: SpectrumData, share
) -> tuple[Float[Array, " ell"], Float[Array, " ell"]]:
    """Return whitened normal scores, and what each multipole adds to -2 ln L beyond their squares.

    Left out: 2 ln T of the data.
    """
    half, correlation = _shape(prediction, share)
    ratio = jnp.asarray(data.total()) / (prediction.mean + prediction.noise)
    score = 3 * jnp.sqrt(half) * (jnp.cbrt(ratio) - 1 + 1 / (9 * half))
    white, factor = whitened(correlation, score)
    white = jnp.sqrt(hartlap(prediction.num_simulations, half.size)) * white
    deviance = 2 * half * (ratio - 1 - jnp.log(ratio))
    norm = 2 * (gammaln(half) - half * jnp.log(half) + half)
    determinant = 2 * jnp.log(jnp.diagonal(factor))
    return white, deviance - score**2 + norm + determinant
