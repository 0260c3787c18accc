"""The distribution on the boundary, as excess over its isotropic and uniform part."""

import abc
from collections.abc import Callable

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxcr.arrays import Scalar, ScalarLike, Vector
from jaxcr.checks import argument_error, as_float, checked
from jaxcr.fields import Field
from jaxcr.legendre import legendre_polynomials
from jaxcr.vectors import dot, unit_vector


class BoundaryDistribution(eqx.Module):
    """Intensity where orbits cross the boundary, relative to a uniform, isotropic part.

    Boundaries add (``+``): a dipole on top of a density gradient, for example.
    """

    @abc.abstractmethod
    def excess(self, position: Vector, direction: Vector, observer: Vector) -> Scalar:
        """Return dI/I of one particle.

        Parameters
        ----------
        position, direction
            Where it crossed (pc), and the unit vector of its FORWARD momentum there.
        observer
            Where it was seen, pc.
        """

    def __add__(self, other: "BoundaryDistribution") -> "SumBoundary":
        if not isinstance(other, BoundaryDistribution):
            return NotImplemented
        return SumBoundary(self, other)


@checked
class SumBoundary(BoundaryDistribution):
    """The sum of two excesses."""

    first: BoundaryDistribution
    second: BoundaryDistribution

    def excess(self, position: Vector, direction: Vector, observer: Vector) -> Scalar:
        """Return the sum."""
        place = (position, direction, observer)
        return self.first.excess(*place) + self.second.excess(*place)


@checked
class DipoleBoundary(BoundaryDistribution):
    """A dipole: dI/I = amplitude (n · axis), n the forward momentum or the place of crossing.

    Parameters
    ----------
    axis
        Either ``(3,)``, normalised here: the mean field, or any direction into which most
        particles move; the excess is seen from the opposite side of the sky. Or a ``Field``:
        the axis is then the LOCAL field where the orbit crosses.
    amplitude
        Relative amplitude.
    by_position
        Take for n the unit vector from the observer to the crossing instead of the momentum. On
        a sphere that is a `GradientBoundary` along the axis.

    Raises
    ------
    ValueError
        When the axis has no length, or is no vector.

    Notes
    -----
    The choice of López-Barquero et al., ApJ 830 (2016) 19, is momentum against the local field,
    1 - n · b: ``DipoleBoundary(field, -1.0)``.
    """

    axis: Vector | Field
    amplitude: Scalar
    by_position: bool = eqx.field(static=True)

    def __init__(
        self, axis: Float[Array, "_"] | Field, amplitude: ScalarLike, *, by_position: bool = False
    ):
        name = "DipoleBoundary: axis"
        self.axis = axis if isinstance(axis, Field) else unit_vector(name, _vector(name, axis))
        self.amplitude = as_float(amplitude)
        self.by_position = by_position

    def excess(self, position: Vector, direction: Vector, observer: Vector) -> Scalar:
        """Return amplitude (n · axis); 0 where the local field, or the way there, has no length."""
        local = isinstance(self.axis, Field)
        axis = _safe_unit(self.axis(position)) if local else self.axis
        n = _safe_unit(position - observer) if self.by_position else direction
        return self.amplitude.astype(n.dtype) * dot(n, axis.astype(n.dtype))


@checked
class GradientBoundary(BoundaryDistribution):
    """A density that changes linearly: dI/I = gradient · (r - observer).

    Parameters
    ----------
    gradient
        grad n / n in 1/pc, ``(3,)``.

    Raises
    ------
    ValueError
        For another shape.

    Notes
    -----
    Only relative displacements of orbits matter for l >= 1. Source: Ahlers & Mertsch, ApJ 815
    (2015) L2.
    """

    gradient: Vector

    def __init__(self, gradient: Float[Array, "_"]):
        self.gradient = _vector("GradientBoundary: gradient", gradient)

    def excess(self, position: Vector, direction: Vector, observer: Vector) -> Scalar:
        """Return the density at the crossing over that at the observer, less 1."""
        return dot(self.gradient.astype(direction.dtype), position - observer)


@checked
class DiffusionBoundary(BoundaryDistribution):
    """A density gradient and the flux that it drives: dI/I = G · (r - observer) - 3 n · K G.

    Parameters
    ----------
    gradient
        G = grad n / n in 1/pc, ``(3,)``.
    diffusion
        K = kappa / v in pc, ``(3, 3)``, e.g. from ``kinetic.diffusion_tensor``; its
        antisymmetric part is the drift.

    Raises
    ------
    ValueError
        For other shapes.

    Notes
    -----
    The distribution of anisotropic diffusion to first order in the mean free path over the
    scale of the gradient. Source: Fick's law, flux = -kappa grad n = (v n / 3) times the dipole.
    """

    gradient: Vector
    diffusion: Float[Array, "xyz=3 xyz=3"]

    def __init__(self, gradient: Float[Array, "_"], diffusion: Float[Array, "_ _"]):
        self.gradient = _vector("DiffusionBoundary: gradient", gradient)
        self.diffusion = as_float(diffusion)
        if self.diffusion.shape != (3, 3):
            raise argument_error(
                "DiffusionBoundary: diffusion",
                expected="a tensor of shape (3, 3)",
                got=f"shape {self.diffusion.shape}",
                remedy="For isotropic diffusion give kappa / v times jnp.eye(3).",
            )

    def dipole(self) -> Vector:
        """Return the dipole -3 K G: its direction is that into which most particles move."""
        return -3 * jnp.sum(self.diffusion * self.gradient.astype(self.diffusion.dtype)[None], -1)

    def excess(self, position: Vector, direction: Vector, observer: Vector) -> Scalar:
        """Return the density at the crossing and the dipole there."""
        density = dot(self.gradient.astype(direction.dtype), position - observer)
        return density + dot(self.dipole().astype(direction.dtype), direction)


@checked
class ConvectionBoundary(BoundaryDistribution):
    """Isotropy in a frame that moves steadily (Compton-Getting): dI/I = (index + 2) n · V.

    Parameters
    ----------
    velocity
        V over c of the frame in which particles are isotropic, as seen by the observer, ``(3,)``;
        for an observer who moves through isotropic particles, minus the own velocity.
    index
        Spectral index of the intensity, E^-index.

    Raises
    ------
    ValueError
        When the velocity is no vector.

    Notes
    -----
    First order in V; the Earth's 29.8 km/s gives 4.7e-4 at index 2.7. Source: Compton & Getting,
    Phys. Rev. 47 (1935) 817; Gleeson & Axford, Ap&SS 2 (1968) 431.
    """

    velocity: Vector
    index: Scalar

    def __init__(self, velocity: Float[Array, "_"], index: ScalarLike = 2.7):
        self.velocity = _vector("ConvectionBoundary: velocity", velocity)
        self.index = as_float(index)

    def excess(self, position: Vector, direction: Vector, observer: Vector) -> Scalar:
        """Return (index + 2) n · V."""
        index = self.index.astype(direction.dtype)
        return (index + 2) * dot(self.velocity.astype(direction.dtype), direction)


@checked
class TrapBoundary(BoundaryDistribution):
    """A gyrotropic distribution, as a Legendre series about an axis.

    dI/I = sum_{l >= 1} (f_l / f_0) P_l(n · axis).

    Parameters
    ----------
    coefficients
        f_0 ... f_lmax, ``(ell,)``, as ``traps.trap_distribution`` returns them.
    axis
        Direction of the mean field, along which the traps' x points; normalised here.

    Raises
    ------
    ValueError
        When the axis has no length, or is no vector.
    """

    coefficients: Float[Array, " ell"]
    axis: Vector

    def __init__(self, coefficients: Float[Array, " ell"], axis: Float[Array, "_"]):
        self.coefficients = as_float(coefficients)
        name = "TrapBoundary: axis"
        self.axis = unit_vector(name, _vector(name, axis))

    def excess(self, position: Vector, direction: Vector, observer: Vector) -> Scalar:
        """Return the series without its monopole."""
        series = (self.coefficients / self.coefficients[0]).astype(direction.dtype)
        cosine = jnp.clip(dot(direction, self.axis.astype(direction.dtype)), -1, 1)
        return jnp.sum((legendre_polynomials(cosine, series.size - 1) * series)[1:])


@checked
class FunctionBoundary(BoundaryDistribution):
    """dI/I from a function of position (pc) and momentum direction, both ``(3,)``."""

    function: Callable[[Vector, Vector], Scalar]

    def excess(self, position: Vector, direction: Vector, observer: Vector) -> Scalar:
        """Return what the function returns; a result that is no scalar is an error."""
        value = jnp.asarray(self.function(position, direction))
        if value.shape != ():
            raise argument_error(
                "FunctionBoundary: function",
                expected="one number for one particle",
                got=f"shape {value.shape}",
                remedy="Write it for one position and one direction, both (3,).",
            )
        return value


def _vector(name: str, value: Float[Array, "_"]) -> Vector:
    """Return the value as an array; raise unless it is one vector: others would broadcast."""
    vector = as_float(value)
    if vector.shape != (3,):
        raise argument_error(
            name,
            expected="one vector of shape (3,)",
            got=f"shape {vector.shape}",
            remedy="Give its three components, x y z.",
        )
    return vector


def _safe_unit(vector: Vector) -> Vector:
    """Return the vector over its length, or zero with a derivative of zero."""
    square = dot(vector, vector)
    none = square == 0
    return jnp.where(none, 0, vector / jnp.sqrt(jnp.where(none, 1, square)))
