"""What every estimator of a derivative of C_l gives, and how it is called."""

import abc
from collections.abc import Callable, Iterable

import equinox as eqx
import numpy as np
from jaxtyping import Array, Float

from jaxcr.statistics import jackknife

Spectra = Callable[[Float[Array, " parameter"], int], Float[Array, "sky ell"]]
"""C_l of the skies in one numbered field; phases depend on the number alone."""


class JacobianEstimate(eqx.Module):
    """The derivative of the mean C_l by each parameter, with errors between fields.

    Attributes
    ----------
    per_field
        One value for each field, ``(field, parameter, ell)`` in sr per unit of the parameter;
        pseudo-values of the jackknife where the estimator is not a mean over fields.
    bias
        Size of what the estimator is expected to be off by, ``(parameter, ell)``; zero where it
        has none, or none that can be told.
    simulations
        What was simulated in every field and its cost in forward C_l's, by label.
    label, reason
        Name of the estimator; why it did what it did, in one line.
    """

    per_field: Float[np.ndarray, "field parameter ell"]
    bias: Float[np.ndarray, "parameter ell"]
    simulations: tuple[tuple[str, float], ...] = eqx.field(static=True)
    label: str = eqx.field(static=True)
    reason: str = eqx.field(static=True)

    @property
    def value(self) -> Float[np.ndarray, "parameter ell"]:
        """The mean over fields."""
        return self.per_field.mean(axis=0)

    @property
    def error(self) -> Float[np.ndarray, "parameter ell"]:
        """Its standard error, jackknifed over fields; infinite for a value that is none."""
        finite = np.isfinite(self.per_field).all(axis=0)
        error = np.asarray(jackknife(lambda mean: mean, np.where(finite, self.per_field, 0)).error)
        return np.where(finite, error, np.inf)

    @property
    def total_error(self) -> Float[np.ndarray, "parameter ell"]:
        """Error and bias in quadrature."""
        return np.hypot(self.error, self.bias)

    @property
    def cost(self) -> float:
        """Work in units of one forward C_l of the same skies."""
        return sum(cost for _, cost in self.simulations)


class GradientEstimator(eqx.Module):
    """A way to the derivative of the mean C_l by parameters that act through chaotic orbits.

    Attributes
    ----------
    label
        Name that reports print.
    """

    label: eqx.AbstractVar[str]

    @abc.abstractmethod
    def __call__(
        self, spectra: Spectra, values: Float[Array, " parameter"], numbers: Iterable[int]
    ) -> JacobianEstimate:
        """Return the Jacobian of the mean over the skies in the fields ``numbers``."""
