"""Distinct optima of a posterior: Levenberg-Marquardt from many starts, side by side."""

import operator
from functools import partial

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from jaxcr.infer.likelihood import Problem, posterior_residuals

_EXPLORING, _KEPT, _STEPS = 8, 32, 30
"""Steps from every start, how many of their ends go on, and steps from those."""

_PLAIN = 16
"""Starts at most that explore the cost itself."""

_MODES = 8
"""Optima at most."""

_APART = 1.0
"""Least distance of two optima, in errors of one; none counts for more than 1 rad of an angle."""

_FLOOR = 1e-6
"""Least curvature by an angle that damping counts with: at a bound the slope by it is 0."""


class Optima(eqx.Module):
    """Optima of one posterior that lie apart, the best first.

    Attributes
    ----------
    values
        All parameters, ``(mode, parameter)``.
    costs
        -2 ln posterior, ``(mode,)``; infinite in the rows after the last optimum.
    """

    values: Float[Array, "mode parameter"]
    costs: Float[Array, " mode"]


def find_optima(problem: Problem, angles: Float[Array, "start free"]) -> Optima:
    """Return the best optima among the ends of all starts.

    Parameters
    ----------
    angles
        Starts, as angles of the free parameters.

    Notes
    -----
    Levenberg-Marquardt with a fixed number of steps: it compiles in a tenth of the time that a
    solver with stopping rules takes. Half of the starts, and all but 16 of many, first explore
    with arcsinh of each residual: where C_l nearly vanish at some parameters a few multipoles
    make a wall, and a cost that grows with the logarithm of a misfit steps over it. Of 256 starts
    12 so find the best fit to C_1 ... C_24 of a trap, 3 otherwise. The others explore the cost
    itself, as large residuals everywhere need.
    """
    num = min(-(-len(angles) // 2), _PLAIN)
    found = _search(problem, angles, np.arange(len(angles)) >= num, _EXPLORING)
    ends = [
        _distinct(*jax.tree.map(operator.itemgetter(part), found), _KEPT // 2)[0]
        for part in (slice(num), slice(num, None))
        if len(angles[part])
    ]
    starts = jnp.concatenate(ends)
    ends, costs = _distinct(*_search(problem, starts, np.zeros(len(starts), bool), _STEPS), _MODES)
    return Optima(jax.vmap(problem.parameters.bounded)(ends), costs)


def _search(
    problem: Problem, starts: Float[Array, "start free"], soft: Bool[np.ndarray, " start"], length
):
    """Return the ends of Levenberg-Marquardt from every start, their curvatures and costs."""

    def residuals(u, soft):
        r = posterior_residuals(problem, problem.parameters.bounded(u))
        r = jnp.where(soft, jnp.arcsinh(r), r)
        return r, r

    def step(soft, state, _):
        (trial, damping), kept = state
        slopes, r = jax.jacfwd(residuals, has_aux=True)(trial, soft)
        cost = jnp.sum(r**2)
        better = cost < kept[0]
        new = cost, trial, slopes.T @ slopes, slopes.T @ r
        kept = jax.tree.map(lambda a, b: jnp.where(better, a, b), new, kept)
        _, u, normal, gradient = kept
        damping = jnp.clip(jnp.where(better, damping / 5, damping * 4), 1e-9, 1e9)
        damped = normal + damping * jnp.diag(jnp.diagonal(normal) + _FLOOR)
        return ((u - jnp.linalg.solve(damped, gradient), damping), kept), None

    def one(u, soft):
        nothing = jnp.asarray(jnp.inf, u.dtype), u, jnp.eye(u.size, dtype=u.dtype), 0 * u
        first = (u, jnp.asarray(5e-2, u.dtype)), nothing
        (_, (cost, u, normal, _)), _ = jax.lax.scan(partial(step, soft), first, length=length)
        return u, normal, cost

    return jax.vmap(one)(starts, soft)


def _distinct(
    ends: Float[Array, "start free"],
    curvatures: Float[Array, "start free free"],
    costs: Float[Array, " start"],
    num: int,
) -> tuple[Float[Array, "mode free"], Float[Array, " mode"]]:
    """Return the best ends that lie apart, and their costs; infinite where there are no more."""

    def pick(left, _):
        best = jnp.argmin(left)
        away = ends - ends[best][None]
        curvature = curvatures[best] + jnp.eye(ends.shape[1], dtype=ends.dtype)
        near = jnp.einsum("si,ij,sj->s", away, curvature, away) < _APART**2
        return jnp.where(near, jnp.inf, left), (ends[best], left[best])

    return jax.lax.scan(pick, costs, length=min(num, len(ends)))[1]
