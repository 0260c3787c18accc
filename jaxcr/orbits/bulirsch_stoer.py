"""Bulirsch-Stoer: the modified midpoint rule, extrapolated, as a diffrax solver."""

from collections.abc import Callable
from typing import ClassVar

import diffrax
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, PyTree

from jaxcr.checks import check_range


class QuinticInterpolation(diffrax.AbstractLocalInterpolation):
    """Polynomial of degree 5 through values and slopes at both ends and in the middle of a step."""

    t0: Array
    t1: Array
    y0: PyTree
    middle: PyTree
    y1: PyTree
    slope0: PyTree
    slope_middle: PyTree
    slope1: PyTree

    def evaluate(self, t0, t1=None, left=True):
        """Return the state at ``t0``, or the change of it from ``t0`` to ``t1``."""
        del left
        if t1 is not None:
            return jax.tree.map(lambda a, b: a - b, self.evaluate(t1), self.evaluate(t0))
        length = self.t1 - self.t0
        at = (t0 - self.t0) / jnp.where(length == 0, 1, length)

        def one(a, b, c, slope_a, slope_b, slope_c):
            # About the middle, x = 2 at - 1: a Hermite polynomial in x with nodes -1, 0, 1.
            x, half = (2 * at - 1).astype(a.dtype), (0.5 * length).astype(a.dtype)
            odd, even = 0.5 * (c - a), 0.5 * (c + a) - b
            slope, odd_slope = half * slope_b, half * 0.5 * (slope_c - slope_a)
            even_slope = half * 0.5 * (slope_c + slope_a)
            second, fourth = 2 * even - 0.5 * odd_slope, 0.5 * odd_slope - even
            rest, bend = odd - slope, even_slope - slope
            third, fifth = 2.5 * rest - 0.5 * bend, 0.5 * bend - 1.5 * rest
            return b + x * (slope + x * (second + x * (third + x * (fourth + x * fifth))))

        return jax.tree.map(
            one, self.y0, self.middle, self.y1, self.slope0, self.slope_middle, self.slope1
        )


class BulirschStoer(diffrax.AbstractAdaptiveSolver):
    """Modified midpoint steps of several lengths, extrapolated to length zero.

    Order ``2 num_columns`` with an error estimate of order ``2 num_columns - 2`` and dense output
    of order 5. Column j makes 4 j - 2 small steps; the middle of each is extrapolated, too.

    Parameters
    ----------
    num_columns
        At least 2. Costs 2 ``num_columns``² + 1 evaluations a step: 33 for the default 4.

    Notes
    -----
    For smooth right-hand sides and high accuracy; the speed of a particle is kept within the
    tolerance only. Source: Bulirsch & Stoer (1966); Hairer, Nørsett & Wanner, Solving Ordinary
    Differential Equations I, sec. II.9, with their sequence for dense output.
    """

    num_columns: int = 4

    term_structure: ClassVar = diffrax.AbstractTerm
    interpolation_cls: ClassVar[Callable[..., QuinticInterpolation]] = QuinticInterpolation

    def __check_init__(self):
        remedy = "One column has no error estimate."
        check_range("BulirschStoer: num_columns", self.num_columns, 2.0, remedy=remedy)

    def order(self, terms) -> int:
        """Return twice the number of columns."""
        return 2 * self.num_columns

    def error_order(self, terms) -> int:
        """Return the order of the last column but one, with which steps are controlled."""
        return 2 * self.num_columns - 1

    def init(self, terms, t0, t1, y0, args) -> None:
        """Return ``None``: nothing is carried from step to step."""

    def func(self, terms, t0, y0, args):
        """Return the right-hand side."""
        return terms.vf(t0, y0, args)

    def step(self, terms, t0, t1, y0, args, solver_state, made_jump):
        """Make one step; its error is the difference of the two best extrapolations."""
        del solver_state, made_jump
        slope0 = terms.vf(t0, y0, args)
        counts = [4 * j + 2 for j in range(self.num_columns)]
        columns = [_midpoint(terms, t0, t1, y0, slope0, args, n) for n in counts]
        ends = _extrapolate([end for end, _ in columns], counts)
        middles = _extrapolate([middle for _, middle in columns], counts)
        y1, middle = ends[-1], middles[-1]
        error = jax.tree.map(lambda a, b: jnp.abs(a - b), y1, ends[-2])
        dense_info = {
            "y0": y0, "middle": middle, "y1": y1, "slope0": slope0,
            "slope_middle": terms.vf(t0 + 0.5 * (t1 - t0), middle, args),
            "slope1": terms.vf(t1, y1, args),
        }  # fmt: skip
        return y1, error, dense_info, None, diffrax.RESULTS.successful


def _midpoint(terms, t0, t1, y0, slope0, args, count: int):
    """Return end and middle of ``count`` steps of the midpoint rule."""
    small = (t1 - t0) / count

    def leap(state, number):
        before, now = state
        slope = terms.vf(t0 + number * small, now, args)
        after = jax.tree.map(lambda y, dy: y + (2 * small).astype(y.dtype) * dy, before, slope)
        return (now, after), None

    first = jax.tree.map(lambda y, dy: y + small.astype(y.dtype) * dy, y0, slope0)
    numbers = jnp.arange(1, count, dtype=small.dtype)
    half = count // 2
    state, _ = lax.scan(leap, (y0, first), numbers[: half - 1])
    middle = state[1]
    (_, end), _ = lax.scan(leap, state, numbers[half - 1 :])
    return end, middle


def _extrapolate(values: list[PyTree], counts: list[int]) -> list[PyTree]:
    """Return the diagonal of Aitken and Neville's table: each value from one column more."""
    table, diagonal = [values[0]], [values[0]]
    for row in range(1, len(values)):
        fresh = [values[row]]
        for column in range(row):
            factor = float(1 / np.expm1(2 * np.log(counts[row] / counts[row - column - 1])))
            fresh.append(
                jax.tree.map(lambda new, old: new + (new - old) * factor, fresh[-1], table[column])  # noqa: B023
            )
        table = fresh
        diagonal.append(fresh[-1])
    return diagonal
