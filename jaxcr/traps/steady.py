"""Steady state of a chain with sources, by a recurrence without subtractions."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxcr.arrays import argument_error, is_concrete
from jaxcr.traps.chain import Chain, ReflectingEnd


def steady_state(chain: Chain, source: Float[Array, " site"]) -> Float[Array, " site"]:
    """Return the occupation n_k at which gains and losses of every site balance.

    e_1 = r_1 + l_1,  e_{k+1} = l_{k+1} + r_{k+1} e_k / (e_k + g_k)
    S'_1 = S_1,       S'_{k+1} = S_{k+1} + g_k S'_k / (e_k + g_k)
    n_N = S'_N / (e_N + g_N),  n_k = (S'_k + r_{k+1} n_{k+1}) / (e_k + g_k)

    Parameters
    ----------
    source
        S, particles per time fed to each site, (site,), >= 0.

    Returns
    -------
    Particles in each trap, (site,): occupations, not phase-space densities.

    Raises
    ------
    ValueError
        If the shapes differ, or if no particle can ever leave (known before tracing).

    Notes
    -----
    O(N). For S >= 0 every term is positive: relative error at g = r, the largest, 3.4e-13 at
    N = 1e5; 0 or inf beyond the float range. Source: derived in ``tests/traps/test_steady.py``.
    """
    _check_problem(chain, source)
    rates = (chain.rate_right, chain.rate_left, chain.losses, source)
    one = jnp.ones((), chain.rate_right.dtype)

    def eliminate(carry, site):
        kept_left, pushed = carry  # share e/(e + g) and flow g S'/(e + g) of the site before
        right, left, loss, fed = site
        lost = loss + left * kept_left
        feed = fed + pushed
        outflow = lost + right
        return (lost / outflow, feed * (right / outflow)), (feed, outflow, left)

    def substitute(inflow, site):
        feed, outflow, left = site
        occupation = (feed + inflow) / outflow
        return left * occupation, occupation

    _, sites = jax.lax.scan(eliminate, (one, 0 * one), rates)
    _, occupation = jax.lax.scan(substitute, 0 * one, sites, reverse=True)
    return occupation


def _check_problem(chain, source):
    """Reject a source of another shape and a chain that nothing can leave."""
    shape = chain.rate_right.shape
    if source.shape != shape:
        raise argument_error(
            "steady_state: source",
            expected=f"shape {shape} as the rates of the chain",
            got=f"shape {source.shape}",
            remedy="Give one source for every site; use jax.vmap for several sources.",
        )
    if _is_closed(chain):
        raise argument_error(
            "steady_state: chain",
            expected="a way out: an AbsorbingEnd with a rate, or a loss rate",
            got="two closed ends and no loss",
            remedy="Open an end, or give loss_rate; a closed chain only has an equilibrium.",
        )


def _is_closed(chain):
    """Return whether it is known that no particle can leave."""
    left = isinstance(chain.left_end, ReflectingEnd) or _is_zero(chain.rate_left, 0)
    right = isinstance(chain.right_end, ReflectingEnd) or _is_zero(chain.rate_right, -1)
    return left and right and (chain.loss_rate is None or _is_zero(chain.loss_rate, slice(None)))


def _is_zero(rate, where):
    """Return whether the rates at ``where`` are known and zero; NumPy, so also inside jit."""
    return is_concrete(rate) and not np.any(np.asarray(rate)[where])
