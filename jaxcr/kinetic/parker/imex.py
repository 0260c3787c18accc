"""One implicit-explicit Runge-Kutta scheme as a diffrax solver, for transport on a grid."""

from collections.abc import Callable
from typing import ClassVar

import diffrax
import jax
import jax.numpy as jnp
from jaxtyping import PyTree

_GAMMA = 1 - 2**-0.5
_WEIGHT = 2**-1.5
_COUPLING = (3 + 2 * 2**0.5) / 6
_EMBEDDED = (0.5 - 2**-1.5 / 2, 0.5 - 2**-1.5 / 2, 2**-1.5)


class ImplicitDiffusion(diffrax.AbstractAdaptiveSolver):
    """ARK2: TR-BDF2 for the implicit part (L-stable), a scheme with positive weights for the other.

    Terms are ``MultiTerm(explicit, implicit)``. Order 2. Steady states are kept exactly, and
    increments are those of the terms themselves: what they conserve is conserved to round-off,
    whatever the error of the linear solve.

    Attributes
    ----------
    solve
        From a state b and a length l to the y with y - l implicit(y) = b.
    size
        Of a state. Errors are given in units of the size of the new state.

    Notes
    -----
    Source: Giraldo, Kelly & Constantinescu, SIAM J. Sci. Comput. 35 (2013) B1162, with the
    embedded scheme of first order given there.
    """

    solve: Callable
    size: Callable
    term_structure: ClassVar = diffrax.MultiTerm[tuple[diffrax.AbstractTerm, diffrax.AbstractTerm]]
    interpolation_cls: ClassVar = diffrax.LocalLinearInterpolation

    def order(self, terms) -> int:
        """Return 2."""
        return 2

    def error_order(self, terms) -> int:
        """Return 2, the order of the local error of the companion."""
        return 2

    def init(self, terms, t0, t1, y0, args) -> None:
        """Return no state."""

    def func(self, terms, t0, y0, args) -> PyTree:
        """Return both rates together."""
        return terms.vf(t0, y0, args)

    def step(self, terms, t0, t1, y0, args, solver_state, made_jump):
        """Make one step."""
        explicit, implicit = terms.terms
        length = t1 - t0

        def add(state, *pairs):
            for factor, rate in pairs:
                state = jax.tree.map(lambda y, dy, c=factor: y + c * length * dy, state, rate)
            return state

        def rates(state):
            return explicit.vf(t0, state, args), implicit.vf(t0, state, args)

        first = rates(y0)
        target = add(y0, (2 * _GAMMA, first[0]), (_GAMMA, first[1]))
        second = rates(self.solve(target, _GAMMA * length))
        flow = (1 - _COUPLING, first[0]), (_COUPLING, second[0])
        target = add(y0, *flow, (_WEIGHT, first[1]), (_WEIGHT, second[1]))
        third = rates(self.solve(target, _GAMMA * length))
        weights = (_WEIGHT, _WEIGHT, _GAMMA)
        stages = (first, second, third)
        pairs = [(w, rate) for w, stage in zip(weights, stages, strict=True) for rate in stage]
        following = add(y0, *pairs)
        gaps = [w - e for w, e in zip(weights, _EMBEDDED, strict=True)]
        nothing = jax.tree.map(jnp.zeros_like, y0)
        pairs = [(gap, rate) for gap, stage in zip(gaps, stages, strict=True) for rate in stage]
        size = self.size(following)
        size = jax.lax.stop_gradient(jnp.where(size > 0, size, 1))
        error = jax.tree.map(lambda x: x / size, add(nothing, *pairs))
        dense = {"y0": y0, "y1": following}
        return following, error, dense, None, diffrax.RESULTS.successful
