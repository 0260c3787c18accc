"""The physical parameters of the boundary of a sky: a dipole, or a trap in a chain."""

import abc

import equinox as eqx
import jax.numpy as jnp

from jaxcr.arrays import Scalar, ScalarLike, Vector
from jaxcr.checks import as_float, check_range
from jaxcr.infer.skies.turbulence import AXIS
from jaxcr.sky import BoundaryDistribution, DipoleBoundary, TrapBoundary
from jaxcr.traps import chain_distribution, trap_from_ratio


class BoundaryParameters(eqx.Module):
    """Differentiable scalars that say what arrives at the boundary."""

    @abc.abstractmethod
    def distribution(self) -> BoundaryDistribution:
        """Return the distribution on the boundary."""


class DipoleParameters(BoundaryParameters):
    """A dipole of momentum in any direction.

    Attributes
    ----------
    amplitude
        Relative amplitude A of dI/I.
    tilt, azimuth
        Angles of its axis, rad: to the mean field (the x axis), and about it from the y axis.
    """

    amplitude: Scalar
    tilt: Scalar
    azimuth: Scalar

    def __init__(self, amplitude: ScalarLike, tilt: ScalarLike = 0.0, azimuth: ScalarLike = 0.0):
        self.amplitude, self.tilt = as_float(amplitude), as_float(tilt)
        self.azimuth = as_float(azimuth)

    @property
    def axis(self) -> Vector:
        """Unit vector into which most particles move."""
        across = jnp.sin(self.tilt)
        return jnp.stack(
            [jnp.cos(self.tilt), across * jnp.cos(self.azimuth), across * jnp.sin(self.azimuth)]
        )

    def distribution(self) -> DipoleBoundary:
        """Return the dipole."""
        return DipoleBoundary(self.axis, self.amplitude)


class TrapParameters(BoundaryParameters):
    """The inside of one trap of a uniform chain that is fed on the right, as arrivals see it.

    Attributes
    ----------
    mirror_ratio, gradient
        R = sqrt(B1 B2)/B0 and ln(B1/B2), with R > exp(abs(gradient)/2).
    place
        Site k, at least 1; may be fractional.
    scattering_rate, loss_rate
        nu, and rate of loss in every trap, in one unit of rate. Without losses nu changes how
        many particles there are, not how they are distributed: its derivative is 0.
    edge_width
        Rounding of the cone edges, rad.
    lmax
        Highest order of the series.

    Notes
    -----
    The left end is open, the closure detailed balance: `traps.chain_distribution`. Derivatives
    have a kink where both mirrors are equal.
    """

    mirror_ratio: Scalar
    gradient: Scalar
    place: Scalar
    scattering_rate: Scalar
    loss_rate: Scalar
    edge_width: Scalar
    lmax: int = eqx.field(static=True)

    def __init__(
        self,
        *,
        mirror_ratio: ScalarLike,
        gradient: ScalarLike,
        place: ScalarLike,
        scattering_rate: ScalarLike = 1.0,
        loss_rate: ScalarLike = 0.0,
        edge_width: ScalarLike = 0.0,
        lmax: int = 24,
    ):
        self.mirror_ratio, self.gradient = as_float(mirror_ratio), as_float(gradient)
        self.place, self.scattering_rate = as_float(place), as_float(scattering_rate)
        self.loss_rate, self.edge_width = as_float(loss_rate), as_float(edge_width)
        self.lmax = lmax
        check_range("TrapParameters: place", self.place, 1)

    def distribution(self) -> TrapBoundary:
        """Return the Legendre series about the mean field."""
        series = chain_distribution(
            trap_from_ratio(self.mirror_ratio, self.gradient), self.place, lmax=self.lmax,
            edge_width=self.edge_width, scattering_rate=self.scattering_rate,
            loss_rate=self.loss_rate,
        )  # fmt: skip
        return TrapBoundary(series, jnp.array(AXIS, series.dtype))
