"""The distribution of directions on the boundary, as excess over its isotropic part."""

import abc
from collections.abc import Callable

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxcr.arrays import Scalar, ScalarLike, Vector, as_float
from jaxcr.legendre import legendre_polynomials


class BoundaryDistribution(eqx.Module):
    """Intensity outside, relative to its mean over directions."""

    @abc.abstractmethod
    def excess(self, position: Vector, direction: Vector) -> Scalar:
        """Return dI/I for a particle that crosses ``position`` (pc) with momentum ``direction``."""


class DipoleBoundary(BoundaryDistribution):
    """A dipole in momentum: dI/I = amplitude (n · axis), n the forward momentum direction.

    Parameters
    ----------
    axis
        Direction into which most particles move, ``(3,)``, normalised here; the excess is seen
        from the opposite side of the sky.
    amplitude
        Relative amplitude.
    """

    axis: Vector
    amplitude: Scalar

    def __init__(self, axis: Vector, amplitude: ScalarLike):
        self.axis = _unit(axis)
        self.amplitude = as_float(amplitude)

    def excess(self, position: Vector, direction: Vector) -> Scalar:
        """Return amplitude (n · axis)."""
        axis = self.axis.astype(direction.dtype)
        return self.amplitude.astype(direction.dtype) * jnp.sum(direction * axis)


class TrapBoundary(BoundaryDistribution):
    """A gyrotropic distribution, as a Legendre series about an axis.

    dI/I = sum_{l >= 1} (f_l / f_0) P_l(n · axis).

    Parameters
    ----------
    coefficients
        f_0 ... f_lmax, ``(ell,)``, as ``traps.trap_distribution`` returns them.
    axis
        Direction of the mean field, along which the traps' x points; normalised here.
    """

    coefficients: Float[Array, " ell"]
    axis: Vector

    def __init__(self, coefficients: Float[Array, " ell"], axis: Vector):
        self.coefficients = as_float(coefficients)
        self.axis = _unit(axis)

    def excess(self, position: Vector, direction: Vector) -> Scalar:
        """Return the series without its monopole."""
        series = (self.coefficients / self.coefficients[0]).astype(direction.dtype)
        cosine = jnp.clip(jnp.sum(direction * self.axis.astype(direction.dtype)), -1, 1)
        return jnp.sum((legendre_polynomials(cosine, series.size - 1) * series)[1:])


class FunctionBoundary(BoundaryDistribution):
    """dI/I from a function of position (pc) and momentum direction, both ``(3,)``."""

    function: Callable[[Vector, Vector], Scalar]

    def excess(self, position: Vector, direction: Vector) -> Scalar:
        """Return what the function returns."""
        return self.function(position, direction)


def _unit(axis: Vector) -> Vector:
    axis = as_float(axis)
    return axis / jnp.linalg.norm(axis)
