"""One fit parameter: name, unit, start, bounds, prior, and whether it is held."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxcr.checks import check_range
from jaxcr.infer.parameters.prior import HalfNormal, Prior

_VALUES = 1001
"""Between the bounds, at which the prior is looked at."""


class Parameter(eqx.Module):
    """One fit parameter.

    Parameters
    ----------
    name, unit
        As reports print them.
    start, lower, upper
        First value and bounds.
    prior
        ``Flat()``, ``Normal(mean, width)`` or ``HalfNormal(width)``.
    fixed
        Whether the parameter is held at ``start``, which may then be a bound.

    Raises
    ------
    ValueError
        Unless ``lower < start < upper``, or with a negative lower bound of a half Gaussian; the
        message names the parameter.
    """

    name: str = eqx.field(static=True)
    start: float | Float[Array, ""]
    lower: float
    upper: float
    prior: Prior
    unit: str = eqx.field(static=True, default="")
    fixed: bool = eqx.field(static=True, default=False)

    def __check_init__(self):
        ends = "[]" if self.fixed else "()"
        check_range(f"Parameter {self.name}: start", self.start, self.lower, self.upper, ends=ends)
        if isinstance(self.prior, HalfNormal):
            check_range(
                f"Parameter {self.name}: lower", self.lower, 0, remedy="Or take Normal(0, width)."
            )

    @property
    def prior_sigma(self) -> float:
        """Standard deviation of the prior within the bounds."""
        values, weights = self._prior_weights()
        return float(np.sqrt(weights @ values**2 - (weights @ values) ** 2))

    def quantiles(self, shares: Float[np.ndarray, "*batch"]) -> Float[np.ndarray, "*batch"]:
        """Return the values below which these shares of the prior within the bounds lie."""
        values, weights = self._prior_weights()
        below = np.cumsum(weights) - weights / 2
        return np.interp(shares, below, values)

    def _prior_weights(self) -> tuple[Float[np.ndarray, " value"], Float[np.ndarray, " value"]]:
        """Return values over the bounds, and the share of the prior at each."""
        values = np.linspace(self.lower, self.upper, _VALUES)
        density = np.exp(-0.5 * np.asarray(jax.vmap(self.prior.residual)(jnp.asarray(values))) ** 2)
        return values, density / density.sum()
