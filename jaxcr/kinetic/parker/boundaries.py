"""What happens at the ends of a spatial axis."""

import abc
from collections.abc import Callable

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxcr.arrays import Scalar, ScalarLike
from jaxcr.checks import as_float


class BoundaryCondition(eqx.Module):
    """The rule for particles at one end of an axis.

    A cell beyond the end holds ``mirror`` times the density of the last one, plus twice the
    prescribed density; ``closed`` says that nothing passes.
    """

    mirror: eqx.AbstractClassVar[float]
    closed: eqx.AbstractClassVar[bool]

    @abc.abstractmethod
    def density(self, position: Float[Array, " axis"], momentum: Scalar) -> Scalar:
        """Return the density held at the end, particles per volume and per ln p."""


class FreeEscape(BoundaryCondition):
    """Density zero: whoever arrives is gone."""

    mirror = -1.0
    closed = False

    def density(self, position: Float[Array, " axis"], momentum: Scalar) -> Scalar:
        """Return 0."""
        return jnp.zeros_like(momentum)


class Reflecting(BoundaryCondition):
    """No flux: a wall, a plane of symmetry, or the centre of a sphere.

    Notes
    -----
    The density is taken even across the wall, which is of first order where a tensor is
    oblique to it. The flow stands still there. Where it rises to V within the first cell, as a
    wind does that leaves a plane on both sides, particles there lose energy to its expansion.
    """

    mirror = 1.0
    closed = True

    def density(self, position: Float[Array, " axis"], momentum: Scalar) -> Scalar:
        """Return 0, of which no use is made."""
        return jnp.zeros_like(momentum)


class Outflow(BoundaryCondition):
    """No gradient: particles leave with the flow alone, as far downstream of a shock.

    Notes
    -----
    Where the flow comes in, the last density comes with it.
    """

    mirror = 1.0
    closed = False

    def density(self, position: Float[Array, " axis"], momentum: Scalar) -> Scalar:
        """Return 0, of which no use is made."""
        return jnp.zeros_like(momentum)


class Prescribed(BoundaryCondition):
    """A given density: the interstellar spectrum at the edge of a heliosphere.

    Parameters
    ----------
    value
        Particles per volume and per ln p: a number, or a function of position (axis,) in pc and
        of momentum.
    """

    value: Scalar | Callable[[Array, Array], Array]
    mirror = -1.0
    closed = False

    def __init__(self, value: ScalarLike | Callable[[Array, Array], Array]):
        self.value = value if callable(value) else as_float(value)

    def density(self, position: Float[Array, " axis"], momentum: Scalar) -> Scalar:
        """Return the given density."""
        if callable(self.value):
            return self.value(position, momentum)
        return self.value.astype(momentum.dtype)
