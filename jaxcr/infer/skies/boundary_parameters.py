"""The physical parameters of the boundary of a sky: a dipole, or a trap in a chain."""

import abc

import equinox as eqx
import jax.numpy as jnp

from jaxcr.arrays import Scalar, ScalarLike, Vector
from jaxcr.checks import as_float, check_range
from jaxcr.infer.skies.turbulence import AXIS
from jaxcr.sky import BoundaryDistribution, DipoleBoundary, TrapBoundary
from jaxcr.traps import (
    AbsorbingEnd,
    DetailedBalance,
    steady_state,
    trap_chain,
    trap_distribution,
    trap_from_asymmetry,
)
from jaxcr.traps.between_sites import densities_around

_CLOSURE = DetailedBalance()


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
    """The inside of one trap of a uniform chain with open ends, fed at its last site.

    Attributes
    ----------
    mean_ratio, asymmetry
        R = (B1 + B2)/(2 B0) > 1, and eta in (-1, 1): B1,2 = B0 [1 + (R - 1)(1 ± eta)].
    place
        Site k from 1 to ``num_sites``; between two sites the chain's own recurrence holds.
    scattering_rate, loss_rate
        nu, and rate of loss in every trap, in one unit of rate. Without losses nu changes how
        many particles there are, not how they are distributed: its derivative is 0.
    edge_width
        Rounding of the cone edges, rad.
    num_sites, lmax
        N, and the highest order of the series.

    Notes
    -----
    Densities f_k = n_k / w_k from ``traps.steady_state`` and ``traps.flux_tube_volume``, O(N).
    Derivatives have a kink where both mirrors are equal.
    """

    mean_ratio: Scalar
    asymmetry: Scalar
    place: Scalar
    scattering_rate: Scalar
    loss_rate: Scalar
    edge_width: Scalar
    num_sites: int = eqx.field(static=True)
    lmax: int = eqx.field(static=True)

    def __init__(
        self,
        *,
        mean_ratio: ScalarLike,
        asymmetry: ScalarLike,
        place: ScalarLike,
        scattering_rate: ScalarLike = 1.0,
        loss_rate: ScalarLike = 0.0,
        edge_width: ScalarLike = 0.0,
        num_sites: int = 50,
        lmax: int = 24,
    ):
        self.mean_ratio, self.asymmetry = as_float(mean_ratio), as_float(asymmetry)
        self.place, self.scattering_rate = as_float(place), as_float(scattering_rate)
        self.loss_rate, self.edge_width = as_float(loss_rate), as_float(edge_width)
        self.num_sites, self.lmax = num_sites, lmax
        check_range("TrapParameters: place", self.place, 1, num_sites)

    def distribution(self) -> TrapBoundary:
        """Return the Legendre series about the mean field."""
        trap = trap_from_asymmetry(self.mean_ratio, self.asymmetry)
        chain = trap_chain(
            trap,
            self.num_sites,
            scattering_rate=self.scattering_rate,
            closure=_CLOSURE,
            left_end=AbsorbingEnd(),
            right_end=AbsorbingEnd(),
            loss_rate=jnp.broadcast_to(self.loss_rate, (self.num_sites,)),
        )
        source = jnp.zeros_like(chain.rate_right).at[-1].set(1)
        occupation = steady_state(chain, source)
        left, own, right = densities_around(chain, trap, occupation, self.place)
        series = trap_distribution(
            trap, left, own, right, lmax=self.lmax, edge_width=self.edge_width
        )
        return TrapBoundary(series, jnp.array(AXIS, series.dtype))
