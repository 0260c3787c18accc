"""What every model of a spectrum gives: default parameters, mean spectrum, distribution of data."""

import abc

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxcr.arrays import Scalar
from jaxcr.infer.parameters import ParameterSet
from jaxcr.observed.data import SpectrumData


class Prediction(eqx.Module):
    """Distribution of one data set under a model, at the data's multipoles.

    Attributes
    ----------
    mean, covariance
        Of C_l as the data have it (mean over ``num_skies`` skies, a_l0 lost if it was), in sr
        ``(ell,)`` and sr² ``(ell, ell)``; noise is in the covariance, not in the mean.
    noise
        Level N_l that is added on both sides before a logarithm is taken, sr ``(ell,)``.
    log_mean, log_covariance
        Of ln(C_l + N_l): E[ln], which is below ln E.
    num_simulations
        Independent simulated skies behind the covariance, for the Hartlap and Percival factors;
        infinite where it is a formula.
    """

    mean: Float[Array, " ell"]
    covariance: Float[Array, "ell ell"]
    noise: Float[Array, " ell"]
    log_mean: Float[Array, " ell"]
    log_covariance: Float[Array, "ell ell"]
    num_simulations: Scalar

    @property
    def freedom(self) -> Float[Array, " ell"]:
        """Effective degrees of freedom of C_l + N_l, 2 mean² / variance."""
        return 2 * (self.mean + self.noise) ** 2 / jnp.diagonal(self.covariance)


class SpectrumModel(eqx.Module):
    """A model of angular power spectra.

    Attributes
    ----------
    parameters
        What its vector of values means, in order, with default bounds and priors.
    """

    parameters: eqx.AbstractVar[ParameterSet]

    @abc.abstractmethod
    def mean_spectrum(self, values: Float[Array, " parameter"]) -> Float[Array, " multipole"]:
        """Return the ensemble mean E[C_l] of one sky in sr, l = 0 ... lmax."""

    @abc.abstractmethod
    def predict(self, values: Float[Array, " parameter"], data: SpectrumData) -> Prediction:
        """Return the distribution of such data, for other fields than any the model has seen."""

    @abc.abstractmethod
    def comparable(self, data: SpectrumData) -> SpectrumData:
        """Return the data as they can be compared with the model.

        Raises
        ------
        ValueError
            When the data have multipoles beyond the model's, or none can be compared.
        """

    @abc.abstractmethod
    def conventions(self) -> str:
        """Return one line on what its parameters mean, for every output."""
