"""Densities by pseudo-particles: at one point back in time, in all cells forward in time."""

import math
from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
from jax import lax
from jaxtyping import Array, Float, Key

from jaxcr.arrays import Scalar, ScalarLike
from jaxcr.checks import argument_error, as_float
from jaxcr.kinetic.parker.boundaries import Prescribed
from jaxcr.kinetic.parker.cells import discretise
from jaxcr.kinetic.parker.problem import ParkerProblem
from jaxcr.kinetic.stochastic.directions import Backward, Forward
from jaxcr.kinetic.stochastic.ends import absorbing_faces, on_face
from jaxcr.kinetic.stochastic.forward import check_start, check_steps
from jaxcr.kinetic.stochastic.sources import cell_index, draw_particles, source_function
from jaxcr.kinetic.stochastic.steps import (
    FAILED,
    PseudoParticle,
    advance,
    draw_noise,
    start_at,
    weight_arrived,
)
from jaxcr.statistics import Estimate

Position = Float[Array, " axis"]


class PseudoParticleDensity(eqx.Module):
    """A density with standard errors, and where the weight went.

    Attributes
    ----------
    density
        N, particles per volume and per ln p.
    inside
        Mean weight after the last step. A steady state needs a duration that leaves little.
    through_ends, through_momenta
        Mean weight at the ends of each axis, (axis, 2), and of momentum, (2,): forward, the share
        of the injected particles; backward, what a density of one there adds to N.
    """

    density: Estimate
    inside: Scalar
    through_ends: Float[Array, "axis end=2"]
    through_momenta: Float[Array, "end=2"]


def pseudo_particle_density(
    problem: ParkerProblem,
    position: Position,
    momentum: ScalarLike | None = None,
    *,
    key: Key[Array, ""],
    num_particles: int,
    duration: ScalarLike,
    num_steps: int,
    initial: Callable[[Position, Scalar], Array] | None = None,
    num_groups: int = 20,
) -> PseudoParticleDensity:
    """Return the density N at one point by paths that run back from it.

    N = < int w S ds + w N(end reached) + w N(initial) >, with the weight w of Feynman and Kac.

    Parameters
    ----------
    position, momentum
        Where N is wanted, in pc, (axis,), and in the unit of the grid of momenta.
    num_particles, duration, num_steps
        Paths, their length in pc, and their equal steps.
    initial
        Density at the beginning of ``duration``, from position and momentum; empty by default.
        A steady state is reached when little weight is left inside.
    num_groups
        Of paths, for the standard error.

    Raises
    ------
    ValueError
        If the point lies outside the grid, the momentum does not match the problem, the duration
        is not positive, or ``num_groups`` does not divide ``num_particles``.
    RuntimeError
        If a path fails, for kappa that is not positive definite or coefficients that are nan.

    Notes
    -----
    Weak order one in the step, see ``pseudo_particles``; a step must also be shorter than the
    source is wide. A source given cell by cell is constant within a cell. Paths at a ``continued``
    end of the momenta stay there with the weight of the power law. The estimate is a continuous
    function of all numbers at fixed ``key``, and so is its derivative an unbiased one, except
    for a source by cells or with jumps. Source: Zhang, ApJ 513 (1999) 409.
    """
    dtype = problem.grid.dtype
    name = "pseudo_particle_density"
    position = as_float(position).astype(dtype)
    momentum = check_start(name, problem, position, momentum)
    duration = check_steps(name, duration, num_steps).astype(dtype)
    _check_groups(name, num_particles, num_groups)
    return _trace_back(
        problem, position, momentum, key, duration, num_steps, num_particles, num_groups, initial
    )


def residence_density(
    problem: ParkerProblem,
    *,
    key: Key[Array, ""],
    num_particles: int,
    duration: ScalarLike,
    num_steps: int,
    num_groups: int = 20,
) -> PseudoParticleDensity:
    """Return the steady density in every cell: the time that injected particles spend there.

    N = (source rate) <int w ds in the cell> / (its volume and width in ln p), (momentum, ...).

    Parameters
    ----------
    num_particles, duration, num_steps
        Particles drawn from the source, their path in pc, and their equal steps. ``duration`` must
        leave little weight inside.
    num_groups
        Of particles, for the standard errors.

    Raises
    ------
    ValueError
        If the problem has no source, has a prescribed or continued end through which particles
        enter, the duration is not positive, or ``num_groups`` does not divide ``num_particles``.
    RuntimeError
        If a particle fails, see ``pseudo_particle_density``.

    Notes
    -----
    The source is that of ``solve_parker``: constant over cells. Not differentiable, since
    particles jump from cell to cell: derivatives are those of ``pseudo_particle_density``. Steps
    must be short against the cells.
    """
    name = "residence_density"
    ends = [end for pair in problem.boundaries for end in pair]
    entering = any(isinstance(end, Prescribed) for end in ends)
    if problem.momentum is not None:
        entering = entering or problem.momentum.continued
    if problem.source is None or entering:
        raise argument_error(
            f"{name}: problem",
            expected="a source, and no other way in",
            got="no source" if problem.source is None else "a prescribed or continued end",
            remedy="Use pseudo_particle_density.",
        )
    duration = check_steps(name, duration, num_steps).astype(problem.grid.dtype)
    _check_groups(name, num_particles, num_groups)
    estimate = _reside(problem, key, duration, num_steps, num_particles, num_groups)
    return lax.stop_gradient(estimate)


@eqx.filter_jit
def _trace_back(
    problem, position, momentum, key, duration, num_steps, num_particles, num_groups, initial
):
    """Return the density; compiled once for each shape and number of steps."""
    step = duration / num_steps
    source = source_function(problem)

    def move(state, noise):
        particle, value, emission = state
        moved, part = advance(Backward(), problem, particle, noise, step)
        arrived = weight_arrived(problem, particle, moved)
        place, momentum = moved.position, jnp.exp(moved.log_momentum)
        following = source(place, momentum)
        value = value + step * part / 2 * (particle.weight * emission + arrived * following)
        ended = moved.through_ends - particle.through_ends
        for axis, end, condition, edge, _ in absorbing_faces(problem):
            held = condition.density(on_face(place, axis, edge), momentum)
            value = value + ended[axis, end] * held
        return moved, value, following

    @jax.checkpoint
    def one_step(states, step_key):
        noise = draw_noise(problem, step_key, num_particles)
        return jax.vmap(move)(states, noise), None

    first = (start_at(position, jnp.log(momentum)), jnp.zeros_like(momentum),
             source(position, momentum))  # fmt: skip
    states = jax.tree.map(lambda x: jnp.broadcast_to(x, (num_particles, *x.shape)), first)
    (last, values, _), _ = lax.scan(one_step, states, jr.split(key, num_steps))
    if initial is not None:
        held = jax.vmap(initial)(last.position, jnp.exp(last.log_momentum))
        values = values + last.weight * held.astype(values.dtype)
    means = jnp.mean(values.reshape(num_groups, -1), axis=1)
    return _summary("pseudo_particle_density", means, last)


@eqx.filter_jit
def _reside(problem, key, duration, num_steps, num_particles, num_groups):
    """Return the density in all cells; compiled as ``_trace_back`` is."""
    step = duration / num_steps
    source = discretise(problem).source
    width = 1.0 if problem.momentum is None else problem.momentum.log_width
    measure = problem.grid.volumes()[None] * width
    draw_key, walk_key = jr.split(key)
    particles = draw_particles(problem, source * measure, draw_key, num_particles)
    group = jnp.arange(num_particles) // (num_particles // num_groups)

    def add(times, particles, amounts):
        cells = jax.vmap(lambda x: cell_index(problem, x.position, x.log_momentum))(particles)
        return times.at[(group, *cells)].add(amounts)

    def walk(particle, noise):
        return advance(Forward(), problem, particle, noise, step)

    def one_step(state, step_key):
        particles, times = state
        noise = draw_noise(problem, step_key, num_particles)
        moved, part = jax.vmap(walk)(particles, noise)
        arrived = jax.vmap(lambda a, b: weight_arrived(problem, a, b))(particles, moved)
        times = add(times, particles, step / 2 * part * particles.weight)
        return (moved, add(times, moved, step / 2 * part * arrived)), None

    times = jnp.zeros((num_groups, *source.shape), source.dtype)
    (last, times), _ = lax.scan(one_step, (particles, times), jr.split(walk_key, num_steps))
    rate = jnp.sum(source * measure)
    density = times * (num_groups / num_particles) * rate / measure[None]
    return _summary("residence_density", density, last)


def _summary(name: str, means: Array, last: PseudoParticle) -> PseudoParticleDensity:
    """Return the results from the means of groups; raise if a particle has failed."""
    means = eqx.error_if(
        means,
        jnp.any(last.status == FAILED),
        f"{name}: a pseudo-particle has failed. kappa must be positive definite and all "
        "coefficients finite on the whole grid.",
    )
    error = jnp.std(means, axis=0, ddof=1) / math.sqrt(means.shape[0])
    return PseudoParticleDensity(
        Estimate(jnp.mean(means, axis=0), error),
        jnp.mean(last.weight),
        jnp.mean(last.through_ends, axis=0),
        jnp.mean(last.through_momenta, axis=0),
    )


def _check_groups(name: str, num_particles: int, num_groups: int) -> None:
    """Raise unless the particles form two or more equal groups."""
    if num_groups < 2 or num_particles < 1 or num_particles % num_groups:
        raise argument_error(
            f"{name}: num_particles, num_groups",
            expected="at least 2 groups, whose number divides that of the particles",
            got=f"{num_particles} and {num_groups}",
            remedy="Standard errors are those of the means over groups.",
        )
