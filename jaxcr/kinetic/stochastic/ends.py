"""What the ends of space and of the range of momenta do to one step of a pseudo-particle."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxcr.arrays import Scalar
from jaxcr.kinetic.parker.boundaries import BoundaryCondition
from jaxcr.kinetic.parker.grid import SpatialGrid, SphericalGrid
from jaxcr.kinetic.parker.problem import ParkerProblem
from jaxcr.kinetic.stochastic.directions import Direction

Position = Float[Array, " axis"]
Face = tuple[int, int]

MOMENTUM = -1
"""In place of an axis: the ends of the range of momenta."""

_NEAREST_CENTRE = 1e-9  # of the outer radius: 2/r of a flow that vanishes there stays a number


def reflect(
    direction: Direction,
    problem: ParkerProblem,
    start: Position,
    log_momentum: Scalar,
    moved: tuple[Position, Scalar, Scalar],
    depths: Float[Array, "axis end=2"],
    step: Scalar,
) -> tuple[Position, Scalar, Scalar, dict[Face, Scalar]]:
    """Return place, ln p and change of ln weight after all walls, and what open ones take.

    A Brownian bridge between distances d0 and d1 from a wall reaches down to
    (d0 + d1 - sqrt((d0 - d1)² + 4 kappa_nn step E))/2 with E exponential; the step is pushed
    back by as much as that lies beyond the wall. Source: Lépingle, Math. Comput. Simul. 38
    (1995) 119.
    """
    place, new_log_momentum, growth = moved
    momentum, leaks = jnp.exp(log_momentum), {}
    tensor = problem.tensor_at(off_centre(problem.grid, start), momentum)
    for axis, end, condition, edge, area in _faces(problem):
        if not condition.mirror > 0:
            continue
        inward = 1 - 2 * end
        before, after = inward * (start[axis] - edge), inward * (place[axis] - edge)
        spread = 4 * step * tensor[axis, axis] * depths[axis, end]
        bend = jnp.sqrt((before - after) ** 2 + spread)
        push = jnp.where(area > 0, jnp.maximum(bend - before - after, 0) / 2, 0)
        face = off_centre(problem.grid, on_face(start, axis, edge))
        shift, gain, change = direction.wall(
            problem, face, momentum, axis, inward, closed=condition.closed
        )
        place = place + push * shift
        if problem.momentum is not None:
            new_log_momentum = new_log_momentum + push * gain
        if condition.closed:
            growth = growth + push * change
        else:
            leaks[axis, end] = push * change
    return place, new_log_momentum, growth, leaks


def chances_of_passing(
    problem: ParkerProblem,
    start: tuple[Position, Scalar],
    moved: tuple[Position, Scalar],
    step: Scalar,
    *,
    continued: bool,
) -> dict[Face, Scalar]:
    """Return the probability exp(-d0 d1/(kappa_nn step)) that a step has passed each open end.

    From place and ln p to place and ln p. It is 1 for a step that ends beyond; the ends of momentum
    are among them where particles diffuse there. Source: Gobet, Stoch. Proc. Appl. 87 (2000) 167.
    """
    (start, log_momentum), (place, new_log_momentum) = start, moved
    at = off_centre(problem.grid, start), jnp.exp(log_momentum)
    tensor = problem.tensor_at(*at)
    chances = {}
    for axis, end, _, edge, area in absorbing_faces(problem):
        inward = 1 - 2 * end
        before, after = inward * (start[axis] - edge), inward * (place[axis] - edge)
        product = jnp.maximum(before, 0) * jnp.maximum(after, 0)
        chance = jnp.exp(-product / (step * tensor[axis, axis]))
        chances[axis, end] = jnp.where(area > 0, chance, 0)
    if problem.diffuses_in_momentum and not (problem.momentum.continued and continued):
        spread = step * problem.momentum_diffusion_at(*at)
        for end, edge in enumerate((problem.momentum.low, problem.momentum.high)):
            inward, edge = 1 - 2 * end, jnp.log(edge).astype(spread.dtype)
            before, after = inward * (log_momentum - edge), inward * (new_log_momentum - edge)
            within = (spread > 0) & (after > 0)
            product = jnp.maximum(before, 0) * jnp.where(within, after, 1)
            chance = jnp.exp(-product / jnp.where(within, spread, 1))
            chances[MOMENTUM, end] = jnp.where(within, chance, (after <= 0).astype(chance.dtype))
    return chances


def within_range(
    problem: ParkerProblem, before: Scalar, after: Scalar, weight: Scalar, *, continued: bool
) -> tuple[Scalar, Scalar, Float[Array, "end=2"], Scalar]:
    """Return weight and ln p in the range, the weight beyond, and the part of the step before.

    With ``continued``, where the problem has the power law go on, all stays with its weight.
    """
    beyond, whole = jnp.zeros(2, weight.dtype), jnp.ones_like(weight)
    if problem.momentum is None:
        return weight, after, beyond, whole
    low = jnp.log(problem.momentum.low).astype(after.dtype)
    high = jnp.log(problem.momentum.high).astype(after.dtype)
    held = jnp.clip(after, low, high)
    if problem.momentum.continued and continued:
        index = problem.momentum.reference_index.astype(after.dtype)
        return weight * jnp.exp(-index * (after - held)), held, beyond, whole
    if problem.diffuses_in_momentum:  # who has gone is not in the weight any more
        return weight, held, beyond, whole
    below, above = after < low, after > high
    change = after - before
    part = jnp.where(below | above, (held - before) / jnp.where(change == 0, 1, change), whole)
    beyond = jnp.stack([jnp.where(below, weight, 0), jnp.where(above, weight, 0)])
    return jnp.where(below | above, 0, weight), held, beyond, part


def on_face(position: Position, axis: int, edge: Scalar) -> Position:
    """Return the position moved onto a face across an axis."""
    return jnp.where(jnp.arange(position.shape[0]) == axis, edge, position)


def absorbing_faces(problem: ParkerProblem) -> list:
    """Return axis, end, condition, place and area of the ends at which particles end."""
    return [face for face in _faces(problem) if not face[2].mirror > 0]


def _faces(problem: ParkerProblem) -> list[tuple[int, int, BoundaryCondition, Array, Array]]:
    """Return axis, end, condition, place and area of every end; the centre has no area."""
    return [
        (axis, end, condition, problem.grid.edges[axis][-end], problem.grid.area(axis)[-end])
        for axis, pair in enumerate(problem.boundaries)
        for end, condition in enumerate(pair)
    ]


def limits(grid: SpatialGrid) -> tuple[Position, Position]:
    """Return the lower and the upper ends of all axes."""
    return jnp.stack([x[0] for x in grid.edges]), jnp.stack([x[-1] for x in grid.edges])


def off_centre(grid: SpatialGrid, position: Position) -> Position:
    """Return the position, a little outside the centre of a sphere."""
    if isinstance(grid, SphericalGrid):
        return jnp.maximum(position, _NEAREST_CENTRE * grid.edges[0][-1])
    return position
