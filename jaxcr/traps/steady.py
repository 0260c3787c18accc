"""Steady states of a chain with sources, and the flows in it."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxcr.checks import argument_error, check_range, check_shape, is_concrete
from jaxcr.traps.chain import Chain, ReflectingEnd
from jaxcr.traps.elimination import steady_occupations
from jaxcr.traps.graph import TrapGraph
from jaxcr.traps.recurrence import flows, occupations, solve, solve_in_logarithms


def steady_state(chain: Chain | TrapGraph, source: Float[Array, " site"]) -> Float[Array, " site"]:
    """Return the occupation n_k at which gains and losses of every site balance.

    Parameters
    ----------
    chain
        A chain, or a graph of traps.
    source
        S, particles per time fed to each site, (site,), >= 0.

    Returns
    -------
    Particles in each trap, (site,): occupations, not phase-space densities.

    Raises
    ------
    ValueError
        If the shapes differ, a known source is negative or not finite, or no particle can ever
        leave (known before tracing).

    Notes
    -----
    O(N) for a chain. Every term is positive, and exponents are kept apart: relative error at
    g = r, the largest, 3.4e-13 at N = 1e5; 0 or inf beyond the float range, where
    ``log_steady_state`` helps. inf, too, at sites that are fed and never left. A graph is solved
    without subtractions, too; its probabilities to leave must be floats.
    Source: derived in ``tests/traps/test_steady.py``.
    """
    source = _checked_source("steady_state", chain, source)
    return steady_occupations(chain, source)


def log_steady_state(chain: Chain, source: Float[Array, " site"]) -> Float[Array, " site"]:
    """Return ln n_k of ``steady_state``, -inf where it is zero, however small or large it is.

    Notes
    -----
    Error in ln n_k: that of adding N numbers as large as ln n_k, in float32 up to 1e-7 N.
    Derivatives by rates or sources that are exactly zero are zero here; ``steady_state`` has them.
    """
    source = _checked_source("log_steady_state", chain, source)
    return solve_in_logarithms(chain, occupations(chain), source)


def bond_flux(chain: Chain, source: Float[Array, " site"]) -> Float[Array, " bond"]:
    """Return the net flow to the right over the N + 1 bonds in the steady state.

    J_k = g_k n_k - r_{k+1} n_{k+1}, of which the first (-r_1 n_1) and the last (g_N n_N) leave.

    Parameters
    ----------
    source
        S as for ``steady_state``.

    Returns
    -------
    Particles per time, (site + 1,).

    Notes
    -----
    Inside, what sources on the left of a bond send over it for good minus what those on the right
    do: with sources on one side only nothing cancels, however small the flow is beside g n.
    """
    source = _checked_source("bond_flux", chain, source)
    occupation = solve(chain, occupations(chain), source)
    first = -chain.rate_left[:1] * occupation[:1]
    last = chain.rate_right[-1:] * occupation[-1:]
    return jnp.concatenate([first, flows(chain, source), last])


def green_function(chain: Chain | TrapGraph) -> Float[Array, "site source"]:
    """Return the steady occupations for a unit source at each site, one column each.

    The mean time that a particle started at the column's site spends at the row's.
    O(N²) time and memory for a chain.
    """
    unit = jnp.eye(chain.num_sites, dtype=chain.exit_rates.dtype)
    check_way_out("green_function", chain)
    return jax.vmap(lambda s: steady_occupations(chain, s), out_axes=1)(unit)


def equilibrium(chain: Chain) -> Float[Array, " site"]:
    """Return the occupations, of sum one, at which no bond of a chain carries a flow.

    g_k n_k = r_{k+1} n_{k+1}: where a chain with two reflecting ends and no loss comes to rest.
    The rates at the ends and losses are not looked at.

    Raises
    ------
    ValueError
        If a known inner rate is zero.
    """
    check_inner_rates("equilibrium", chain)
    return jax.nn.softmax(log_balance(chain))


def log_balance(chain: Chain) -> Float[Array, " site"]:
    """Return ln n_k/n_1 of occupations at which no bond carries a flow."""
    # not the logarithm of the ratio, which may leave the range of floats
    steps = jnp.log(chain.rate_right[:-1]) - jnp.log(chain.rate_left[1:])
    return jnp.concatenate([jnp.zeros(1, steps.dtype), jnp.cumsum(steps)])


def check_way_out(name: str, chain: Chain | TrapGraph) -> None:
    """Raise if it is known that no particle can leave."""
    if isinstance(chain, TrapGraph):
        if _is_zero(chain.exit_rates, slice(None)):
            raise argument_error(
                f"{name}: chain",
                expected="a way out",
                got="exit_rates of zero",
                remedy="Give a site a rate of leaving; a closed graph has no steady state.",
            )
        return
    left = isinstance(chain.left_end, ReflectingEnd) or _is_zero(chain.rate_left, 0)
    right = isinstance(chain.right_end, ReflectingEnd) or _is_zero(chain.rate_right, -1)
    lossless = chain.loss_rate is None or _is_zero(chain.loss_rate, slice(None))
    if left and right and lossless:
        raise argument_error(
            f"{name}: chain",
            expected="a way out: an AbsorbingEnd with a rate, or a loss rate",
            got="two closed ends and no loss",
            remedy="Open an end, or give loss_rate; a closed chain only has an equilibrium.",
        )


def check_inner_rates(name: str, chain: Chain) -> None:
    """Raise if a known rate between two sites is zero."""
    inner = (chain.rate_right[:-1], chain.rate_left[1:])
    if is_concrete(inner) and not all(np.all(np.asarray(rate) > 0) for rate in inner):
        raise argument_error(
            f"{name}: chain",
            expected="positive rates between sites",
            got="a rate of zero",
            remedy="Take the parts of the chain one by one.",
        )


def _checked_source(name, chain, source):
    """Return a source in the chain's precision; reject another shape or sign, and closed chains."""
    check_shape(f"{name}: source", source, (chain.num_sites,))
    check_range(f"{name}: source", source, 0, remedy="What removes particles is loss_rate.")
    check_way_out(name, chain)
    return source.astype(chain.exit_rates.dtype)


def _is_zero(rate, where):
    """Return whether the rates at ``where`` are known and zero; NumPy, so also inside jit."""
    return is_concrete(rate) and not np.any(np.asarray(rate)[where])
