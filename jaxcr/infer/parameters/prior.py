"""What is known of a parameter before the data."""

import abc

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float


class Prior(eqx.Module):
    """What is known of a parameter before the data."""

    @abc.abstractmethod
    def residual(self, value: Float[Array, ""]) -> Float[Array, ""]:
        """Return r with log prior = -r²/2, up to a constant."""

    @abc.abstractmethod
    def __str__(self) -> str:
        """Return the prior as tables print it."""


class Flat(Prior):
    """All values within the bounds alike; of ln x, all orders of magnitude of x alike."""

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


class HalfNormal(Prior):
    """The upper half of a Gaussian about 0, for sizes; the lower bound must not be negative."""

    width: float

    def residual(self, value: Float[Array, ""]) -> Float[Array, ""]:
        """Return the value in units of the width."""
        return value / self.width

    def __str__(self) -> str:
        return f"half N({self.width:.3g})"
