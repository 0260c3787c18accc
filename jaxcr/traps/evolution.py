"""Chains in time: evolution from any start, relaxation rates and modes."""

import abc
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxcr.checks import argument_error, checked, is_concrete
from jaxcr.traps.chain import Chain
from jaxcr.traps.recurrence import occupations, solve
from jaxcr.traps.steady import check_inner_rates, check_way_out, log_balance

_INVERSE_ITERATIONS = 40
_MAX_SQUARINGS = 40
_LONGEST = 1e9  # largest rate times time: seven digits are left
_METASTABLE = 1e-6  # of the largest rate


class EvolutionMethod(eqx.Module):
    """A way to solve dn/dt = Q n + S, Q the generator of a chain."""

    @abc.abstractmethod
    def propagate(
        self,
        chain: Chain,
        initial: Float[Array, " site"],
        source: Float[Array, " site"],
        times: Float[Array, " time"],
    ) -> Float[Array, "time site"]:
        """Return the occupations at ``times``."""


@checked
class MatrixExponential(EvolutionMethod):
    """The exponential of the matrix of N + 1 rows, the sources in its last, by squaring.

    Any rates, closed chains with sources too. O(N³) for each time. Every squaring doubles the
    rounding: relative errors of the whole grow to 1e-16 times the largest rate times the time.
    """

    def propagate(
        self,
        chain: Chain,
        initial: Float[Array, " site"],
        source: Float[Array, " site"],
        times: Float[Array, " time"],
    ) -> Float[Array, "time site"]:
        """Return exp(Q t) n and what the sources have become."""
        fastest = jnp.max(chain.rate_right + chain.rate_left + chain.losses)
        if is_concrete(fastest, times) and float(fastest) * float(np.max(times)) > _LONGEST:
            raise argument_error(
                "MatrixExponential: times",
                expected=f"at most {_LONGEST / float(fastest):.2g}, 1e9 over the largest rate",
                got=f"{float(np.max(times)):.2g}",
                remedy="Use Spectrum(), or the steady state and relaxation_rates.",
            )
        matrix = jnp.pad(generator_matrix(chain), ((0, 1), (0, 1)))
        matrix = matrix.at[:-1, -1].set(source)
        state = jnp.concatenate([initial, jnp.ones(1, initial.dtype)])

        def at(time):
            return jax.scipy.linalg.expm(matrix * time, max_squarings=_MAX_SQUARINGS) @ state

        return jax.lax.map(at, times)[:, :-1]


@checked
class Spectrum(EvolutionMethod):
    """The sum over the modes of the symmetrised matrix.

    O(N³) once, O(N²) for each time, however late. Every inner rate must be positive and, with a
    source, there must be a way out. Modes of a chain with g/r = a differ by a^(N/2) in size from
    end to end, and so much is lost to rounding: for abs(ln a) N above 40 take
    ``MatrixExponential``.
    """

    def propagate(
        self,
        chain: Chain,
        initial: Float[Array, " site"],
        source: Float[Array, " site"],
        times: Float[Array, " time"],
    ) -> Float[Array, "time site"]:
        """Return the sum over modes of amplitude times exp(-rate t), about the steady state."""
        modes = relaxation_modes(chain)
        steady = jnp.zeros_like(initial)
        if not (is_concrete(source) and not np.any(source)):
            check_way_out("evolve", chain)
            steady = solve(chain, occupations(chain), source)
        amplitude = modes.left @ (initial - steady)
        decay = jnp.exp(-times[:, None] * modes.rate[None, :])
        return steady[None] + (decay * amplitude[None, :]) @ modes.right.T


_DEFAULT_METHOD = MatrixExponential()


@checked
def evolve(
    chain: Chain,
    initial: Float[Array, " site"],
    times: Float[Array, " time"],
    *,
    source: Float[Array, " site"] | None = None,
    method: EvolutionMethod = _DEFAULT_METHOD,
) -> Float[Array, "time site"]:
    """Return the occupations n_k(t) from given ones at t = 0.

    Parameters
    ----------
    initial
        n_k(0), (site,).
    times
        In the inverse unit of the rates, >= 0, in any order, (time,).
    source
        Particles per time fed to each site from t = 0 on, (site,); none by default.
    method
        ``MatrixExponential()`` or ``Spectrum()``.

    Raises
    ------
    ValueError
        If the shapes differ, a known occupation, source or time is negative or not finite, or a
        time is too long for the method.
    """
    shape = chain.rate_right.shape
    source = jnp.zeros_like(initial) if source is None else source
    for name, rows in (("initial", initial), ("source", source)):
        if rows.shape != shape:
            raise argument_error(
                f"evolve: {name}",
                expected=f"shape {shape} as the rates of the chain",
                got=f"shape {rows.shape}",
                remedy="Give one number for every site; use jax.vmap for several.",
            )
    for name, numbers in (("initial", initial), ("source", source), ("times", times)):
        if is_concrete(numbers) and not np.all(np.isfinite(numbers) & (np.asarray(numbers) >= 0)):
            raise argument_error(
                f"evolve: {name}",
                expected="finite numbers >= 0",
                got=f"values from {np.min(numbers):g} to {np.max(numbers):g}",
                remedy="Occupations are positive, and relaxation has no past.",
            )
    return method.propagate(chain, initial, source, times)


class RelaxationModes(NamedTuple):
    """Modes of a chain, the slowest first: n(t) = sum of right (left · n(0)) exp(-rate t).

    Attributes
    ----------
    rate
        Decay rates, (mode,), rising.
    right
        Occupations of each mode, (site, mode).
    left
        Weights of the initial occupations, (mode, site); ``left @ right`` is the identity.
    """

    rate: Float[Array, " mode"]
    right: Float[Array, "site mode"]
    left: Float[Array, "mode site"]


@checked
def relaxation_modes(chain: Chain) -> RelaxationModes:
    """Return all modes of a chain whose inner rates are positive.

    Notes
    -----
    From the symmetric matrix with sqrt(g_k r_{k+1}) beside its diagonal. Absolute error of the
    rates: 1e-16 times the largest; use ``relaxation_rates`` for the rate of a metastable mode.

    Raises
    ------
    ValueError
        If a known inner rate is zero.
    """
    check_inner_rates("relaxation_modes", chain)
    diagonal = chain.rate_right + chain.rate_left + chain.losses
    right, left = chain.rate_right[:-1], chain.rate_left[1:]
    beside = -jnp.sqrt(right * left)
    matrix = jnp.diag(diagonal) + jnp.diag(beside, 1) + jnp.diag(beside, -1)
    rate, vector = jnp.linalg.eigh(matrix)
    scale = log_balance(chain) / 2
    scale = jnp.exp(scale - (jnp.max(scale) + jnp.min(scale)) / 2)
    return RelaxationModes(rate, scale[:, None] * vector, vector.T / scale[None, :])


@checked
def relaxation_rates(chain: Chain) -> Float[Array, " mode"]:
    """Return the decay rates of all modes, rising, that of a metastable mode included.

    It is exponentially small for a chain that must be left against its drift. It is found by
    inverse iteration with the recurrence of ``steady_state``, which subtracts nothing, to full
    relative accuracy unless the second mode is within a factor of two; the others have an absolute
    error of 1e-16 times the largest.

    Returns
    -------
    Rates in the unit of those of the chain, (mode,). The first is 0 for a chain without a way out.
    """
    modes = relaxation_modes(chain)
    closed = chain.rate_left[0] + chain.rate_right[-1] + jnp.sum(chain.losses) == 0
    # An open chain stands in for a closed one, so that no slope becomes NaN.
    open_end = chain.rate_right.at[-1].add(jnp.where(closed, 1, 0).astype(modes.rate.dtype))
    opened = eqx.tree_at(lambda c: c.rate_right, chain, open_end)
    guess = jnp.abs(modes.right[:, 0])
    vector = guess / jnp.sum(guess)

    def improve(vector, _):
        following = solve(opened, occupations(opened), vector)
        size = jnp.sum(following)
        return following / size, 1 / size

    slowest = jax.lax.scan(improve, vector, length=_INVERSE_ITERATIONS)[1][-1]
    # Elsewhere the modes lie too close together for inverse iteration, and eigh is exact enough.
    metastable = modes.rate[0] < _METASTABLE * modes.rate[-1]
    first = jnp.where(closed, 0, jnp.where(metastable, slowest, modes.rate[0]))
    return jnp.maximum(modes.rate, first).at[0].set(first)


@checked
def generator_matrix(chain: Chain) -> Float[Array, "site site"]:
    """Return Q of dn/dt = Q n, with a column for each site that particles leave."""
    leaving = chain.rate_right + chain.rate_left + chain.losses
    return (
        jnp.diag(chain.rate_right[:-1], -1) + jnp.diag(chain.rate_left[1:], 1) - jnp.diag(leaving)
    )
