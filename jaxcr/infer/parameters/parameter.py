"""Fit parameters: names, starts, bounds, priors, and the map from unbounded angles."""

import abc

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxcr.arrays import argument_error


class Prior(eqx.Module):
    """What is known of a parameter before the data."""

    @abc.abstractmethod
    def residual(self, value: Float[Array, ""]) -> Float[Array, ""]:
        """Return r with log prior = -r²/2, up to a constant."""

    @abc.abstractmethod
    def __str__(self) -> str:
        """Return the prior as tables print it."""


class Flat(Prior):
    """All values within the bounds alike."""

    def residual(self, value: Float[Array, ""]) -> Float[Array, ""]:
        """Return 0."""
        return jnp.zeros_like(value)

    def __str__(self) -> str:
        return "flat"


class Normal(Prior):
    """A Gaussian of given mean and standard deviation, cut off at the bounds."""

    mean: float
    width: float

    def residual(self, value: Float[Array, ""]) -> Float[Array, ""]:
        """Return the distance from the mean in standard deviations."""
        return (value - self.mean) / self.width

    def __str__(self) -> str:
        return f"N({self.mean:.3g}, {self.width:.3g})"


class Parameter(eqx.Module):
    """One fit parameter.

    Parameters
    ----------
    name, unit
        As reports print them.
    start, lower, upper
        First value and bounds.
    prior
        ``Flat()`` or ``Normal(mean, width)``.

    Raises
    ------
    ValueError
        Unless ``lower < start < upper``; the message names the parameter.
    """

    name: str = eqx.field(static=True)
    start: float
    lower: float
    upper: float
    prior: Prior
    unit: str = eqx.field(static=True, default="")

    def __check_init__(self):
        if not self.lower < self.start < self.upper:
            raise argument_error(
                f"Parameter {self.name}: start",
                expected=f"a value between {self.lower:g} and {self.upper:g}",
                got=f"{self.start:g}",
                remedy="Move the start inside the bounds, or widen them.",
            )

    @property
    def prior_sigma(self) -> float:
        """Standard deviation of the prior within the bounds."""
        values = jnp.linspace(self.lower, self.upper, 1001)
        weights = jax.nn.softmax(-0.5 * jax.vmap(self.prior.residual)(values) ** 2)
        return float(jnp.sqrt(weights @ values**2 - (weights @ values) ** 2))


class ParameterSet(eqx.Module):
    """Parameters in the order of the model's vector, and the map from unbounded angles.

    ``bounded(u) = lower + (upper - lower) (1 - cos u) / 2``.
    """

    parameters: tuple[Parameter, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The names in order."""
        return tuple(p.name for p in self.parameters)

    @property
    def lower(self) -> Float[Array, " parameter"]:
        """The lower bounds."""
        return jnp.array([p.lower for p in self.parameters])

    @property
    def upper(self) -> Float[Array, " parameter"]:
        """The upper bounds."""
        return jnp.array([p.upper for p in self.parameters])

    @property
    def prior_sigmas(self) -> Float[np.ndarray, " parameter"]:
        """Standard deviations of the priors within the bounds."""
        return np.array([p.prior_sigma for p in self.parameters])

    def bounded(self, free: Float[Array, " parameter"]) -> Float[Array, " parameter"]:
        """Return the parameters of angles; a bound is reached at a finite angle, with slope 0."""
        return self.lower + (self.upper - self.lower) * (1 - jnp.cos(free)) / 2

    def free(self, values: Float[Array, " parameter"]) -> Float[Array, " parameter"]:
        """Return the angles of parameters strictly inside their bounds."""
        return jnp.arccos(1 - 2 * (values - self.lower) / (self.upper - self.lower))

    def prior_residuals(self, values: Float[Array, " parameter"]) -> Float[Array, " parameter"]:
        """Return the residuals whose squares sum to -2 log prior."""
        return jnp.stack(
            [p.prior.residual(v) for p, v in zip(self.parameters, values, strict=True)]
        )

    def starts(self, num: int) -> Float[Array, "start parameter"]:
        """Return ``num`` starting points: the given one, then a spread over the bounds.

        The spread is a Halton sequence over the middle 80 % of each range.
        """
        from scipy.stats import qmc

        lower, upper = np.asarray(self.lower), np.asarray(self.upper)
        spread = qmc.Halton(len(self.parameters), scramble=False).random(max(num, 1))[1:]
        points = lower + (upper - lower) * (0.1 + 0.8 * spread)
        return jnp.asarray(np.vstack([[p.start for p in self.parameters], points]))
