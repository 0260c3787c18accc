"""A trap in a uniform chain as a Legendre series of fit parameters: by amplitude or by place."""

import abc
import math

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxcr.arrays import Scalar, ScalarLike
from jaxcr.checks import check_range
from jaxcr.infer.models.trap_parameters import (
    amplitude,
    edge_width,
    place,
    ratio_and_gradient,
    scattering_rate,
    trap_shape,
)
from jaxcr.infer.parameters import ParameterSet
from jaxcr.traps import (
    AbsorbingEnd,
    ChainEnd,
    Closure,
    DetailedBalance,
    chain_distribution,
    trap_from_ratio,
)


class BoundarySeries(eqx.Module):
    """A gyrotropic distribution f(mu) = sum_l f_l P_l(mu) as a function of fit parameters.

    Attributes
    ----------
    parameters
        What its vector of values means, in order, with default bounds and priors.
    lmax
        Highest order l.
    """

    parameters: eqx.AbstractVar[ParameterSet]
    lmax: eqx.AbstractVar[int]

    @abc.abstractmethod
    def coefficients(self, values: Float[Array, " parameter"]) -> Float[Array, " l"]:
        """Return f_l / f_0 for l = 0 ... lmax, with 1 for the monopole."""


class TrapSeries(BoundarySeries):
    """Distribution inside one trap of a uniform chain, by its amplitude.

    The chain is that of ``DetailedBalance`` without losses: open ends, particles fed in far on the
    right. With a = B1/B2 the phase-space density is f_k ~ 1 - a^-k, which has steps in the ratio
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
        """The parameters ln A, ln(R-1), gradient and, if it is free, the edge width."""
        last = (edge_width(),) if self.free_edge else ()
        return ParameterSet((amplitude(), *trap_shape(), *last))

    def coefficients(self, values: Float[Array, " parameter"]) -> Float[Array, " l"]:
        """Return f_l / f_0 with f_1 / f_0 = A."""
        edge = values[3] if self.free_edge else None
        shape = self.series(*ratio_and_gradient(values[1], values[2]), edge)
        return (jnp.exp(values[0]) * shape).at[0].set(1)

    def series(
        self, mirror_ratio: ScalarLike, gradient: ScalarLike, edge_width: ScalarLike | None = None
    ) -> Float[Array, " l"]:
        """Return f_l / f_1 for l = 0 ... lmax, with 0 in place of the monopole.

        Parameters
        ----------
        mirror_ratio, gradient
            R = sqrt(B1 B2)/B0 and ln(B1/B2).
        edge_width
            Rounding of the cone edges in rad; that of the model if not given.
        """
        width = self.edge_width if edge_width is None else edge_width
        trap = trap_from_ratio(mirror_ratio, gradient)
        # the first site, where the steps are as large as the density
        shape = chain_distribution(trap, 1.0, lmax=self.lmax, edge_width=width)
        return (shape / shape[1]).at[0].set(0)

    def amplitude(self, site: ScalarLike, mirror_ratio: ScalarLike, gradient: ScalarLike) -> Scalar:
        """Return A = abs(f_1/f_0) in the trap at ``site`` (may be fractional, at least 1)."""
        trap = trap_from_ratio(mirror_ratio, gradient)
        return jnp.abs(chain_distribution(trap, site, lmax=1)[1])

    def place(self, amplitude: float, mirror_ratio: float, gradient: float) -> float | None:
        """Return the site at which the chain has this amplitude; ``None`` if there is none.

        Sites run from 1 to ``num_sites - 1``, fractional values included.
        """
        from scipy.optimize import brentq

        @jax.jit
        def own_amplitude(log_site):
            return self.amplitude(jnp.exp(log_site), mirror_ratio, gradient)

        def excess(log_site: float) -> float:
            value = float(own_amplitude(log_site))
            return math.log(value / amplitude) if value > 0 else -1e3

        low, high = 0.0, math.log(self.num_sites - 1)
        if excess(low) < 0 or excess(high) > 0:
            return None
        return math.exp(brentq(excess, low, high, xtol=1e-6))


class ChainSeries(BoundarySeries):
    """Distribution inside one trap of a uniform chain with any closure and losses, by its place.

    The chain is that of ``traps.chain_distribution``, fed at its last site. The vector of values
    is (ln k, ln(R-1), gradient, ln nu) and, if it is free, the edge width.

    Attributes
    ----------
    num_sites, lmax
        Sites N of the chain, at least 4, and highest order of the series.
    closure, left_end
        As in ``traps.trap_chain``. What is right of the last site has no effect.
    loss_rate
        l of every site in the unit of rate of nu. Without losses nu has no effect.
    edge_width, free_edge
        Rounding of the cone edges in rad, and whether it is a fit parameter instead.
    """

    num_sites: int = eqx.field(static=True)
    lmax: int = eqx.field(static=True, default=24)
    closure: Closure = DetailedBalance()
    left_end: ChainEnd = AbsorbingEnd()
    loss_rate: float = 0.0
    edge_width: float = 0.0
    free_edge: bool = eqx.field(static=True, default=False)

    def __check_init__(self):
        check_range("ChainSeries: num_sites", self.num_sites, 4, remedy="The place is neither end.")

    @property
    def parameters(self) -> ParameterSet:
        """The parameters ln k, ln(R-1), gradient, ln nu and, if it is free, the edge width."""
        last = (edge_width(),) if self.free_edge else ()
        return ParameterSet((place(self.num_sites), *trap_shape(), scattering_rate(), *last))

    def coefficients(self, values: Float[Array, " parameter"]) -> Float[Array, " l"]:
        """Return f_l / f_0 at a place from the second site to the last but one."""
        trap = trap_from_ratio(*ratio_and_gradient(values[1], values[2]))
        return chain_distribution(
            trap, jnp.exp(values[0]), lmax=self.lmax,
            edge_width=values[4] if self.free_edge else self.edge_width,
            scattering_rate=jnp.exp(values[3]), closure=self.closure, left_end=self.left_end,
            loss_rate=self.loss_rate,
        )  # fmt: skip
