"""Where the pitch-angle equation is solved: the interface, and a uniform piece of a field."""

import abc
from collections.abc import Callable

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxcr.arrays import Scalar, ScalarLike
from jaxcr.checks import as_float
from jaxcr.kinetic.pitch_angle.operators import Diffusion, PitchAngleMethod


class Region(eqx.Module):
    """Where particles move, with the motion along it."""

    @abc.abstractmethod
    def shape(self, method: PitchAngleMethod) -> tuple[int, ...]:
        """Return the shape of the unknown, its last axis mu."""

    @abc.abstractmethod
    def motion(
        self, diffusion: Diffusion, speed: Scalar, method: PitchAngleMethod
    ) -> Callable[[Array], Array]:
        """Return the function from the unknown to its rate of change, affine."""

    @abc.abstractmethod
    def number(self, values: Float[Array, "..."], method: PitchAngleMethod) -> Scalar:
        """Return the number of particles, constant when no end is open."""

    @abc.abstractmethod
    def is_closed(self) -> bool:
        """Return whether no particle can come or go."""


class UniformRegion(Region):
    """A point of a field with one focusing length, where N = f/B does not depend on z.

    dN/dt = d_mu(D d_mu N) - (v/2L) d_mu[(1 - mu²) N]: the unknown is N(mu), and int N dmu is
    constant.

    Parameters
    ----------
    inverse_focusing_length
        1/L = -dlnB/dz in 1/pc, of either sign; 0 without focusing, where N and f are the same.

    Notes
    -----
    Equilibrium N ~ exp(G), dG/dmu = v (1 - mu²)/(2 L D). The isotropic f, uniform in z, is no
    state of this region: its N grows as 1/B.
    """

    inverse_focusing_length: Scalar

    def __init__(self, inverse_focusing_length: ScalarLike = 0.0):
        self.inverse_focusing_length = as_float(inverse_focusing_length)

    def shape(self, method: PitchAngleMethod) -> tuple[int, ...]:
        """Return (mu,)."""
        return method.cosines().shape

    def motion(
        self, diffusion: Diffusion, speed: Scalar, method: PitchAngleMethod
    ) -> Callable[[Array], Array]:
        """Return scattering and focusing."""
        matrix = method.operator(diffusion, speed * self.inverse_focusing_length / 2)
        return lambda values: matrix @ values

    def number(self, values: Float[Array, "..."], method: PitchAngleMethod) -> Scalar:
        """Return int N dmu."""
        return jnp.sum(method.weights() * values)

    def is_closed(self) -> bool:
        """Return True."""
        return True
