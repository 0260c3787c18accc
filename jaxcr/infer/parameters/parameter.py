"""One fit parameter: name, unit, start, bounds, prior, and whether it is held."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxcr.checks import argument_error, checked
from jaxcr.infer.parameters.prior import HalfNormal, Prior


@checked
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
        held = self.fixed and self.lower <= self.start <= self.upper
        if not (self.lower < self.start < self.upper or held):
            raise argument_error(
                f"Parameter {self.name}: start",
                expected=f"a value between {self.lower:g} and {self.upper:g}",
                got=f"{float(self.start):g}",
                remedy="Move the start inside the bounds, or widen them.",
            )
        if isinstance(self.prior, HalfNormal) and self.lower < 0:
            raise argument_error(
                f"Parameter {self.name}: lower",
                expected="a bound of at least 0 for the half of a Gaussian",
                got=f"{self.lower:g}",
                remedy="Use Normal(0, width) for a parameter of both signs.",
            )

    @property
    def prior_sigma(self) -> float:
        """Standard deviation of the prior within the bounds."""
        values = jnp.linspace(self.lower, self.upper, 1001)
        weights = jax.nn.softmax(-0.5 * jax.vmap(self.prior.residual)(values) ** 2)
        return float(jnp.sqrt(weights @ values**2 - (weights @ values) ** 2))
