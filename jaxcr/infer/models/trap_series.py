"""The trap chain as a Legendre series: two shape parameters, an amplitude, the place derived."""

import math

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxcr.arrays import Scalar, ScalarLike
from jaxcr.infer.models.boundary_series import BoundarySeries
from jaxcr.infer.models.trap_parameters import amplitude, edge_width, trap_shape
from jaxcr.infer.parameters import ParameterSet
from jaxcr.traps import Trap, trap_distribution, trap_from_asymmetry


class TrapSeries(BoundarySeries):
    """Distribution inside one trap of a uniform chain, as a Legendre series.

    The chain is that of ``DetailedBalance``: open ends, particles fed in at the last site, field
    weaker toward it. With a = B1/B2 the occupation is n_k ~ a^k - 1 and the flux-tube volume
    w_k ~ a^k, so that the phase-space density f_k ~ 1 - a^-k has steps in the ratio
    (f_{k+1} - f_k) / (f_k - f_{k-1}) = 1/a wherever the trap is. The place k therefore only sets
    the amplitude A = abs(f_1/f_0), and A is the parameter.

    Attributes
    ----------
    lmax
        Highest order of the series.
    edge_width
        Rounding of the cone edges in rad; 0 with the series cut at ``lmax``.
    num_sites
        N, the sites among which ``place`` looks.
    free_edge
        Whether the edge width is a fit parameter, the last; ``edge_width`` is then not used.
    """

    lmax: int = eqx.field(static=True, default=24)
    edge_width: float = eqx.field(static=True, default=0.0)
    num_sites: int = eqx.field(static=True, default=10_000)
    free_edge: bool = eqx.field(static=True, default=False)

    @property
    def parameters(self) -> ParameterSet:
        """The parameters ln A, ln(R-1), eta and, if it is free, the edge width."""
        last = (edge_width(),) if self.free_edge else ()
        return ParameterSet((amplitude(), *trap_shape(), *last))

    def coefficients(self, values: Float[Array, " parameter"]) -> Float[Array, " l"]:
        """Return f_l / f_0 with f_1 / f_0 = A."""
        edge = values[3] if self.free_edge else None
        shape = self.series(1 + jnp.exp(values[1]), values[2], edge)
        return (jnp.exp(values[0]) * shape).at[0].set(1)

    def series(
        self, mean_ratio: ScalarLike, asymmetry: ScalarLike, edge_width: ScalarLike | None = None
    ) -> Float[Array, " l"]:
        """Return f_l / f_1 for l = 0 ... lmax, with 0 in place of the monopole.

        Parameters
        ----------
        mean_ratio
            R = (B1 + B2)/(2 B0) > 1.
        asymmetry
            eta in (-1, 1): B1,2 = B0 [1 + (R - 1)(1 ± eta)].
        edge_width
            Rounding of the cone edges in rad; that of the model if not given.
        """
        edge_width = self.edge_width if edge_width is None else edge_width
        trap = trap_from_asymmetry(mean_ratio, asymmetry)
        one = jnp.ones_like(trap.minimum)
        below, above = _density_steps(trap)
        shape = trap_distribution(
            trap, -below, 0 * one, above, lmax=self.lmax, edge_width=edge_width
        )
        return (shape / shape[1]).at[0].set(0)

    def amplitude(self, site: ScalarLike, mean_ratio: ScalarLike, asymmetry: ScalarLike) -> Scalar:
        """Return A = abs(f_1/f_0) in the trap at ``site`` (may be fractional, at least 1)."""
        trap = trap_from_asymmetry(mean_ratio, asymmetry)
        below, above = _density_steps(trap)
        # f_k in units of the step below k: sum of the k steps a^(k-1), ..., a, 1.
        log_a = trap.gradient
        small = jnp.abs(log_a) < 1e-9
        safe = jnp.where(small, 1e-9, log_a)
        own = jnp.where(small, site, jnp.expm1(safe * site) / jnp.expm1(safe)) * below
        shape = trap_distribution(trap, own - below, own, own + above, lmax=1, edge_width=0.0)
        return jnp.abs(shape[1] / shape[0])

    def place(self, amplitude: float, mean_ratio: float, asymmetry: float) -> float | None:
        """Return the site at which the chain has this amplitude; ``None`` if there is none.

        Sites run from 1 to ``num_sites - 1``, fractional values included.
        """
        from scipy.optimize import brentq

        @jax.jit
        def own_amplitude(log_site):
            return self.amplitude(jnp.exp(log_site), mean_ratio, asymmetry)

        def excess(log_site: float) -> float:
            value = float(own_amplitude(log_site))
            return math.log(value / amplitude) if value > 0 else -1e3

        low, high = 0.0, math.log(self.num_sites - 1)
        if excess(low) < 0 or excess(high) > 0:
            return None
        return math.exp(brentq(excess, low, high, xtol=1e-6))


def _density_steps(trap: Trap) -> tuple[Scalar, Scalar]:
    """Return f_k - f_{k-1} and f_{k+1} - f_k, in units of the former."""
    return jnp.ones_like(trap.minimum), trap.right_mirror / trap.left_mirror
