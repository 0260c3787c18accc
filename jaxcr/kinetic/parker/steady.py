"""The steady state: implicit in space, momentum by momentum or all at once where they diffuse."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array

from jaxcr.checks import argument_error, is_concrete
from jaxcr.kinetic.parker.cells import ParkerCells, SpatialCells, along, discretise
from jaxcr.kinetic.parker.coupled import solve_coupled
from jaxcr.kinetic.parker.fluxes import advective_fluxes, diffusive_fluxes, outflow, through_ends
from jaxcr.kinetic.parker.lines import line_matrices, solve_space
from jaxcr.kinetic.parker.momentum import (
    downward,
    downward_fluxes,
    drains,
    edge_weights,
    feed,
    momentum_fluxes,
    momentum_lines,
)
from jaxcr.kinetic.parker.problem import ParkerProblem
from jaxcr.kinetic.parker.solution import Budget, ParkerSolution

_DIRECT_CELLS = 1024  # LU once for each momentum: tenths of a second


def solve_parker(problem: ParkerProblem) -> ParkerSolution:
    """Return the steady state of a transport problem.

    Second order in space (central slopes without limiter, central diffusion) and in ln p
    (two-point upwind). Momenta are solved one after the other, from the end at which particles
    enter, each by LU on up to 1,024 cells, by GMRES with line solves as preconditioner beyond.
    Diffusion in momentum couples them: then all together by GMRES, with elimination of one
    momentum after the other as preconditioner on up to 1,024 cells in space.

    Returns
    -------
    ParkerSolution
        N in every cell, and the budget of sources and sinks.

    Raises
    ------
    ValueError
        If particles gain momentum in one place and lose it in another without diffusion in
        momentum (use ``evolve_parker``), if none can ever leave, or for coefficients that
        ``discretise`` rejects.
    RuntimeError
        If a residual is left, above half the digits of the type.

    Notes
    -----
    Derivatives by every number in the problem, in forward and reverse mode, through the implicit
    function theorem. Cost: momenta times a few tens to hundreds of sweeps; memory: the tensor on
    all faces, (momentum x cells x axes²) numbers, and (momentum x cells²) for the elimination.
    In momentum, equilibria of uniform diffusion with uniform gains and losses are exact where they
    change by less than e² from cell to cell. There is no limiter: densities beside steep
    gradients can go negative where a flow is not resolved, or where the tensor is very oblique
    to the grid (-0.6 % of the largest for a ratio of 100). At a reflecting wall that the tensor
    is oblique to the order is one. Source: LeVeque, Finite Volume Methods for Hyperbolic Problems
    (2002), ch. 6; Saad & Schultz, SIAM J. Sci. Stat. Comput. 7 (1986) 856.
    """
    _check_way_out(problem)
    cells = discretise(problem)
    # half of the digits: round-off of a divergence, and what an iteration may leave
    tolerance = float(jnp.finfo(cells.gain.dtype).eps) ** 0.5
    if cells.momentum_diffusion is None:
        density, residual = _march_in_order(_check_one_way(cells, tolerance))
    else:
        density, residual = _solve_together(cells)
    density = eqx.error_if(
        density,
        ~(jnp.all(residual < tolerance) & jnp.all(jnp.isfinite(density))),
        "solve_parker: the solution leaves a residual. Is there a way out, or a loss, "
        "for every particle? Is the grid fine enough where the flow outruns diffusion over one "
        "cell? Else use evolve_parker.",
    )
    return ParkerSolution(problem.grid, problem.momentum, density, steady_budget(cells, density))


def _check_one_way(cells: ParkerCells, tolerance: float) -> ParkerCells:
    """Return the cells; raise unless all particles lose momentum, or all gain."""
    largest = jnp.max(jnp.abs(cells.gain))
    mixed = jnp.minimum(jnp.max(cells.gain), -jnp.min(cells.gain)) > tolerance * largest
    if is_concrete(mixed) and bool(mixed):
        raise argument_error(
            "solve_parker: problem",
            expected="momenta that only fall, or only rise",
            got=f"dlnp/dt from {float(jnp.min(cells.gain)):.3g} to "
            f"{float(jnp.max(cells.gain)):.3g} per pc",
            remedy="Use evolve_parker until the state is steady.",
        )
    return eqx.error_if(cells, mixed, "momenta rise and fall")


def _check_way_out(problem: ParkerProblem) -> None:
    """Raise when all ends are closed and nothing else takes particles away."""
    closed = all(end.closed for pair in problem.boundaries for end in pair)
    if closed and problem.loss_rate is None and problem.momentum is None:
        raise argument_error(
            "solve_parker: problem",
            expected="a way out, or a loss",
            got="closed ends on every axis, no loss_rate and no momenta",
            remedy="Open an end or add a loss_rate; evolve_parker follows what piles up.",
        )


@eqx.filter_jit
def steady_budget(cells: ParkerCells, density: Array) -> Budget:
    """Return where the particles of a steady state come from and go to."""
    measure = cells.volumes * cells.log_width

    def leaving(space, density):
        moved = advective_fluxes(space, density, limited=False)
        return through_ends(space, moved) + through_ends(space, diffusive_fluxes(space, density))

    ends = jax.vmap(leaving, in_axes=(cells.space.over_momenta(), 0))(cells.space, density)
    passing = _passing(cells, density)
    out = [-jnp.sum(passing[0] * cells.volumes), jnp.sum(passing[-1] * cells.volumes)]
    return Budget(
        injected=jnp.sum(cells.source * measure[None]),
        through_ends=jnp.sum(ends, axis=0) * cells.log_width,
        through_momenta=jnp.stack(out),
        lost=jnp.sum(cells.loss * density * measure[None]),
    )


def _passing(cells: ParkerCells, density: Array) -> Array:
    """Return the particles that pass each edge in ln p upward, per volume and pc."""
    if cells.momentum_diffusion is not None:
        return momentum_fluxes(cells, density)
    ordered, upward = downward(cells)
    passing = downward_fluxes(ordered, jnp.where(upward, density[::-1], density))
    return jnp.where(upward, passing[::-1], -passing)


@eqx.filter_jit
def _solve_together(cells: ParkerCells) -> tuple[Array, Array]:
    """Return the density at all momenta in one solve, and the relative residual."""
    empty = jnp.zeros_like(cells.source)
    shape = along(cells.cell_shape, 0, empty.ndim)
    axes = (cells.space.over_momenta(), 0)
    homogeneous = cells.space.homogeneous()

    def in_momentum(density):
        return jnp.diff(momentum_fluxes(cells, density), axis=0) / cells.log_width

    values = cells.source - jax.vmap(outflow, in_axes=axes)(cells.space, empty)
    density = solve_coupled(
        cells, (outflow, in_momentum), cells.loss, values,
        steady=True, guess=empty, direct_cells=_DIRECT_CELLS,
    )  # fmt: skip
    left = values - jax.vmap(outflow, in_axes=axes)(homogeneous, density)
    left = left - in_momentum(density) - cells.loss * density
    # relative to the source, or to what particles exchange between momenta: round-off of that
    exchanged = momentum_lines(cells, sharp=True).diagonal * jnp.abs(density / shape)
    scale = jnp.maximum(jnp.max(jnp.abs(values / shape)), jnp.max(exchanged))
    return density, jnp.max(jnp.abs(left / shape)) / jnp.where(scale > 0, scale, 1)


@eqx.filter_jit
def _march_in_order(cells: ParkerCells) -> tuple[Array, Array]:
    """Return the density at all momenta, and the relative residual of each solve."""
    ordered, upward = downward(cells)
    weights = edge_weights(ordered)
    sinks = ordered.loss + drains(ordered)
    highest = ordered.loss.shape[0] - 1
    space, sizes = ordered.space, ordered.cell_shape

    def at(index):
        return eqx.tree_at(
            lambda s: (s.tensor, s.held),
            space,
            jax.tree.map(lambda x: x[index], (space.tensor, space.held)),
        )

    def step(carry, index):
        above, higher = carry
        is_highest = index == highest
        received = feed(weights[index + 1], weights[index], above, higher)
        source = ordered.source[index] + jnp.where(is_highest, 0, received)
        guess = above * sizes[index]
        density, residual = _solve_momentum(at(index), sinks[index], source, guess)
        scaled = density / sizes[index]
        return (scaled, jnp.where(is_highest, scaled, above)), (density, residual)

    nobody = jnp.zeros_like(ordered.source[0])
    _, (density, residuals) = lax.scan(
        step, (nobody, nobody), jnp.arange(highest + 1), reverse=True
    )
    return jnp.where(upward, density[::-1], density), residuals


def _solve_momentum(space: SpatialCells, sink: Array, source: Array, guess: Array):
    """Return the steady density at one momentum, and the residual over the source."""
    empty = jnp.zeros_like(source)
    values = source - outflow(space, empty)
    homogeneous = space.homogeneous()

    density = solve_space(
        lambda x: outflow(homogeneous, x),
        sink,
        values,
        matrices=lambda: line_matrices(*lax.stop_gradient((homogeneous, sink))),
        reach=2,
        guess=guess,
        direct_cells=_DIRECT_CELLS,
    )
    left = values - outflow(homogeneous, density) - sink * density
    scale = jnp.max(jnp.abs(values))
    return density, jnp.max(jnp.abs(left)) / jnp.where(scale > 0, scale, 1)
