"""One implicit-explicit Runge-Kutta scheme as a diffrax solver, for transport on a grid."""

from collections.abc import Callable
from typing import ClassVar

import diffrax
import jax
from jaxtyping import PyTree

_GAMMA = 1 - 2**-0.5


class ImplicitDiffusion(diffrax.AbstractAdaptiveSolver):
    """IMEX-SSP2(2,2,2): order 2, explicit part Heun's method, implicit part L-stable.

    Terms are ``MultiTerm(explicit, implicit)``. Increments are those of the terms themselves, so
    that what the terms conserve is conserved to round-off whatever the error of the linear solve.

    Attributes
    ----------
    solve
        From a state b and a length l to the y with y - l implicit(y) = b.

    Notes
    -----
    The error estimate is the difference from the first-order scheme with the first stage's
    rates. Source: Pareschi & Russo, J. Sci. Comput. 25 (2005) 129, table 2.
    """

    solve: Callable
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

        first = rates(self.solve(y0, _GAMMA * length))
        target = add(y0, (1, first[0]), (1 - 2 * _GAMMA, first[1]))
        second = rates(self.solve(target, _GAMMA * length))
        halves = [(0.5, rate) for pair in (first, second) for rate in pair]
        following = add(y0, *halves)
        companion = add(y0, (1, first[0]), (1, first[1]))
        error = jax.tree.map(lambda a, b: a - b, following, companion)
        dense = {"y0": y0, "y1": following}
        return following, error, dense, None, diffrax.RESULTS.successful
