"""Chains in time: evolution from any start, relaxation rates and modes."""

import abc
import math
from collections.abc import Callable
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxcr.arrays import Scalar
from jaxcr.checks import argument_error, check_range, check_shape, is_concrete
from jaxcr.traps.chain import Chain
from jaxcr.traps.elimination import steady_occupations
from jaxcr.traps.graph import TrapGraph
from jaxcr.traps.steady import check_inner_rates, log_balance

_INVERSE_ITERATIONS = 40
_MAX_SQUARINGS = 40
_LONGEST = 1e9  # largest rate times time: seven digits are left
_DENSE_SITES = 128
_SUBSTEPS = 64
_MOST_SUBSTEPS = 1_000_000
_LARGEST_DRIFT = 1.001  # of a substep; round-off of the count is no reason for NaN
_LIMIT_AT_INFINITY = 2.124853710495224e-16
_POLES = (
    3.509103608414918 + 8.436198985884374j, 5.948152268951177 + 3.587457362018322j,
    -5.264971343442647 + 16.22022147316793j, 1.419375897185666 + 10.92536348449672j,
    6.416177699099435 + 1.194122393370139j, 4.993174737717997 + 5.996881713603942j,
    -1.413928462488886 + 13.49772569889275j, -10.84391707869699 + 19.27744616718165j,
)  # fmt: skip
_RESIDUES = (
    5.464930576870210e3 - 3.797983575308356e4j, 9.045112476907548e1 - 1.115537522430261e3j,
    2.344818070467641e2 - 4.228020157070496e2j, 9.453304067358312e1 - 2.951294291446048e2j,
    7.283792954673409e2 - 1.205646080220011e5j, 3.648229059594851e1 - 1.155509621409682e2j,
    2.547321630156819e1 - 2.639500283021502e1j, 2.394538338734709e1 - 5.650522971778156e0j,
)  # fmt: skip
_METASTABLE = 1e-6  # of the largest rate
_GAUSS = math.sqrt(3) / 6


class EvolutionMethod(eqx.Module):
    """A way to solve dn/dt = Q n + S, Q the generator of a chain."""

    @abc.abstractmethod
    def propagate(
        self,
        chain: Chain | TrapGraph,
        initial: Float[Array, " site"],
        source: Float[Array, " site"],
        times: Float[Array, " time"],
    ) -> Float[Array, "time site"]:
        """Return the occupations at ``times``."""


class MatrixExponential(EvolutionMethod):
    """The exponential of the matrix of a chain: any rates, closed chains with sources too.

    Graphs of traps, and chains up to 128 sites, by squaring, O(N³) for each time, however late;
    every squaring doubles the rounding, so that errors grow to 1e-16 times the largest rate times
    the time. Longer chains by a rational approximation of degree 16 that keeps the matrix
    tridiagonal, O(N) for each time and substep, with errors of 1e-13 of the largest occupation.

    Parameters
    ----------
    substeps
        Of the rational approximation, between two times. It is one for real negative eigenvalues
        and holds where the drift abs(g - r) times a substep is at most 1. Left out, as many as
        that takes where rates and times are known, and 64 inside ``jit``. NaN comes out where
        there are too few.

    Notes
    -----
    Source: Chebyshev rational approximation in incomplete partial fractions, coefficients of
    Pusa, Nucl. Sci. Eng. 182 (2016) 297, where 2e-16 is its largest error on the negative axis.
    """

    substeps: int | None = None

    def propagate(
        self,
        chain: Chain | TrapGraph,
        initial: Float[Array, " site"],
        source: Float[Array, " site"],
        times: Float[Array, " time"],
    ) -> Float[Array, "time site"]:
        """Return exp(Q t) n and what the sources have become."""
        if isinstance(chain, TrapGraph) or chain.num_sites <= _DENSE_SITES:
            return _by_squaring(chain, initial, source, times)
        order = jnp.argsort(times)
        intervals = jnp.diff(times[order], prepend=jnp.zeros(1, times.dtype))
        drift = jnp.max(jnp.abs(chain.rate_right - chain.rate_left)) * jnp.max(intervals)
        num = self._num_substeps(drift)
        size = intervals / num

        def interval(state, step):
            state = jax.lax.fori_loop(
                0, num, lambda _, n: _rational_step(chain, n, source, step), state
            )
            return state, state

        states = jax.lax.scan(interval, initial, size)[1]
        states = jnp.zeros_like(states).at[order].set(states)
        return jnp.where(drift <= _LARGEST_DRIFT * num, states, jnp.nan)

    def _num_substeps(self, drift) -> int:
        """Return the number asked for, or the one that known rates and times need."""
        if self.substeps is not None or not is_concrete(drift):
            return check_range("MatrixExponential: substeps", self.substeps or _SUBSTEPS, 1)
        needed = max(1.0, math.ceil(float(drift)))
        return int(
            check_range(
                "evolve: times",
                needed,
                1,
                _MOST_SUBSTEPS,
                expected=f"at most {_MOST_SUBSTEPS} hops of drift, abs(g - r) t, between two",
                remedy="Use Spectrum(), or the steady state and relaxation_rates.",
            )
        )


def _by_squaring(chain: Chain | TrapGraph, initial, source, times) -> Float[Array, "time site"]:
    """Return the occupations from the dense matrix of N + 1 rows, the sources in its last."""
    generator = generator_matrix(chain)
    fastest = jnp.max(-jnp.diagonal(generator))
    if is_concrete(fastest, times):
        check_range(
            "evolve: times",
            times,
            0,
            _LONGEST / float(fastest),
            remedy="That is 1e9 over the largest rate. Use Spectrum(), or the steady state.",
        )
    matrix = jnp.pad(generator, ((0, 1), (0, 1)))
    matrix = matrix.at[:-1, -1].set(source)
    state = jnp.concatenate([initial, jnp.ones(1, initial.dtype)])

    def at(time):
        return jax.scipy.linalg.expm(matrix * time, max_squarings=_MAX_SQUARINGS) @ state

    return jax.lax.map(at, times)[:, :-1]


def _rational_step(chain: Chain, state, source, step) -> Float[Array, " site"]:
    """Return the occupations after one substep."""
    complex_type = jnp.dtype(f"complex{2 * jnp.finfo(state.dtype).bits}")
    leaving = chain.rate_right + chain.rate_left + chain.losses
    none = jnp.zeros(1, state.dtype)
    # Row k: gains from k - 1 and k + 1, losses of k.
    below = (step * jnp.concatenate([none, chain.rate_right[:-1]])).astype(complex_type)
    above = (step * jnp.concatenate([chain.rate_left[1:], none])).astype(complex_type)
    fed = step * source
    supply = jnp.ones((), state.dtype)  # the last unknown: what feeds the sources, constant
    for residue, pole in zip(_RESIDUES, _POLES, strict=True):
        residue, pole = (jnp.asarray(x, complex_type) for x in (residue, pole))
        share = supply.astype(complex_type) / -pole
        right_side = state.astype(complex_type) - fed.astype(complex_type) * share
        solved = jax.lax.linalg.tridiagonal_solve(
            below, (-step * leaving).astype(complex_type) - pole, above, right_side[:, None]
        )[:, 0]
        state = state + 2 * jnp.real(residue * solved)
        supply = supply + 2 * jnp.real(residue * share)
    return state * _LIMIT_AT_INFINITY


class Spectrum(EvolutionMethod):
    """The sum over the modes of the symmetrised matrix.

    O(N³) once, O(N²) for each time, however late. Every inner rate must be positive. Modes of a
    chain with g/r = a differ by a^(N/2) in size from end to end, and so much is lost to rounding:
    for abs(ln a) N above 40 take ``MatrixExponential``.
    """

    def propagate(
        self,
        chain: Chain | TrapGraph,
        initial: Float[Array, " site"],
        source: Float[Array, " site"],
        times: Float[Array, " time"],
    ) -> Float[Array, "time site"]:
        """Return the sum over modes of what is left of the start and of what sources have fed."""
        if isinstance(chain, TrapGraph):
            raise argument_error(
                "Spectrum: chain", expected="a Chain", got="a TrapGraph",
                remedy="Its matrix need not be symmetrisable; take MatrixExponential().",
            )  # fmt: skip
        modes = relaxation_modes(chain)
        # Not the start less the steady state: that of a metastable chain is larger by far.
        left = modes.rate[None, :] * times[:, None]
        slow = jnp.abs(left) < 1e-9
        grown = jnp.where(slow, 1 - left / 2, -jnp.expm1(-left) / jnp.where(slow, 1, left))
        fed = times[:, None] * grown * (modes.left @ source)[None, :]
        return (jnp.exp(-left) * (modes.left @ initial)[None, :] + fed) @ modes.right.T


_DEFAULT_METHOD = MatrixExponential()


def evolve(
    chain: Chain | TrapGraph | Callable[[Scalar], Chain | TrapGraph],
    initial: Float[Array, " site"],
    times: Float[Array, " time"],
    *,
    source: Float[Array, " site"] | Callable[[Scalar], Float[Array, " site"]] | None = None,
    method: EvolutionMethod = _DEFAULT_METHOD,
    num_steps: int = 64,
) -> Float[Array, "time site"]:
    """Return the occupations n_k(t) from given ones at t = 0.

    Parameters
    ----------
    chain
        A chain, or a graph of traps of up to about a thousand sites; or a function of time that
        returns one.
    initial
        n_k(0), (site,).
    times
        In the inverse unit of the rates, >= 0, in any order, (time,).
    source
        Particles per time fed to each site from t = 0 on, (site,), or a function of time that
        returns them; none by default.
    method
        ``MatrixExponential()`` or ``Spectrum()``.
    num_steps
        Steps between two times where chain or source is a function; static. The error falls as
        their fourth power, if the functions are smooth between ``times``.

    Raises
    ------
    ValueError
        If the shapes differ, a known occupation, source or time is negative or not finite, or a
        time is too long for the method.

    Notes
    -----
    Steps are two exponentials with rates and sources mixed from two instants, so that a closed
    chain keeps its particles to rounding whatever the step.
    Source: Blanes & Moan, Appl. Numer. Math. 56 (2006) 1519 (Magnus, free of commutators).
    """
    check_range("evolve: num_steps", num_steps, 1)
    driven = callable(chain) or callable(source)
    rates = chain if callable(chain) else lambda _: chain
    start = rates(jnp.zeros((), times.dtype))
    dtype = start.exit_rates.dtype
    initial, times = initial.astype(dtype), times.astype(dtype)
    source = jnp.zeros_like(initial) if source is None else source
    feed = source if callable(source) else lambda _: source.astype(dtype)
    first = feed(jnp.zeros((), dtype))
    for name, rows in (("initial", initial), ("source", first)):
        check_shape(f"evolve: {name}", rows, (start.num_sites,))
    for name, numbers in (("initial", initial), ("source", first), ("times", times)):
        check_range(f"evolve: {name}", numbers, 0)
    if not driven:
        return method.propagate(start, initial, first, times)
    return _driven(rates, feed, initial, times, method, num_steps)


def _driven(rates, feed, initial, times, method, num_steps) -> Float[Array, "time site"]:
    """Return the occupations by steps of order 4 with both functions at two instants of Gauss."""
    order = jnp.argsort(times)
    ends = times[order]
    starts = jnp.concatenate([jnp.zeros(1, times.dtype), ends[:-1]])

    def mixed(near, far):
        near_share = 0.5 + 2 * _GAUSS
        return jax.tree.map(
            lambda x, y: near_share * x + (1 - near_share) * y if eqx.is_inexact_array(x) else x,
            near, far,
        )  # fmt: skip

    def step(state, span):
        begin, size = span
        early, late = (
            (rates(t), feed(t).astype(state.dtype))
            for t in (begin + (0.5 - _GAUSS) * size, begin + (0.5 + _GAUSS) * size)
        )
        for chain, source in (mixed(early, late), mixed(late, early)):
            state = method.propagate(chain, state, source, size[None] / 2)[0]
        return state, None

    def interval(state, span):
        begin, size = span[0], (span[1] - span[0]) / num_steps
        begins = begin + size * jnp.arange(num_steps, dtype=size.dtype)
        state = jax.lax.scan(step, state, (begins, jnp.broadcast_to(size, begins.shape)))[0]
        return state, state

    states = jax.lax.scan(interval, initial, (starts, ends))[1]
    return jnp.zeros_like(states).at[order].set(states)


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


def relaxation_rates(chain: Chain | TrapGraph) -> Float[Array, " mode"]:
    """Return the decay rates of all modes, rising, that of a metastable mode included.

    It is exponentially small for a chain that must be left against its drift. It is found by
    inverse iteration with the recurrence of ``steady_state``, which subtracts nothing, to full
    relative accuracy unless the second mode is within a factor of two; the others have an absolute
    error of 1e-16 times the largest. Of a graph of traps, from its dense matrix and on CPUs, they
    are the real parts: hops around in one sense make rates complex.

    Returns
    -------
    Rates in the unit of those of the chain, (mode,). The first is 0 for a chain without a way out.
    """
    if isinstance(chain, TrapGraph):
        last, rates = chain.exit_rates, -jnp.real(jnp.linalg.eigvals(generator_matrix(chain)))
        rates, guess = jnp.sort(rates), jnp.ones(chain.num_sites, last.dtype)
    else:
        modes = relaxation_modes(chain)
        last, rates, guess = chain.rate_right, modes.rate, jnp.abs(modes.right[:, 0])
    closed = jnp.sum(chain.exit_rates) == 0
    # An open chain stands in for a closed one, so that no slope becomes NaN.
    open_end = last.at[..., -1].add(jnp.where(closed, 1, 0).astype(last.dtype))
    opened = eqx.tree_at(
        lambda c: c.rate_right if isinstance(c, Chain) else c.exit_rates, chain, open_end
    )
    vector = guess / jnp.sum(guess)

    def improve(vector, _):
        following = steady_occupations(opened, vector)
        size = jnp.sum(following)
        return following / size, 1 / size

    slowest = jax.lax.scan(improve, vector, length=_INVERSE_ITERATIONS)[1][-1]
    # Elsewhere the modes lie too close together for inverse iteration, and eigh is exact enough.
    metastable = rates[0] < _METASTABLE * rates[-1]
    first = jnp.where(closed, 0, jnp.where(metastable, slowest, rates[0]))
    return jnp.maximum(rates, first).at[0].set(first)


def generator_matrix(chain: Chain | TrapGraph) -> Float[Array, "site site"]:
    """Return Q of dn/dt = Q n, with a column for each site that particles leave."""
    if isinstance(chain, TrapGraph):
        leaving = jnp.sum(chain.exit_rates, axis=0).at[chain.origin].add(chain.rate)
        return jnp.diag(-leaving).at[chain.target, chain.origin].add(chain.rate)
    leaving = chain.rate_right + chain.rate_left + chain.losses
    return (
        jnp.diag(chain.rate_right[:-1], -1) + jnp.diag(chain.rate_left[1:], 1) - jnp.diag(leaving)
    )
