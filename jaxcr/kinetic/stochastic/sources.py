"""The source of a transport problem at a point, and particles drawn from it."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import jax.random as jr
from jaxtyping import Array, Float

from jaxcr.arrays import Scalar
from jaxcr.kinetic.parker.cells import discretise
from jaxcr.kinetic.parker.grid import SphericalGrid
from jaxcr.kinetic.parker.problem import ParkerProblem
from jaxcr.kinetic.stochastic.steps import PseudoParticle, start_at

Position = Float[Array, " axis"]


def source_function(problem: ParkerProblem) -> Callable[[Position, Scalar], Scalar]:
    """Return S as a function of position and momentum, constant over cells if given by cell."""
    source, dtype = problem.source, problem.grid.dtype
    if source is None:
        return lambda position, momentum: jnp.zeros_like(momentum)
    if callable(source):
        return lambda position, momentum: jnp.asarray(source(position, momentum)).astype(dtype)
    values = discretise(problem).source
    return lambda position, momentum: values[cell_index(problem, position, jnp.log(momentum))]


def cell_index(problem: ParkerProblem, position: Position, log_momentum: Scalar) -> tuple:
    """Return the index of the cell of momentum and of those on the axes."""
    index = [jnp.zeros((), int)]
    if problem.momentum is not None:
        steps = (log_momentum - jnp.log(problem.momentum.low)) / problem.momentum.log_width
        index = [jnp.clip(steps.astype(int), 0, problem.momentum.num_cells - 1)]
    for place, edges in zip(position, problem.grid.edges, strict=True):
        index.append(jnp.searchsorted(edges[1:-1], place, side="right"))
    return tuple(index)


def draw_particles(problem: ParkerProblem, rates: Array, key, num_particles: int) -> PseudoParticle:
    """Return particles drawn from the rates of the cells, uniform in volume and ln p."""
    cell_key, place_key, momentum_key = jr.split(key, 3)
    total = jnp.cumsum(rates.reshape(-1))
    chosen = jr.uniform(cell_key, (num_particles,), rates.dtype) * total[-1]
    cells = jnp.unravel_index(jnp.searchsorted(total, chosen, side="right"), rates.shape)
    parts = jr.uniform(place_key, (num_particles, len(problem.grid.shape)), rates.dtype)
    power = 3 if isinstance(problem.grid, SphericalGrid) else 1
    places = []
    for axis, edges in enumerate(problem.grid.edges):
        low, high = edges[cells[axis + 1]] ** power, edges[cells[axis + 1] + 1] ** power
        places.append((low + parts[:, axis] * (high - low)) ** (1 / power))
    log_momentum = jnp.zeros(num_particles, rates.dtype)
    if problem.momentum is not None:
        part = jr.uniform(momentum_key, (num_particles,), rates.dtype)
        log_momentum = jnp.log(problem.momentum.low) + problem.momentum.log_width * (
            cells[0].astype(rates.dtype) + part
        )
    return jax.vmap(start_at)(jnp.stack(places, axis=1), log_momentum)
