"""Orbits of one length: the number of steps is known and common, so that no particle waits."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, Int

from jaxcr.arrays import Scalar
from jaxcr.fields import outside_samples
from jaxcr.orbits.crossing import Crossing
from jaxcr.orbits.exits import NOT_FINITE, REACHED, RUNNING, STEP_LIMIT, TOO_LONG
from jaxcr.orbits.fixed_step import FixedStepPusher
from jaxcr.orbits.flight import (
    Limits,
    Particles,
    row_blocks,
    shortest_step,
    start_status,
    step_status,
)
from jaxcr.orbits.lorentz import Lorentz
from jaxcr.orbits.stops import PathLength
from jaxcr.vectors import dot

_BLOCK = 8
"""Widths of lanes that are stepped together: nothing is handed out, so a turn may take longer."""
_FEW = 16
"""Steps after which it is looked whether all orbits are still under way."""


class _State(eqx.Module):
    """A particle under way, or before the step that ended its orbit; and the steps tried."""

    offset: Float[Array, "*batch xyz=3"]
    direction: Float[Array, "*batch xyz=3"]
    status: Int[Array, "*batch"]
    num_steps: Int[Array, "*batch"]


def step_together(
    motion: Lorentz,
    particles: Particles,
    stop: PathLength,
    pusher: FixedStepPusher,
    limits: Limits,
    width: int,
) -> tuple[Crossing, Int[Array, " row"], Int[Array, " particle"], Int[Array, " particle"]]:
    """Return what lanes return, in less time.

    States before stops and the steps up to there, statuses, and the number of steps tried.

    Particles are stepped together in blocks of a few ``width``: there is nothing to hand out.
    """
    step = pusher.step_size.astype(particles.position.dtype)
    lengths = jnp.atleast_1d(stop.length).astype(step.dtype)
    num_steps = _steps_before(jnp.minimum(lengths, limits.path), step, limits.steps)
    num, num_stops = particles.rigidity.shape[0], lengths.size

    def block(index):
        rows = jax.tree.map(lambda x: x[index], particles)
        return _step_block(motion, rows, pusher, step, num_steps)

    blocks = row_blocks(num, min(_BLOCK * width, num))
    at_stops, after = lax.map(block, blocks)  # (block, stop, row)
    flat = lambda x: jnp.moveaxis(x, 1, 2).reshape(-1, *x.shape[1:2], *x.shape[3:])[:num]  # noqa: E731
    at_stops, after = jax.tree.map(flat, (at_stops, after))
    met = (at_stops.status == RUNNING) & (after.status != NOT_FINITE)
    met &= (_end_of(num_steps + 1, step) >= lengths)[None]
    ended = (at_stops.status != RUNNING).astype(jnp.int32)
    whole = jnp.maximum(at_stops.num_steps - ended, 0)  # the step that ended an orbit is undone
    before = Crossing(
        offset=at_stops.offset.reshape(-1, 3),
        direction=at_stops.direction.reshape(-1, 3),
        path=_end_of(whole, step).ravel(),
        start=jnp.repeat(particles.position, num_stops, axis=0),
        rigidity=jnp.repeat(particles.rigidity, num_stops),
        length=jnp.broadcast_to(step, (num * num_stops,)),
        index=jnp.tile(jnp.arange(num_stops), num),
        met=met.ravel(),
    )
    within = _end_of(num_steps[-1] + 1, step) < limits.path
    limit = jnp.where(within, STEP_LIMIT, TOO_LONG).astype(jnp.int32)
    status = jnp.where(after.status[:, -1] == RUNNING, limit, after.status[:, -1])
    return before, whole.ravel(), jnp.where(met[:, -1], REACHED, status), after.num_steps[:, -1]


def _step_block(motion, rows: Particles, pusher, step: Scalar, num_steps: Int[Array, " stop"]):
    """Return the states before each stop and after one more step, ``(stop, row)``."""
    # Particles on the last axis: each number of a state lies side by side for all of them.
    rows = jax.tree.map(lambda x: jnp.moveaxis(x, 0, -1), rows)
    together = lambda f: jax.vmap(f, in_axes=-1, out_axes=-1)  # noqa: E731

    def start(particle):
        status = start_status(motion, particle.position)
        still = jnp.zeros_like(particle.position)
        return _State(still, particle.direction, status, jnp.int32(0))

    def push(_, state):
        return together(lambda *x: _push(motion, pusher, step, *x))(rows, state)

    def advance(_, state):
        return together(lambda *x: _advance(motion, pusher, step, *x))(rows, state)

    def hop(num, carry):
        """Make a few steps, and only where an orbit may have ended look at each of them."""
        done, state = carry
        few = jnp.minimum(_FEW, num - done)
        moved = lax.fori_loop(0, few, push, state)
        return done + few, lax.cond(
            jnp.all(together(lambda *x: _surely_running(motion, *x, step))(rows, moved)),
            lambda: moved,
            lambda: lax.fori_loop(0, few, advance, state),
        )

    def stretch(carry, num):
        carry = lax.while_loop(lambda x: x[0] < num, lambda x: hop(num, x), carry)
        return carry, (carry[1], advance(0, carry[1]))

    states = lax.scan(stretch, (jnp.int32(0), together(start)(rows)), num_steps)[1]
    return jax.tree.map(lambda x: jnp.moveaxis(x, -1, 1), states)


def _surely_running(motion: Lorentz, particle: Particles, after: _State, step: Scalar):
    """Return whether a particle that was under way is so after a few steps, and was in between."""
    reach = _FEW * step
    known = jnp.isfinite(dot(particle.position + after.offset, after.direction))
    sure = known & (step >= shortest_step(jnp.max(jnp.abs(after.offset)) + reach))
    for corner in (-reach, reach):
        outside = outside_samples(motion.field, particle.position + after.offset + corner)
        sure = sure if outside is None else sure & ~outside
    return sure & (after.status == RUNNING)


def _push(motion, pusher, step: Scalar, particle: Particles, state: _State) -> _State:
    """Return the state after a step, wherever that leads."""
    here = motion.with_rigidity(particle.rigidity).about(particle.position)
    here = here.after(_end_of(state.num_steps, step))
    # Behind a barrier: else the field would be gathered again wherever the step is used.
    place = lax.optimization_barrier(pusher.advance(here, state.offset, state.direction, step))
    return _State(*place, state.status, state.num_steps + 1)


def _advance(motion, pusher, step: Scalar, particle: Particles, state: _State) -> _State:
    """Return the state after a step, or before it where that ends the orbit."""
    after = _push(motion, pusher, step, particle, state)
    status = step_status(motion, particle.position, after.offset, after.direction, step)
    running = state.status == RUNNING
    moved = running & (status == RUNNING)
    return _State(
        jnp.where(moved, after.offset, state.offset),
        jnp.where(moved, after.direction, state.direction),
        jnp.where(running, status, state.status),
        jnp.where(running, after.num_steps, state.num_steps),
    )


def _steps_before(path: Float[Array, " stop"], step: Scalar, most: Int[Array, ""]):
    """Return the number of whole steps that end before each path, less than ``most``."""
    num = jnp.floor(path / step)
    num = jnp.where(jnp.isfinite(num), jnp.minimum(num, most.astype(num.dtype)), 0)
    num = num.astype(jnp.int32)
    # The quotient is rounded; it is where a step ends that counts.
    ends = [(_end_of(num + i, step) < path).astype(jnp.int32) for i in (0, 1)]
    return jnp.clip(num - 1 + sum(ends), 0, most - 1)


def _end_of(num_steps: Int[Array, "..."], step: Scalar) -> Float[Array, "..."]:
    """Return the path after so many steps."""
    return num_steps.astype(step.dtype) * step
