"""Traps with hops between any two of them: over several traps of a row, or in two dimensions."""

import math

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from jaxcr.checks import argument_error, check_range, check_shape, is_concrete
from jaxcr.traps.chain import ChainEnd

_Sites = Int[Array, " hop"] | Int[np.ndarray, " hop"]


class TrapGraph(eqx.Module):
    """Sites with hops along directed edges, and ways out.

    dn_k/dt = sum_j (w_jk n_j - w_kj n_k) - (sum of exits of k) n_k + S_k, with w_jk the rate of
    hops from j to k.

    Parameters
    ----------
    origin, target
        Indices of the two sites of each edge, from 0, (hop,). Edges that are listed twice add up.
    rate
        Of hops along each edge, (hop,), >= 0, in one unit of rate.
    exit_rates
        Rates of leaving for good, (site,) or, where several ways out are told apart, (way, site).

    Raises
    ------
    ValueError
        If the shapes differ, or if the numbers are known and a rate is negative or not finite, or
        an edge leads to no other site.

    Notes
    -----
    Steady states and mean times take O(N b²) operations and O(N b) memory, b the largest
    difference between the numbers of two sites with an edge: number the sites along the longest
    side. Where ``origin`` and ``target`` are traced, b is N - 1.
    """

    origin: Int[Array, " hop"]
    target: Int[Array, " hop"]
    rate: Float[Array, " hop"]
    exit_rates: Float[Array, "way site"]
    bandwidth: int = eqx.field(static=True)

    def __init__(
        self,
        origin: _Sites,
        target: _Sites,
        rate: Float[Array, " hop"],
        *,
        exit_rates: Float[Array, "*way site"],
    ):
        num = exit_rates.shape[-1]
        check_range("TrapGraph: exit_rates", num, 1, expected="one site or more")
        if exit_rates.ndim > 2:
            raise argument_error(
                "TrapGraph: exit_rates", expected="shape (site,) or (way, site)",
                got=f"shape {exit_rates.shape}", remedy="Number the ways out in one axis.",
            )  # fmt: skip
        for name, rates in {"rate": rate, "exit_rates": exit_rates}.items():
            check_range(f"TrapGraph: {name}", rates, 0, expected="finite rates >= 0")
        self.bandwidth = _bandwidth(origin, target, num)
        dtype = np.result_type(rate.dtype, exit_rates.dtype)
        self.origin, self.target = (jnp.asarray(x, jnp.int32) for x in (origin, target))
        self.rate = rate.astype(dtype)
        self.exit_rates = exit_rates.astype(dtype).reshape(-1, num)

    @property
    def num_sites(self) -> int:
        """Number of sites N."""
        return self.exit_rates.shape[-1]


def banded_chain(
    rate_right: Float[Array, "*site hop"],
    rate_left: Float[Array, "*site hop"],
    num_sites: int | None = None,
    *,
    left_end: ChainEnd,
    right_end: ChainEnd,
    loss_rate: Float[Array, " site"] | None = None,
) -> TrapGraph:
    """Return a row of sites with hops over 1, 2, ... m sites to either side.

    Parameters
    ----------
    rate_right, rate_left
        Rates by distance, (site, hop), or (hop,) for ``num_sites`` equal sites; the first is that
        of hops to the neighbour. ``measure_hops`` counts them.
    left_end, right_end
        ``AbsorbingEnd()``: hops beyond the last site leave; ``ReflectingEnd()``: there are none.
    loss_rate
        Of every site, (site,); none by default.

    Returns
    -------
    A graph with three ways out: left, right, lost.
    """
    num = rate_right.shape[0] if rate_right.ndim == 2 else num_sites
    if num is None or rate_right.ndim > 2 or num_sites not in (None, num):
        raise argument_error(
            "banded_chain: num_sites", expected="a number for rates (hop,), None for (site, hop)",
            got=f"{num_sites} and rates of shape {rate_right.shape}", remedy="Leave one out.",
        )  # fmt: skip
    check_range("banded_chain: num_sites", num, 1)
    check_shape("banded_chain: loss_rate", loss_rate, (num,))
    hops, beyond = [], {1: 0.0, -1: 0.0}
    for side, rates, end in ((1, rate_right, right_end), (-1, rate_left, left_end)):
        for distance in range(1, rates.shape[-1] + 1):
            edges, leaving = _hops((num,), 0, side * distance, rates[..., distance - 1])
            hops.append(edges)
            beyond[side] = beyond[side] + jax.vmap(end.exit_rate)(leaving)
    lost = jnp.zeros(num, rate_right.dtype) if loss_rate is None else loss_rate
    return _graph(hops, [beyond[-1], beyond[1], lost])


def lattice_of_traps(
    shape: tuple[int, ...],
    rate_up: Float[Array, " axis"],
    rate_down: Float[Array, " axis"],
    *,
    end: ChainEnd,
    loss_rate: Float[Array, " site"] | None = None,
) -> TrapGraph:
    """Return a lattice with hops to the next sites along each axis.

    Parameters
    ----------
    shape
        Sites along each axis; site (i, j, k) has the index of C order.
    rate_up, rate_down
        Towards higher and lower indices along each axis, (axis,).
    end
        Of every axis on both sides: ``AbsorbingEnd()`` or ``ReflectingEnd()``.
    loss_rate
        Of every site in C order, (site,); none by default.

    Returns
    -------
    A graph whose ways out are lower and upper end of each axis in turn, and loss.
    """
    check_range("lattice_of_traps: shape", shape, 1)
    num = math.prod(shape)
    check_shape("lattice_of_traps: rate_up", rate_up, (len(shape),))
    check_shape("lattice_of_traps: loss_rate", loss_rate, (num,))
    hops, ways = [], []
    for axis in range(len(shape)):
        for step, rates in ((-1, rate_down), (1, rate_up)):
            edges, leaving = _hops(shape, axis, step, rates[axis])
            hops.append(edges)
            ways.append(jax.vmap(end.exit_rate)(leaving))
    lost = jnp.zeros(num, rate_up.dtype) if loss_rate is None else loss_rate
    return _graph(hops, [*ways, lost])


def _hops(shape, axis, step, rate):
    """Return origin, target and rate of hops along an axis, and the rates of those beyond it."""
    sites = np.arange(math.prod(shape))
    place = np.unravel_index(sites, shape)[axis] + step
    inside = (place >= 0) & (place < shape[axis])
    origin = sites[inside]
    rate = jnp.broadcast_to(rate, sites.shape)
    target = origin + step * math.prod(shape[axis + 1 :])
    return (origin, target, rate[origin]), jnp.where(inside, jnp.zeros_like(rate), rate)


def _graph(hops, ways) -> TrapGraph:
    """Return the graph of several sets of hops."""
    origin, target = (np.concatenate([x[i] for x in hops]) for i in range(2))
    rate = jnp.concatenate([x[2] for x in hops])
    common = jnp.result_type(rate, *ways)
    ways = jnp.stack([x.astype(common) for x in ways])
    return TrapGraph(origin, target, rate, exit_rates=ways)


def _bandwidth(origin, target, num: int) -> int:
    """Return the largest difference between two sites with an edge; reject what is no edge."""
    if not is_concrete(origin, target):
        return max(num - 1, 1)
    for name, sites in {"origin": origin, "target": target}.items():
        check_range(f"TrapGraph: {name}", sites, 0, num - 1, remedy="Sites count from 0.")
    apart = np.abs(np.asarray(target) - np.asarray(origin))
    check_range("TrapGraph: target - origin", apart, 1, expected="another site than the origin")
    return int(np.max(apart, initial=1))
