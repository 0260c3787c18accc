"""A chain of traps: hop rates of every site and what happens at the two ends."""

import abc

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxcr.arrays import Scalar
from jaxcr.checks import argument_error, checked, is_concrete


class ChainEnd(eqx.Module):
    """What becomes of a hop out of the chain at one end."""

    @abc.abstractmethod
    def exit_rate(self, rate: Scalar) -> Scalar:
        """Return the rate at which the last site loses particles through this end."""


@checked
class AbsorbingEnd(ChainEnd):
    """An open end: who hops out is gone."""

    def exit_rate(self, rate: Scalar) -> Scalar:
        """Return the hop rate itself."""
        return rate


@checked
class ReflectingEnd(ChainEnd):
    """A closed end: no hop leads out (a wall, or a plane of symmetry)."""

    def exit_rate(self, rate: Scalar) -> Scalar:
        """Return zero."""
        return jnp.zeros_like(rate)


@checked
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
        rate_right: Float[Array, "..."],
        rate_left: Float[Array, "..."],
        *,
        left_end: ChainEnd,
        right_end: ChainEnd,
        loss_rate: Float[Array, "..."] | None = None,
    ):
        _check_rates(rate_right=rate_right, rate_left=rate_left, loss_rate=loss_rate)
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
    def losses(self) -> Float[Array, " site"]:
        """Loss rate of every site, zero where none was given."""
        if self.loss_rate is None:
            return jnp.zeros_like(self.rate_right)
        return self.loss_rate


def _check_rates(**rates):
    """Reject rates of unequal shape, and known rates that are negative or not finite."""
    shape = rates["rate_right"].shape
    if len(shape) != 1 or shape[0] == 0:
        raise argument_error(
            "Chain: rate_right",
            expected="shape (site,) with at least one site",
            got=f"shape {shape}",
            remedy="Use jax.vmap for a batch of chains.",
        )
    for name, rate in rates.items():
        if rate is None:
            continue
        if rate.shape != shape:
            raise argument_error(
                f"Chain: {name}",
                expected=f"shape {shape} as rate_right",
                got=f"shape {rate.shape}",
                remedy="Give one rate for every site, the ends included.",
            )
        if is_concrete(rate) and not np.all(np.isfinite(rate) & (np.asarray(rate) >= 0)):
            raise argument_error(
                f"Chain: {name}",
                expected="finite rates >= 0",
                got=f"values from {np.min(rate):g} to {np.max(rate):g}",
                remedy="A rate is a probability per time; the direction is in its name.",
            )
