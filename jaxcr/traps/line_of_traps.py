"""Traps in a line, each sharing a mirror with the next, and the chain that they make."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxcr.arrays import Scalar, ScalarLike
from jaxcr.checks import argument_error, as_float, check_positive, check_shape, is_concrete
from jaxcr.traps.chain import Chain, ChainEnd
from jaxcr.traps.rates import Closure, DetailedBalance
from jaxcr.traps.trap import Trap, trap_from_ratio

_DEFAULT_CLOSURE = DetailedBalance()


def line_of_traps(
    mirror_ratio: Float[Array, "..."] | ScalarLike,
    gradient: Float[Array, "..."] | ScalarLike,
    num_sites: int | None = None,
    *,
    minimum: ScalarLike = 1.0,
) -> Trap:
    """Return traps in a line: the right mirror of each is the left mirror of the next.

    Parameters
    ----------
    mirror_ratio, gradient
        R = sqrt(B1 B2)/B0 and eps_g = ln(B1/B2) of each trap, (site,), or one for all.
    num_sites
        N, where both are numbers; else the length of the arrays.
    minimum
        B0 of the first trap, µG or any unit.

    Returns
    -------
    One ``Trap`` whose three fields have the shape (site,).

    Raises
    ------
    ValueError
        If the lengths differ, the line is empty, or a known trap lacks its weaker mirror.
    """
    ratios, gradients = as_float(mirror_ratio), as_float(gradient)
    lengths = {x.shape[0] for x in (ratios, gradients) if x.ndim == 1}
    lengths |= {num_sites} - {None}
    if len(lengths) != 1 or min(lengths) < 1 or max(ratios.ndim, gradients.ndim) > 1:
        raise argument_error(
            "line_of_traps: mirror_ratio, gradient, num_sites",
            expected="one length of at least 1, from arrays (site,) or num_sites",
            got=f"shapes {ratios.shape}, {gradients.shape} and {num_sites}",
            remedy="Give arrays of one length, or two numbers and num_sites.",
        )
    num = lengths.pop()
    ratios, gradients = (jnp.broadcast_to(x, (num,)) for x in (ratios, gradients))
    if is_concrete(ratios, gradients):
        weakest = int(np.argmin(np.asarray(ratios) * np.exp(-np.abs(gradients) / 2)))
        trap_from_ratio(float(ratios[weakest]), float(gradients[weakest]))
    # ln B0 falls from trap to trap by eps_g's mean and by the change of ln R
    fall = (gradients[1:] + gradients[:-1]) / 2 + jnp.diff(jnp.log(ratios))
    minima = as_float(minimum) * jnp.exp(-_sums(fall))
    return jax.vmap(lambda r, e, b: trap_from_ratio(r, e, minimum=b))(ratios, gradients, minima)


def traps_in_profile(
    mean_field: Callable[[Scalar], Scalar] | Float[Array, " value"],
    edges: Float[Array, " edge"],
    *,
    mirror_ratio: Float[Array, "..."] | ScalarLike,
) -> Trap:
    """Return the traps between ``edges`` in a mean field that varies along x.

    Parameters
    ----------
    mean_field
        B(x) in µG, or its values at the edges; positive.
    edges
        Places of the mirrors in pc, rising, (site + 1,).
    mirror_ratio
        R of each trap, (site,), or one for all. The mirrors follow the mean field, so that each
        trap has the gradient ln[B(left edge)/B(right edge)].

    Raises
    ------
    ValueError
        If there are fewer than two edges, they do not rise, the shapes differ, or a known value
        of the mean field is not positive and finite.
    """
    if edges.shape[0] < 2 or (is_concrete(edges) and not np.all(np.diff(edges) > 0)):
        raise argument_error(
            "traps_in_profile: edges",
            expected="two or more rising places",
            got=f"{edges.shape[0]} places" if edges.shape[0] < 2 else "some that do not rise",
            remedy="N traps have N + 1 mirrors; x points along the chain.",
        )
    values = jax.vmap(mean_field)(edges) if callable(mean_field) else as_float(mean_field)
    check_shape("traps_in_profile: mean_field", values, edges.shape, remedy="Or give a function.")
    check_positive("traps_in_profile: mean_field", values, remedy="Give |B| of the mean field.")
    gradient = -jnp.diff(jnp.log(values))
    traps = line_of_traps(mirror_ratio, gradient)
    scale = values[0] / traps.left_mirror[0] * as_float(mirror_ratio).ravel()[0]
    return jax.tree.map(lambda b: b * scale, traps)


def trap_chain(
    trap: Trap,
    num_sites: int | None = None,
    *,
    scattering_rate: Float[Array, "..."] | ScalarLike,
    closure: Closure = _DEFAULT_CLOSURE,
    left_end: ChainEnd,
    right_end: ChainEnd,
    loss_rate: Float[Array, " site"] | None = None,
) -> Chain:
    """Return the chain of hops between traps.

    Parameters
    ----------
    trap
        One trap, of which every next one is a copy weaker by B2/B1; or a line of traps, from
        ``line_of_traps`` or ``traps_in_profile``.
    num_sites
        N of copies, at least 1, static; left out for a line.
    scattering_rate
        nu in the unit of rate that the chain shall have: one number, or one for each site.
    closure
        ``DetailedBalance()`` or ``LossCone()``.
    left_end, right_end
        ``AbsorbingEnd()`` or ``ReflectingEnd()``.
    loss_rate
        Rate of loss in each trap, (site,).

    Raises
    ------
    ValueError
        If ``num_sites`` is below 1 or given for a line, ``scattering_rate`` has another length, or
        a trap has no mirrors.
    """
    num = _num_sites("trap_chain", trap, num_sites)
    check_shape("trap_chain: scattering_rate", scattering_rate, (), (num,))
    shape = jnp.shape(scattering_rate)
    if trap.minimum.ndim == 0 and shape:
        trap = line_of_traps(trap.mirror_ratio, trap.gradient, num, minimum=trap.minimum)
    if trap.minimum.ndim == 0:
        right, left = closure.rates(trap, scattering_rate)
        right, left = jnp.broadcast_to(right, (num,)), jnp.broadcast_to(left, (num,))
    else:
        nu = jnp.broadcast_to(jnp.asarray(scattering_rate, trap.minimum.dtype), (num,))
        right, left = closure.rates_in_line(trap, nu)
    return Chain(right, left, left_end=left_end, right_end=right_end, loss_rate=loss_rate)


def flux_tube_volume(trap: Trap, num_sites: int | None = None) -> Float[Array, " site"]:
    """Return the volumes w of the traps of such a chain, in units of the first.

    A flux tube widens as 1/B: w_{j+1}/w_j = B0_j/B0_{j+1}, which is B1/B2 for copies of one trap.
    The phase-space density that an angular distribution is made of is f = n / w, with n the
    occupation.

    Parameters
    ----------
    trap, num_sites
        As for ``trap_chain``. Traps are taken as equally long.

    Returns
    -------
    Volumes, (site,).

    Raises
    ------
    ValueError
        If ``num_sites`` is below 1 or given for a line.
    """
    num = _num_sites("flux_tube_volume", trap, num_sites)
    if trap.minimum.ndim == 1:
        return trap.minimum[0] / trap.minimum
    steps = jnp.arange(num, dtype=trap.minimum.dtype)
    return (trap.left_mirror / trap.right_mirror) ** steps


def _sums(x):
    """Return 0 and the running sums."""
    return jnp.concatenate([jnp.zeros(1, x.dtype), jnp.cumsum(x)])


def _num_sites(name, trap, num_sites):
    """Return the number of sites, of a line or as asked."""
    if trap.minimum.ndim == 1 and num_sites is None:
        return trap.minimum.shape[0]
    if trap.minimum.ndim or num_sites is None or num_sites < 1:
        raise argument_error(
            f"{name}: num_sites",
            expected="an integer >= 1 for copies of one trap, None for a line of traps",
            got=num_sites,
            remedy="A chain has a site at least; line_of_traps gives traps that differ.",
        )
    return num_sites
