"""Transport in time: limited advection explicitly, diffusion and losses implicitly."""

import itertools
import math

import diffrax
import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxcr.arrays import Scalar, ScalarLike
from jaxcr.checks import (
    argument_error,
    as_float,
    check_positive,
    check_range,
    check_shape,
    is_concrete,
)
from jaxcr.kinetic.parker.cells import ParkerCells, SpatialCells, along, discretise, divergence
from jaxcr.kinetic.parker.coupled import solve_coupled
from jaxcr.kinetic.parker.fluxes import advective_fluxes, diffusive_fluxes, through_ends
from jaxcr.kinetic.parker.imex import ImplicitDiffusion
from jaxcr.kinetic.parker.lines import line_matrices, solve_space
from jaxcr.kinetic.parker.momentum import fitted_fluxes, sharpened, sharpened_flow
from jaxcr.kinetic.parker.problem import ParkerProblem
from jaxcr.kinetic.parker.solution import ParkerHistory

_COURANT = 0.5  # for steps chosen here
_MAX_STEPS = 1_000_000
_DIRECT_CELLS = 128  # LU twice in every step
_COUPLED_CELLS = 16  # the same at every momentum


def evolve_parker(
    problem: ParkerProblem,
    initial: Float[Array, "..."],
    *,
    times: Float[Array, " time"],
    step: ScalarLike | None = None,
    rtol: ScalarLike = 1e-4,
    adjoint: diffrax.AbstractAdjoint | None = None,
) -> ParkerHistory:
    """Return a transport problem at successive times.

    Advection in space and in ln p explicitly with limited slopes, diffusion and losses
    implicitly, both of second order, through diffrax (``ImplicitDiffusion``). With diffusion in
    momentum fluxes in ln p are implicit, by exponential fitting, but for what makes them of second
    order where gains or losses outrun diffusion within a cell.

    Parameters
    ----------
    initial
        N at the first time, (momentum, ...), or (...) without a momentum axis.
    times
        Increasing, in pc, at least two.
    step
        Longest step in pc; steps between two times are equal. By default as long as ``rtol``
        allows, at most half the Courant limit.
    rtol
        Of each step, relative to the largest density.
    adjoint
        ``diffrax.ForwardMode()`` for forward derivatives; reverse mode by default.

    Raises
    ------
    ValueError
        If ``initial`` has another shape, the times do not increase, ``step`` is not positive or
        exceeds the Courant limit; and for coefficients that ``discretise`` rejects.

    Notes
    -----
    Limiters keep advected fronts free of new extrema up to half the Courant limit; cross terms of
    the tensor are not limited and can undershoot beside steep gradients oblique to the grid. With
    one coordinate the implicit part is solved exactly, otherwise by GMRES to 1e-12.
    """
    cells = discretise(problem)
    dtype = cells.volumes.dtype
    initial, times = as_float(initial).astype(dtype), as_float(times).astype(dtype)
    initial = initial[None] if initial.ndim == cells.volumes.ndim else initial
    _check_arguments(cells, initial, times)
    stops = None
    if step is not None:
        stops = _equal_steps(times, step)
        cells = _check_courant(cells, step)
    adjoint = diffrax.RecursiveCheckpointAdjoint() if adjoint is None else adjoint
    found = _evolve(cells, initial, times, stops, as_float(rtol).astype(dtype), adjoint)
    return ParkerHistory(problem.grid, problem.momentum, times, *found)


def courant_limit(cells: ParkerCells) -> Scalar:
    """Return the longest step of the explicit part in pc: none loses more than its content."""
    rate = jnp.zeros_like(cells.volumes)
    for axis, metric in enumerate(cells.space.metrics):
        speed = cells.space.speed[axis]
        ndim = speed.ndim
        carried = along(metric.area, axis, ndim) * speed
        low = jax.lax.slice_in_dim(carried, 0, -1, axis=axis)
        high = jax.lax.slice_in_dim(carried, 1, None, axis=axis)
        leaving = jnp.maximum(high, 0) + jnp.maximum(-low, 0)
        rate = rate + leaving / along(metric.volume, axis, ndim)
    flow = sharpened_flow(cells)
    upward, downward = jnp.maximum(flow[1:], 0), jnp.maximum(-flow[:-1], 0)
    gain = jnp.max(upward + downward, axis=0) / cells.log_width
    return 1 / jnp.maximum(jnp.max(rate + gain), jnp.finfo(rate.dtype).tiny)


@eqx.filter_jit
def _evolve(cells: ParkerCells, initial, times, stops, rtol, adjoint):
    """Return density, total, what has left, and the number of steps."""
    terms = diffrax.MultiTerm(
        diffrax.ODETerm(lambda time, state, args: _explicit_rate(args, state[0])),
        diffrax.ODETerm(lambda time, state, args: _implicit_rate(args, state[0])),
    )
    solver = ImplicitDiffusion(
        solve=lambda state, step: (_solve_stage(cells, state[0], step), state[1]),
        size=lambda state: jnp.max(jnp.abs(state[0])),
    )
    duration = times[-1] - times[0]
    limit = jnp.minimum(_COURANT * courant_limit(cells), duration)
    if stops is None:
        controller = diffrax.PIDController(
            rtol=0.0, atol=rtol, dtmax=jax.lax.stop_gradient(limit),
            norm=lambda state: jnp.max(jnp.abs(state[0])),
        )  # fmt: skip
        controller = diffrax.ClipStepSizeController(controller, step_ts=times)
        first = jax.lax.stop_gradient(limit) * 1e-3
    else:
        controller, first = diffrax.StepTo(stops), None
    solution = diffrax.diffeqsolve(
        terms, solver, times[0], times[-1], first, (initial, jnp.zeros((), initial.dtype)), cells,
        saveat=diffrax.SaveAt(ts=times), stepsize_controller=controller, max_steps=_MAX_STEPS,
        adjoint=adjoint,
    )  # fmt: skip
    density, gone = solution.ys
    measure = cells.volumes * cells.log_width
    total = jnp.sum(density * measure[None, None], axis=tuple(range(1, density.ndim)))
    return density, total, gone, solution.stats["num_steps"]


def _explicit_rate(cells: ParkerCells, density: Array) -> tuple[Array, Scalar]:
    """Return dN/ds by flow, energy changes and sources, and the rate at which particles go."""

    def move(space, density):
        fluxes = advective_fluxes(space, density, limited=True)
        return divergence(space.metrics, fluxes), through_ends(space, fluxes)

    leaving, ends = jax.vmap(move, in_axes=(cells.space.over_momenta(), 0))(cells.space, density)
    passing = sharpened(cells, density, limited=True)
    if cells.momentum_diffusion is None:
        passing = passing + fitted_fluxes(cells, density)
    rate = cells.source - leaving - jnp.diff(passing, axis=0) / cells.log_width
    beyond = jnp.sum((passing[-1] - passing[0]) * cells.volumes)
    injected = jnp.sum(cells.source * cells.volumes[None])
    return rate, cells.log_width * (jnp.sum(ends) - injected) + beyond


def _implicit_rate(cells: ParkerCells, density: Array) -> tuple[Array, Scalar]:
    """Return dN/ds by diffusion and losses, and the rate at which particles go."""

    def spread(space, density):
        fluxes = diffusive_fluxes(space, density)
        return divergence(space.metrics, fluxes), through_ends(space, fluxes)

    leaving, ends = jax.vmap(spread, in_axes=(cells.space.over_momenta(), 0))(cells.space, density)
    lost = cells.loss * density
    gone = jnp.sum(ends) + jnp.sum(lost * cells.volumes[None])
    rate, gone = -leaving - lost, cells.log_width * gone
    if cells.momentum_diffusion is None:
        return rate, gone
    passing = fitted_fluxes(cells, density)
    beyond = jnp.sum((passing[-1] - passing[0]) * cells.volumes)
    return rate - jnp.diff(passing, axis=0) / cells.log_width, gone + beyond


def _solve_stage(cells: ParkerCells, target: Array, length: Scalar) -> Array:
    """Return the density y with y - length (dy/ds by diffusion and losses) = target."""

    def solve(space, loss, target):
        return _solve_one(space, loss, target, length)

    axes = (cells.space.over_momenta(), 0, 0)
    if cells.momentum_diffusion is not None:
        return _solve_together(cells, target, length)
    return jax.vmap(solve, in_axes=axes)(cells.space, cells.loss, target)


def _solve_together(cells: ParkerCells, target: Array, length: Scalar) -> Array:
    """Return the stage at all momenta, which diffusion in momentum couples."""

    def in_momentum(density):
        return jnp.diff(fitted_fluxes(cells, density), axis=0) / cells.log_width

    axes = (cells.space.over_momenta(), 0)
    held = jax.vmap(_spread, in_axes=axes)(cells.space, jnp.zeros_like(target))
    return solve_coupled(
        cells,
        (_spread, in_momentum),
        cells.loss + 1 / length,
        target / length - held,
        steady=False,
        guess=target,
        direct_cells=_COUPLED_CELLS,
    )


def _solve_one(space: SpatialCells, loss: Array, target: Array, length: Scalar) -> Array:
    """Return the stage at one momentum: by one tridiagonal solve in one coordinate."""
    sink = loss + 1 / length
    homogeneous = space.homogeneous()
    values = target / length - _spread(space, jnp.zeros_like(target))
    if target.ndim == 1:
        return line_matrices(space, sink, advection=False)[0].solve(values, 0)
    return solve_space(
        lambda x: _spread(homogeneous, x),
        sink,
        values,
        matrices=lambda: line_matrices(
            *jax.lax.stop_gradient((homogeneous, sink)), advection=False
        ),
        reach=1,
        guess=target,
        direct_cells=_DIRECT_CELLS,
    )


def _spread(space: SpatialCells, density: Array) -> Array:
    return divergence(space.metrics, diffusive_fluxes(space, density))


def _check_arguments(cells: ParkerCells, initial: Array, times: Array) -> None:
    """Raise for a density of another shape, or times that do not increase."""
    check_shape("evolve_parker: initial", initial, cells.shape, remedy="One number for each cell.")
    check_range("evolve_parker: number of times", times.shape[0], 2)
    if is_concrete(times):
        check_positive("evolve_parker: steps of times", np.diff(times))


def _equal_steps(times: Array, step: ScalarLike) -> Float[Array, " stop"]:
    """Return the ends of all steps, equal between two times and no longer than ``step``."""
    check_positive("evolve_parker: step", step, remedy="Leave `step` out to have it chosen.")
    ends = [times[:1]]
    for start, stop in itertools.pairwise(times.tolist()):
        num = max(1, math.ceil((stop - start) / float(step) * (1 - 1e-9)))
        ends.append(jnp.linspace(start, stop, num + 1, dtype=times.dtype)[1:])
    return jnp.concatenate(ends)


def _check_courant(cells: ParkerCells, step: ScalarLike) -> ParkerCells:
    """Return the cells; raise, when the flow is known, if it crosses a cell in one step."""
    limit = courant_limit(cells)
    error = argument_error(
        "evolve_parker: step",
        expected="at most the Courant limit"
        + (f", {float(limit):.4g} pc" if is_concrete(limit) else ""),
        got=f"{float(step):g} pc",
        remedy="The flow may not cross a cell in one step; leave `step` out to have it chosen.",
    )
    if not is_concrete(limit):
        return eqx.error_if(cells, limit < float(step), str(error))
    if float(step) > float(limit):
        raise error
    return cells
