"""A chain of traps: hop rates of every site and what happens at the two ends."""

import abc

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxcr.arrays import Scalar
from jaxcr.checks import check_range


class ChainEnd(eqx.Module):
    """What becomes of a hop out of the chain at one end."""

    @abc.abstractmethod
    def exit_rate(self, rate: Scalar) -> Scalar:
        """Return the rate at which the last site loses particles through this end."""


class AbsorbingEnd(ChainEnd):
    """An open end: who hops out is gone."""

    def exit_rate(self, rate: Scalar) -> Scalar:
        """Return the hop rate itself."""
        return rate


class ReflectingEnd(ChainEnd):
    """A closed end: no hop leads out (a wall, or a plane of symmetry)."""

    def exit_rate(self, rate: Scalar) -> Scalar:
        """Return zero."""
        return jnp.zeros_like(rate)


class Chain(eqx.Module):
    """Sites 1 ... N with hops between neighbours.

    dn_k/dt = g_{k-1} n_{k-1} + r_{k+1} n_{k+1} - (g_k + r_k + l_k) n_k + S_k.

    Parameters
    ----------
    rate_right, rate_left
        g and r of every site, (site,), >= 0, in one unit of rate.
    left_end, right_end
        ``AbsorbingEnd()`` or ``ReflectingEnd()``. They are applied here: r_1 (g_N) of the
        stored rates is zero at a reflecting end and otherwise the rate of leaving.
    loss_rate
        l of every site, (site,), >= 0; none by default.

    Raises
    ------
    ValueError
        If the shapes differ or are not (site,) with a site at least, or if the numbers are
        known and one is negative or not finite.
    """

    rate_right: Float[Array, " site"]
    rate_left: Float[Array, " site"]
    left_end: ChainEnd
    right_end: ChainEnd
    loss_rate: Float[Array, " site"] | None

    def __init__(
        self,
        rate_right: Float[Array, " site"],
        rate_left: Float[Array, " site"],
        *,
        left_end: ChainEnd,
        right_end: ChainEnd,
        loss_rate: Float[Array, " site"] | None = None,
    ):
        rates = {"rate_right": rate_right, "rate_left": rate_left, "loss_rate": loss_rate}
        check_range("Chain: rate_right", rate_right.size, 1, expected="one site or more")
        for name, rate in rates.items():
            check_range(f"Chain: {name}", rate, 0, expected="finite rates >= 0")
        common = np.result_type(*(x.dtype for x in rates.values() if x is not None))
        rate_right, rate_left = rate_right.astype(common), rate_left.astype(common)
        loss_rate = None if loss_rate is None else loss_rate.astype(common)
        self.rate_right = rate_right.at[-1].set(right_end.exit_rate(rate_right[-1]))
        self.rate_left = rate_left.at[0].set(left_end.exit_rate(rate_left[0]))
        self.left_end = left_end
        self.right_end = right_end
        self.loss_rate = loss_rate

    @property
    def num_sites(self) -> int:
        """Number of sites N."""
        return self.rate_right.shape[-1]

    @property
    def exit_rates(self) -> Float[Array, "way=3 site"]:
        """Rates at which each site is left for good: to the left, to the right, and by loss."""
        nothing = jnp.zeros_like(self.rate_right)
        left = nothing.at[0].set(self.rate_left[0])
        right = nothing.at[-1].set(self.rate_right[-1])
        return jnp.stack([left, right, self.losses])

    @property
    def losses(self) -> Float[Array, " site"]:
        """Loss rate of every site, zero where none was given."""
        if self.loss_rate is None:
            return jnp.zeros_like(self.rate_right)
        return self.loss_rate
