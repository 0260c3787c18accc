"""What a fit returns."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from jaxcr.infer.posterior.importance import Posterior


class FitResult(eqx.Module):
    """The best fit, its errors, and how it was reached.

    Attributes
    ----------
    values, covariance
        Best values of all parameters ``(parameter,)``, and the inverse Fisher matrix there; its
        rows of fixed parameters are 0.
    posterior
        Mean, covariance and samples of the posterior: the errors to quote. The Fisher matrix at
        the best fit misses that amplitude, turbulence and mirror ratio trade along a curve.
    cost
        -2 ln posterior of the best fit, up to a constant.
    chi_squared, degrees_of_freedom, p_value
        Goodness of fit of the data alone.
    start_values, start_costs, start_distances, converged
        Where the first optimiser ended from every start, how far in errors from the optimum, and
        whether that counts as arrived.
    check_values, check_costs
        Where the other optimisers ended from another start than the best's, ``(check, parameter)``.
    history
        Cost at every step of the first check.
    is_free, constrained
        Which parameters were free, and whether the data narrowed each one's prior.
    warnings
        Lines to print; empty when there is nothing to say.
    """

    values: Float[Array, " parameter"]
    covariance: Float[Array, "parameter parameter"]
    posterior: Posterior
    cost: float
    chi_squared: float
    degrees_of_freedom: int
    p_value: float
    start_values: Float[Array, "start parameter"]
    start_costs: Float[Array, " start"]
    start_distances: Float[Array, " start"]
    converged: Bool[Array, " start"]
    check_values: Float[Array, "check parameter"]
    check_costs: Float[Array, " check"]
    history: Float[Array, " step"]
    is_free: Bool[np.ndarray, " parameter"]
    constrained: Bool[np.ndarray, " parameter"]
    warnings: str = eqx.field(static=True, default="")

    @property
    def errors(self) -> Float[Array, " parameter"]:
        """Errors of the parameters from the Fisher matrix."""
        return jnp.sqrt(jnp.diagonal(self.covariance))

    @property
    def check_distance(self) -> float:
        """How far the first check ended from the best fit in errors, the worst parameter."""
        apart = np.abs(np.asarray(self.check_values[0] - self.values))[self.is_free]
        return float(np.max(apart / np.asarray(self.errors)[self.is_free]))
