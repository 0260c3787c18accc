"""The distribution on the boundary, as excess over its isotropic and uniform part."""

import abc
from collections.abc import Callable

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxcr.arrays import Scalar, ScalarLike, Vector
from jaxcr.checks import as_float, check_finite, check_positive, check_range, check_shape
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


class SumBoundary(BoundaryDistribution):
    """The sum of two excesses."""

    first: BoundaryDistribution
    second: BoundaryDistribution

    def excess(self, position: Vector, direction: Vector, observer: Vector) -> Scalar:
        """Return the sum."""
        place = (position, direction, observer)
        return self.first.excess(*place) + self.second.excess(*place)


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
        When the axis has no length, or the amplitude is not finite.

    Notes
    -----
    The choice of López-Barquero et al., ApJ 830 (2016) 19, is momentum against the local field,
    1 - n · b: ``DipoleBoundary(field, -1.0)``.
    """

    axis: Vector | Field
    amplitude: Scalar
    by_position: bool = eqx.field(static=True)

    def __init__(self, axis: Vector | Field, amplitude: ScalarLike, *, by_position: bool = False):
        self.axis = axis if isinstance(axis, Field) else unit_vector("DipoleBoundary: axis", axis)
        self.amplitude = as_float(check_finite("DipoleBoundary: amplitude", amplitude))
        self.by_position = by_position

    def excess(self, position: Vector, direction: Vector, observer: Vector) -> Scalar:
        """Return amplitude (n · axis); 0 where the local field, or the way there, has no length."""
        local = isinstance(self.axis, Field)
        axis = _safe_unit(self.axis(position)) if local else self.axis
        n = _safe_unit(position - observer) if self.by_position else direction
        return self.amplitude.astype(n.dtype) * dot(n, axis.astype(n.dtype))


class GradientBoundary(BoundaryDistribution):
    """A density that changes linearly: dI/I = gradient · (r - observer).

    Parameters
    ----------
    gradient
        grad n / n in 1/pc, ``(3,)``.

    Raises
    ------
    ValueError
        When it is not finite.

    Notes
    -----
    Only relative displacements of orbits matter for l >= 1. Source: Ahlers & Mertsch, ApJ 815
    (2015) L2.
    """

    gradient: Vector

    def __check_init__(self):
        check_finite("GradientBoundary: gradient", self.gradient)

    def excess(self, position: Vector, direction: Vector, observer: Vector) -> Scalar:
        """Return the density at the crossing over that at the observer, less 1."""
        return dot(self.gradient.astype(direction.dtype), position - observer)


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
        When the velocity is not below that of light, or the index not finite.

    Notes
    -----
    First order in V; the Earth's 29.8 km/s gives 4.7e-4 at index 2.7. Source: Compton & Getting,
    Phys. Rev. 47 (1935) 817; Gleeson & Axford, Ap&SS 2 (1968) 431.
    """

    velocity: Vector
    index: Scalar

    def __init__(self, velocity: Vector, index: ScalarLike = 2.7):
        name = "ConvectionBoundary: velocity"
        check_range(name, jnp.linalg.norm(velocity), 0, 1, ends="[)", remedy="In units of c.")
        self.velocity = velocity
        self.index = as_float(check_finite("ConvectionBoundary: index", index))

    def excess(self, position: Vector, direction: Vector, observer: Vector) -> Scalar:
        """Return (index + 2) n · V."""
        index = self.index.astype(direction.dtype)
        return (index + 2) * dot(self.velocity.astype(direction.dtype), direction)


class TrapBoundary(BoundaryDistribution):
    """A gyrotropic distribution, as a Legendre series about an axis.

    dI/I = sum_{l >= 1} (f_l / f_0) P_l(n · axis).

    Parameters
    ----------
    coefficients
        f_0 ... f_lmax, ``(ell,)``, f_0 not 0, as ``traps.trap_distribution`` returns them.
    axis
        Direction of the mean field, along which the traps' x points; normalised here.

    Raises
    ------
    ValueError
        When the axis has no length, f_0 is 0 or a coefficient not finite.
    """

    coefficients: Float[Array, " ell"]
    axis: Vector

    def __init__(self, coefficients: Float[Array, " ell"], axis: Vector):
        check_range("TrapBoundary: number of coefficients", coefficients.size, 1)
        self.coefficients = check_finite("TrapBoundary: coefficients", coefficients)
        check_positive(
            "TrapBoundary: f_0, the first coefficient",
            jnp.abs(coefficients[0]),
            expected="a number other than 0",
            remedy="traps.trap_distribution and TrapSeries.coefficients give the series with f_0; "
            "TrapSeries.series leaves it out.",
        )
        self.axis = unit_vector("TrapBoundary: axis", axis)

    def excess(self, position: Vector, direction: Vector, observer: Vector) -> Scalar:
        """Return the series without its monopole."""
        f_0 = self.coefficients[0]
        f_0 = jnp.where(jnp.isfinite(f_0) & (f_0 != 0), f_0, jnp.nan)
        series = (self.coefficients / f_0).astype(direction.dtype)
        return _legendre_sum(series, direction, self.axis, 1)


class QuasiSteadyBoundary(BoundaryDistribution):
    """A density gradient and the flux that it drives, with or without a trap behind it.

    dI/I = G · (r - observer) - 3 n · K G, and with a trap besides
    f_1 sum_{l >= 2} (t_l / t_1) P_l(n · axis) of its series t_l, where f_1 = -3 axis · K G.

    Parameters
    ----------
    gradient
        G = grad n / n in 1/pc, ``(3,)``.
    diffusion
        K = kappa / v in pc, ``(3, 3)``: e.g. ``kinetic.diffusion_tensor``, or
        ``Arrivals.diffusion`` of the same sky; its antisymmetric part is the drift.
    trap
        A trap at whose inside the orbits end. Its dipole is that of the flux: what diffuses
        away is what leaves the trap. A ``TrapBoundary`` whose dipole is not 0.

    Raises
    ------
    ValueError
        When a number is not finite.

    Notes
    -----
    The stationary distribution of diffusion to first order in the mean free path over the scale
    of the gradient. The sky does not depend on where orbits end once they are some mean free
    paths long, and then not on K either, which only decides how soon: a null test of
    `run_null_tests`. A trap is seen from within about a mean free path: the length of the path is
    then the distance to it.
    Source: Fick's law, flux = -kappa grad n = (v n / 3) times the dipole.
    """

    gradient: Vector
    diffusion: Float[Array, "xyz=3 xyz=3"]
    trap: TrapBoundary | None = None

    def __check_init__(self):
        check_finite("QuasiSteadyBoundary: gradient", self.gradient)
        check_finite("QuasiSteadyBoundary: diffusion", self.diffusion)
        if self.trap is not None:
            series = self.trap.coefficients
            remedy = "A trap with as many particles on both sides has no flux: give it a gradient."
            dipole = jnp.abs(series[1]) if series.size > 1 else jnp.zeros(())
            check_positive("QuasiSteadyBoundary: trap: |f_1|", dipole, remedy=remedy)

    def dipole(self) -> Vector:
        """Return the dipole -3 K G: its direction is that into which most particles move."""
        return -3 * jnp.sum(self.diffusion * self.gradient.astype(self.diffusion.dtype)[None], -1)

    def excess(self, position: Vector, direction: Vector, observer: Vector) -> Scalar:
        """Return the density at the crossing and the dipole there, or the trap's series."""
        dtype = direction.dtype
        density = dot(self.gradient.astype(dtype), position - observer)
        flux = dot(self.dipole().astype(dtype), direction)
        if self.trap is None:
            return density + flux
        axis = self.trap.axis.astype(dtype)
        series = self.trap.coefficients.astype(dtype)
        beyond = _legendre_sum(series, direction, axis, 2)
        f_1 = dot(self.dipole().astype(dtype), axis)
        return density + flux + f_1 * beyond / jnp.where(series[1] == 0, jnp.nan, series[1])


class FunctionBoundary(BoundaryDistribution):
    """dI/I from a function of position (pc) and momentum direction, both ``(3,)``."""

    function: Callable[[Vector, Vector], Scalar]

    def excess(self, position: Vector, direction: Vector, observer: Vector) -> Scalar:
        """Return what the function returns; a result that is no scalar is an error."""
        value = jnp.asarray(self.function(position, direction))
        remedy = "Write it for one position and one direction, both (3,)."
        check_shape("FunctionBoundary: function's result", value, (), remedy=remedy)
        return value


def _legendre_sum(
    series: Float[Array, " ell"], direction: Vector, axis: Vector, lowest: int
) -> Scalar:
    """Return the sum of f_l P_l(n · axis) from l = ``lowest`` on."""
    cosine = jnp.clip(dot(direction, axis.astype(direction.dtype)), -1, 1)
    return jnp.sum((legendre_polynomials(cosine, series.size - 1) * series)[lowest:])


def _safe_unit(vector: Vector) -> Vector:
    """Return the vector over its length, or zero with a derivative of zero."""
    square = dot(vector, vector)
    none = square == 0
    return jnp.where(none, 0, vector / jnp.sqrt(jnp.where(none, 1, square)))
