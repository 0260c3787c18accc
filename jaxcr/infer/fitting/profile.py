"""Profile likelihood: the best fit with one parameter held, along a grid."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxcr.checks import argument_error, check_one_of, check_range
from jaxcr.infer.fitting.levenberg_marquardt import LevenbergMarquardt
from jaxcr.infer.fitting.objective import Objective
from jaxcr.infer.fitting.optimiser import Optimiser
from jaxcr.infer.fitting.result import FitResult
from jaxcr.infer.likelihood import Problem
from jaxcr.infer.likelihood.base import jit_untitled
from jaxcr.infer.parameters import Flat

_OPTIMISER = LevenbergMarquardt()

_WIDTH = 4.0
"""First half width of the grid in posterior errors; it is doubled while the cost rises less."""

_RISE = 4.0


class Profile(eqx.Module):
    """-2 ln L along one parameter, at its minimum over all others.

    Attributes
    ----------
    name
        Of the parameter.
    best
        Its value at the minimum: the vertex of the parabola through the three lowest points.
    grid
        Its values, rising ``(point,)``.
    rise
        -2 ln L above its least value ``(point,)``.
    values
        All parameters at the minima ``(point, parameter)``.
    bounds
        Lower and upper bound of the parameter.
    """

    name: str = eqx.field(static=True)
    best: float
    grid: Float[np.ndarray, " point"]
    rise: Float[np.ndarray, " point"]
    values: Float[np.ndarray, "point parameter"]
    bounds: tuple[float, float]

    def interval(self, level: float | int = 1.0) -> tuple[float, float]:
        """Return where the rise reaches ``level``; an open side is minus or plus infinity.

        The root of the rise, a straight line for a Gaussian, is interpolated linearly.

        Raises
        ------
        ValueError
            When the grid ends before the level and before the bound.
        """
        best = self.best
        root = np.sqrt(np.maximum(self.rise, 0))
        ends = []
        for sign, bound in zip((-1, 1), self.bounds, strict=True):
            outside = sign * (self.grid - best) > 0
            points = np.append(best, self.grid[outside][::sign])
            end = _crossing(points, np.append(0, root[outside][::sign]), np.sqrt(level))
            if end is None and not np.isclose(points[-1], bound):
                raise argument_error(
                    "Profile.interval: level",
                    expected=f"at most {root[outside][::sign][-1] ** 2:.3g}, the grid's",
                    got=level,
                    remedy="The grid of a profile ends where -2 ln L has risen by 4 or more.",
                )
            ends.append(sign * np.inf if end is None else end)
        return ends[0], ends[1]

    def text(self, level: float | int = 1.0) -> str:
        """Return the interval as reports print it; with an open side it is a limit."""
        lower, upper = self.interval(level)
        best = self.best
        rule = f"(-2 ln L rises by {level:g})"
        if np.isfinite(lower) and np.isfinite(upper):
            return f"{self.name} = {best:.4g} (-{best - lower:.2g}, +{upper - best:.2g}) {rule}"
        if np.isfinite(upper):
            return f"{self.name} < {upper:.4g} {rule}; open below"
        if np.isfinite(lower):
            return f"{self.name} > {lower:.4g} {rule}; open above"
        low, high = self.bounds
        return f"{self.name}: not limited between {low:.4g} and {high:.4g} {rule}"


def profile(
    problem: Problem,
    result: FitResult,
    name: str,
    *,
    num: int = 24,
    priors: bool = True,
    optimiser: Optimiser = _OPTIMISER,
) -> Profile:
    """Return the profile of one free parameter about the best fit.

    Parameters
    ----------
    result
        Of `fit` on this problem.
    name
        The parameter.
    num
        Points, half of them on either side, out to where -2 ln L has risen by 4, or the bound.
    priors
        Whether the other parameters keep their priors; that of the named one is left out.

    Raises
    ------
    ValueError
        When the parameter is unknown or fixed, or ``num`` is below 4.

    Notes
    -----
    Each point starts where its inner neighbour ended. Cost: ``num`` fits of few steps.
    """
    i = problem.parameters.index(name)
    _check(problem, name, num)
    parameter = problem.parameters.parameters[i]
    held = _held(problem, result, name, priors)
    best = float(result.values[i])
    error = float(result.posterior.errors[i])
    sides = [
        _side(held, optimiser, i, best, bound, error, result.values, num // 2)
        for bound in (parameter.lower, parameter.upper)
    ]
    (down, cost_down, values_down), (up, cost_up, values_up) = sides
    grid = np.concatenate([down[:0:-1], up])
    costs = np.concatenate([cost_down[:0:-1], cost_up])
    values = np.concatenate([values_down[:0:-1], values_up])
    lowest, least = _vertex(grid, costs)
    return Profile(name, lowest, grid, costs - least, values, (parameter.lower, parameter.upper))


def _check(problem: Problem, name: str, num: int) -> None:
    check_one_of("profile: name", name, problem.parameters.free_names)
    check_range("profile: number of free parameters", len(problem.parameters.free_names), 2)
    check_range("profile: num", num, 4, expected="at least 4", remedy="The default is 24.")


def _held(problem: Problem, result: FitResult, name: str, priors: bool) -> Problem:
    """Return the problem with the parameter held, and flat priors if those do not count."""
    parameters = problem.parameters
    for p in parameters.parameters if not priors else ():
        parameters = parameters.replace(p.name, prior=Flat())
    parameters = parameters.with_fixed({name: float(result.values[parameters.index(name)])})
    return Problem(problem.model, problem.data, parameters, problem.likelihood)


def _side(held, optimiser, i: int, best: float, bound: float, error: float, values, num: int):
    """Return points from the best fit outward until the cost has risen, and the fits there."""
    reach = _WIDTH * error
    while True:
        edge = best + np.sign(bound - best) * min(reach, abs(bound - best))
        points = np.linspace(best, edge, num + 1)
        costs, found = _walk(held, optimiser, i, jnp.asarray(points), values)
        if reach >= abs(bound - best) or costs[-1] - jnp.min(costs) >= _RISE:
            return points, np.asarray(costs), np.asarray(found)
        reach *= 2


def _vertex(grid: np.ndarray, costs: np.ndarray) -> tuple[float, float]:
    """Return the least point of the parabola through the three lowest, and its cost."""
    i = int(np.argmin(costs))
    if 0 < i < grid.size - 1:
        a, b, _ = np.polyfit(grid[i - 1 : i + 2] - grid[i], costs[i - 1 : i + 2], 2)
        return float(grid[i] - b / (2 * a)), float(costs[i] - b**2 / (4 * a))
    return float(grid[i]), float(costs[i])


@jit_untitled
def _walk(held: Problem, optimiser: Optimiser, i: int, points: Array, values: Array):
    """Fit at each point in turn, from the end of the fit before."""

    def step(values, point):
        problem = eqx.tree_at(lambda p: p.parameters.parameters[i].start, held, point)
        objective = Objective(problem)
        start = objective.angles(values.at[i].set(point))
        angles = optimiser.walk(objective, start, objective.place(start).scale).angles
        values = objective.values(angles)
        return values, (objective.cost(angles), values)

    _, found = jax.lax.scan(step, values, points)
    return found


def _crossing(points: np.ndarray, root: np.ndarray, level: float) -> float | None:
    """Return the first point at which the root of the rise passes the level."""
    above = np.flatnonzero(root >= level)
    if above.size == 0:
        return None
    j = above[0]
    share = (level - root[j - 1]) / (root[j] - root[j - 1])
    return float(points[j - 1] + share * (points[j] - points[j - 1]))
