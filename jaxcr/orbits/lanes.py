"""The engine: lanes that are handed the next particle when theirs has stopped."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Bool, Float, Int

from jaxcr.arrays import Scalar, Vector
from jaxcr.fields import outside_samples
from jaxcr.orbits.crossing import Crossing, meet_stop
from jaxcr.orbits.exits import (
    LEFT_BOX,
    NOT_FINITE,
    REACHED,
    RUNNING,
    STARTED_OUTSIDE,
    STEP_LIMIT,
    TOO_LONG,
    Exits,
)
from jaxcr.orbits.lorentz import Lorentz
from jaxcr.orbits.pusher import Pusher
from jaxcr.orbits.stops import Stop
from jaxcr.vectors import dot

_LANE_MULTIPLE = 16  # vector registers hold 16 numbers at most: no lane is a remainder


class Particles(eqx.Module):
    """Start states of all particles."""

    position: Float[Array, "*batch xyz=3"]
    direction: Float[Array, "*batch xyz=3"]
    rigidity: Float[Array, "*batch"]


class Limits(eqx.Module):
    """What ends an orbit that meets no stop: path in pc, and number of steps."""

    path: Scalar
    steps: Int[Array, ""]


class _Record(eqx.Module):
    """A state before a step, and the length of that step."""

    position: Float[Array, "*batch xyz=3"]
    direction: Float[Array, "*batch xyz=3"]
    path: Float[Array, "*batch"]
    length: Float[Array, "*batch"]


class _Lane(eqx.Module):
    """One particle under way, or the last state before its end."""

    position: Vector
    direction: Vector
    start: Vector
    rigidity: Scalar
    path: Scalar
    pusher_state: Any
    status: Int[Array, ""]
    num_steps: Int[Array, ""]
    met: Bool[Array, " stop"] | None
    records: _Record | None


def run_lanes(
    motion: Lorentz,
    particles: Particles,
    stop: Stop,
    pusher: Pusher,
    limits: Limits,
    lanes: int,
    refill_interval: int,
) -> Exits:
    """Trace all particles of one device in lanes, then put them onto their stops."""
    num = particles.rigidity.shape[0]
    width = -(-min(lanes, num) // _LANE_MULTIPLE) * _LANE_MULTIPLE

    def start(index):
        chosen = jax.tree.map(lambda x: x[index], particles)
        return jax.vmap(lambda p: _start_lane(motion, stop, pusher, p))(chosen)

    def advance(_, lane):
        return jax.vmap(lambda x: _advance_lane(motion, stop, pusher, limits, x))(lane)

    def body(carry):
        lane, particle, following, done = carry
        lane = lax.fori_loop(0, refill_interval, advance, lane)
        ended = lane.status != RUNNING
        # Rows of lanes that are not to be written go to one spare row behind the last particle.
        row = jnp.where(ended, particle, num)
        done = jax.tree.map(lambda all_, new: all_.at[row].set(new), done, lane)
        new = following + jnp.cumsum(ended, dtype=jnp.int32) - 1
        taken = ended & (new < num)
        fresh = start(jnp.where(taken, new, 0))
        lane = jax.tree.map(lambda a, b: _where(taken, a, b), fresh, lane)
        particle = jnp.where(ended, jnp.where(taken, new, num), particle)
        return lane, particle, following + jnp.sum(ended, dtype=jnp.int32), done

    particle = jnp.minimum(jnp.arange(width, dtype=jnp.int32), num)
    lane = start(jnp.minimum(particle, num - 1))
    done = jax.tree.map(lambda x: jnp.zeros((num + 1, *x.shape[1:]), x.dtype), lane)
    carry = (lane, particle, jnp.int32(width), done)
    done = lax.while_loop(lambda c: jnp.any(c[1] < num), body, carry)[3]
    done = jax.tree.map(lambda x: x[:num], done)
    return _collect(motion, stop, pusher, done, width)


def _where(condition: Bool[Array, " row"], new: Array, old: Array) -> Array:
    return jnp.where(condition.reshape(-1, *[1] * (new.ndim - 1)), new, old)


def _start_lane(motion: Lorentz, stop: Stop, pusher: Pusher, particle: Particles) -> _Lane:
    """Return the lane of a particle at its start."""
    position, direction = particle.position, particle.direction
    zero = jnp.zeros((), position.dtype)
    state = pusher.init(motion.with_rigidity(particle.rigidity), position, direction)
    levels = stop.levels(position, position, zero)
    outside_box = outside_samples(motion.field, position)
    status = (
        jnp.int32(RUNNING) if outside_box is None else jnp.where(outside_box, LEFT_BOX, RUNNING)
    )
    status = jnp.where(jnp.any(levels >= 0), STARTED_OUTSIDE, status).astype(jnp.int32)
    records, met = None, None
    if stop.shape:
        met = jnp.zeros(stop.shape, bool)
        one = _Record(position, direction, zero, pusher.step_length(state))
        records = jax.tree.map(lambda x: jnp.broadcast_to(x, (*stop.shape, *x.shape)), one)
    return _Lane(
        position=position,
        direction=direction,
        start=position,
        rigidity=particle.rigidity,
        path=zero,
        pusher_state=state,
        status=status.astype(jnp.int32),
        num_steps=jnp.int32(0),
        met=met,
        records=records,
    )


def _advance_lane(
    motion: Lorentz, stop: Stop, pusher: Pusher, limits: Limits, lane: _Lane
) -> _Lane:
    """Try one step; keep the state before it when that step ends the orbit."""
    # Behind a barrier: compiled together with the stop, a step would be rounded by its company.
    position, direction, length, pusher_state = lax.optimization_barrier(
        pusher.step(
            motion.with_rigidity(lane.rigidity), lane.position, lane.direction, lane.pusher_state
        )
    )
    path, num_steps = lane.path + length, lane.num_steps + 1
    running = lane.status == RUNNING
    finite = jnp.isfinite(dot(position, direction))
    beyond = (stop.levels(position, lane.start, path) >= 0) & finite
    status = jnp.where(num_steps >= limits.steps, STEP_LIMIT, RUNNING)
    status = jnp.where(path >= limits.path, TOO_LONG, status)
    outside_box = outside_samples(motion.field, position)
    if outside_box is not None:
        status = jnp.where(outside_box, LEFT_BOX, status)
    status = jnp.where(jnp.all(beyond if lane.met is None else beyond | lane.met), REACHED, status)
    # Behind a barrier: else every select below would decide all this again.
    status = lax.optimization_barrier(jnp.where(finite, status, NOT_FINITE).astype(jnp.int32))
    records, met = lane.records, lane.met
    if met is not None:
        now = beyond & running & ~met
        met = met | now
        step = pusher.step_length(lane.pusher_state)
        before = _Record(lane.position, lane.direction, lane.path, step)
        records = jax.tree.map(
            lambda old, new: _where(now, jnp.broadcast_to(new, old.shape), old), records, before
        )
    moved = running & (status == RUNNING)
    keep = lambda new, old: jnp.where(moved, new, old)  # noqa: E731
    return _Lane(
        position=keep(position, lane.position),
        direction=keep(direction, lane.direction),
        start=lane.start,
        rigidity=lane.rigidity,
        path=keep(path, lane.path),
        pusher_state=jax.tree.map(keep, pusher_state, lane.pusher_state),
        status=jnp.where(running, status, lane.status),
        num_steps=jnp.where(running, num_steps, lane.num_steps),
        met=met,
        records=records,
    )


def _collect(motion: Lorentz, stop: Stop, pusher: Pusher, lane: _Lane, width: int) -> Exits:
    """Return the exits of all lanes: on the surface where it was met, else the last state."""
    before = _before_stops(pusher, lane)
    on_stops = _in_blocks(lambda x: meet_stop(pusher, motion, stop, x), before, width)
    arrays = [*on_stops, before.met]
    if stop.shape:
        arrays = [x.reshape(-1, *stop.shape, *x.shape[1:]) for x in arrays]
        arrays = [jnp.moveaxis(x, 1, 0) for x in arrays]
    return Exits(*arrays, lane.status, lane.num_steps)


def _before_stops(pusher: Pusher, lane: _Lane) -> Crossing:
    """Return the state before each stop, one row for each particle and stop."""
    step = jax.vmap(pusher.step_length)(lane.pusher_state)
    last = _Record(lane.position, lane.direction, lane.path, step)
    all_met = (lane.status == REACHED)[:, None] if lane.met is None else lane.met
    num, num_stops = all_met.shape
    met = all_met.ravel()
    per_stop = lambda x: jnp.repeat(x, num_stops, axis=0)  # noqa: E731
    records = jax.tree.map(per_stop, last)
    if lane.records is not None:
        rows = jax.tree.map(lambda x: x.reshape(num * num_stops, *x.shape[2:]), lane.records)
        records = jax.tree.map(lambda a, b: _where(met, a, b), rows, records)
    return Crossing(
        position=records.position,
        direction=records.direction,
        path=records.path,
        length=records.length,
        start=per_stop(lane.start),
        rigidity=per_stop(lane.rigidity),
        index=jnp.tile(jnp.arange(num_stops), num),
        met=met,
    )


def _in_blocks(function, rows, width: int):
    """Map over rows in blocks as wide as the lanes, so that no row is rounded by its company."""
    num = jax.tree.leaves(rows)[0].shape[0]
    blocks = -(-num // width)
    index = jnp.minimum(jnp.arange(blocks * width), num - 1).reshape(blocks, width)
    out = lax.map(lambda i: jax.vmap(function)(jax.tree.map(lambda x: x[i], rows)), index)
    return [x.reshape(blocks * width, *x.shape[2:])[:num] for x in out]
