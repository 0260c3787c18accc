"""Any uniform trap chain as a Legendre series: closures, ends, losses, the place continuous."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxcr.arrays import Scalar, ScalarLike
from jaxcr.checks import check_range
from jaxcr.infer.models.boundary_series import BoundarySeries
from jaxcr.infer.models.trap_parameters import edge_width, place, scattering_rate, trap_shape
from jaxcr.infer.parameters import ParameterSet
from jaxcr.traps import (
    AbsorbingEnd,
    ChainEnd,
    Closure,
    DetailedBalance,
    steady_state,
    trap_chain,
    trap_distribution,
    trap_from_asymmetry,
)
from jaxcr.traps.between_sites import densities_around


class ChainSeries(BoundarySeries):
    """Distribution inside one trap of a uniform chain that is fed at its last site.

    The chain is solved site by site; the occupation between two sites is the solution of the
    same recurrence, n = s^x (alpha e^(q x) + beta e^(-q x)) with s² = g/r and
    cosh q = (g + r + l)/(2 sqrt(g r)), so that the place is a continuous parameter. The vector of
    values is (ln k, ln(R-1), eta, ln nu) and, if it is free, the edge width.

    Attributes
    ----------
    num_sites, lmax
        Sites N of the chain, at least 4, and highest order of the series.
    closure, left_end, right_end
        As in ``traps.trap_chain``.
    loss_rate
        l of every site in the unit of rate of nu. Without losses nu has no effect.
    edge_width, free_edge
        Rounding of the cone edges in rad, and whether it is a fit parameter instead.

    Notes
    -----
    O(num_sites). Without losses, with open ends and detailed balance it is ``TrapSeries``.
    """

    num_sites: int = eqx.field(static=True)
    lmax: int = eqx.field(static=True, default=24)
    closure: Closure = DetailedBalance()
    left_end: ChainEnd = AbsorbingEnd()
    right_end: ChainEnd = AbsorbingEnd()
    loss_rate: float = 0.0
    edge_width: float = 0.0
    free_edge: bool = eqx.field(static=True, default=False)

    def __check_init__(self):
        check_range("ChainSeries: num_sites", self.num_sites, 4, remedy="The place is neither end.")

    @property
    def parameters(self) -> ParameterSet:
        """The parameters ln k, ln(R-1), eta, ln nu and, if it is free, the edge width."""
        last = (edge_width(),) if self.free_edge else ()
        return ParameterSet((place(self.num_sites), *trap_shape(), scattering_rate(), *last))

    def coefficients(self, values: Float[Array, " parameter"]) -> Float[Array, " l"]:
        """Return f_l / f_0 at a place from the second site to the last but one."""
        site, mean_ratio, rate = jnp.exp(values[0]), 1 + jnp.exp(values[1]), jnp.exp(values[3])
        left, own, right = self.densities(site, mean_ratio, values[2], rate)
        shape = trap_distribution(
            trap_from_asymmetry(mean_ratio, values[2]),
            left / own, jnp.ones_like(own), right / own, lmax=self.lmax,
            edge_width=values[4] if self.free_edge else self.edge_width,
        )  # fmt: skip
        return shape / shape[0]

    def densities(
        self, site: ScalarLike, mean_ratio: ScalarLike, asymmetry: ScalarLike, rate: ScalarLike
    ) -> tuple[Scalar, Scalar, Scalar]:
        """Return the phase-space densities left of, in and right of a place, in one unit.

        Parameters
        ----------
        site
            k, may be fractional, in [2, num_sites - 1].
        mean_ratio, asymmetry
            R = (B1 + B2)/(2 B0) and eta of every trap.
        rate
            Scattering rate nu.
        """
        trap = trap_from_asymmetry(mean_ratio, asymmetry)
        loss = jnp.full(self.num_sites, self.loss_rate, trap.minimum.dtype)
        chain = trap_chain(
            trap, self.num_sites, scattering_rate=rate, closure=self.closure,
            left_end=self.left_end, right_end=self.right_end, loss_rate=loss,
        )  # fmt: skip
        occupation = steady_state(chain, jnp.zeros_like(loss).at[-1].set(1))
        return densities_around(chain, trap, occupation, jnp.asarray(site, loss.dtype))
