"""The engine: lanes that are handed the next particle when theirs has stopped."""

import dataclasses
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Bool, Float, Int

from jaxcr.arrays import Scalar
from jaxcr.orbits.crossing import BeforeStep, Crossing, find_beyond, may_have_met, meet_stop
from jaxcr.orbits.equal_steps import step_together
from jaxcr.orbits.exits import (
    LOOKED,
    NOT_FINITE,
    REACHED,
    RUNNING,
    STARTED_OUTSIDE,
    STEP_LIMIT,
    TOO_LONG,
    TURNED,
    Exits,
)
from jaxcr.orbits.fixed_step import FixedStepPusher
from jaxcr.orbits.flight import Limits, Particles, row_blocks, start_status, step_status
from jaxcr.orbits.lorentz import Lorentz, compensated_sum
from jaxcr.orbits.pusher import Pusher
from jaxcr.orbits.retrace import End, attach
from jaxcr.orbits.stops import PathLength, Stop

_LANE_MULTIPLE = 16  # vector registers hold 16 numbers at most: no lane is a remainder


class _Record(eqx.Module):
    """A state before a step, the length of that step, and how many led there."""

    offset: Float[Array, "*batch xyz=3"]
    direction: Float[Array, "*batch xyz=3"]
    path: Float[Array, "*batch"]
    length: Float[Array, "*batch"]
    made: Int[Array, "*batch"]


class _Lane(BeforeStep):
    """One particle under way, or the last state before its end.

    Its place is the offset from its start, so that short steps are the same far from the origin;
    ``path_lost`` is what rounding took from the sum of all steps; ``made`` counts those that the
    pusher made, rejected ones among them, and ``num_steps`` also the ones that were looked into.
    """

    path_lost: Scalar
    pusher_state: Any
    status: Int[Array, ""]
    num_steps: Int[Array, ""]
    made: Int[Array, ""]
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
    given = _constant((motion, particles, stop, pusher, limits))
    width = -(-min(lanes, particles.rigidity.shape[0]) // _LANE_MULTIPLE) * _LANE_MULTIPLE
    if isinstance(pusher, FixedStepPusher) and isinstance(stop, PathLength):
        before, num_steps, *ends = step_together(*given, width)
    else:
        before, num_steps, *ends = _fill_lanes(*given, width, refill_interval)
    before = _as_function(pusher, motion, particles, before, num_steps)
    return _collect(motion, stop, pusher, before, ends, width)


def _constant(tree):
    """Return a tree of which nothing is differentiated."""
    arrays, rest = eqx.partition(tree, eqx.is_inexact_array)
    return eqx.combine(lax.stop_gradient(arrays), rest)


def _as_function(pusher: Pusher, motion: Lorentz, particles: Particles, found: Crossing, num_steps):
    """Return states before stops as a function of what the orbits began with."""
    num_stops = found.met.shape[0] // particles.rigidity.shape[0]
    start = jax.tree.map(lambda x: jnp.repeat(x, num_stops, axis=0), particles)
    end = End(found.offset, found.direction, found.path, num_steps)
    offset, direction, path = attach((pusher, motion), start, end)
    state = {"offset": offset, "direction": direction, "path": path}
    return dataclasses.replace(found, start=start.position, rigidity=start.rigidity, **state)


def _fill_lanes(
    motion: Lorentz,
    particles: Particles,
    stop: Stop,
    pusher: Pusher,
    limits: Limits,
    width: int,
    refill_interval: int,
) -> tuple[Crossing, Int[Array, " row"], Int[Array, " particle"], Int[Array, " particle"]]:
    """Return the states before stops, steps up to there, how orbits ended and after how many."""
    num = particles.rigidity.shape[0]

    def start(index):
        chosen = jax.tree.map(lambda x: x[index], particles)
        return jax.vmap(lambda p: _start_lane(motion, stop, pusher, p))(chosen)

    def advance(_, lane):
        one = lambda x: _advance_lane(motion, stop, pusher, limits, x)  # noqa: E731
        return jax.vmap(one, in_axes=-1, out_axes=-1)(lane)

    def look(lane):
        return jax.vmap(lambda x: _look_within(motion, stop, pusher, x))(lane)

    def body(carry):
        lane, particle, following, done = carry
        # Lanes on the last axis: each number of a state lies side by side for all of them.
        lane = jax.tree.map(lambda x: jnp.moveaxis(x, 0, -1), lane)
        lane = lax.fori_loop(0, refill_interval, advance, lane)
        lane = jax.tree.map(lambda x: jnp.moveaxis(x, -1, 0), lane)
        lane = lax.cond(jnp.any(lane.status == TURNED), look, lambda x: x, lane)
        ended = lane.status > RUNNING
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
    return *_before_stops(pusher, done), done.status, done.num_steps


def _where(condition: Bool[Array, " row"], new: Array, old: Array) -> Array:
    return jnp.where(condition.reshape(-1, *[1] * (new.ndim - 1)), new, old)


def _start_lane(motion: Lorentz, stop: Stop, pusher: Pusher, particle: Particles) -> _Lane:
    """Return the lane of a particle at its start."""
    start, direction = particle.position, particle.direction
    zero, offset = jnp.zeros((), start.dtype), jnp.zeros_like(start)
    state = pusher.init(motion.with_rigidity(particle.rigidity).about(start), offset, direction)
    beyond = jnp.any(stop.levels(offset, start, zero) >= 0)
    status = jnp.where(beyond, STARTED_OUTSIDE, start_status(motion, start)).astype(jnp.int32)
    records, met = None, None
    if stop.shape:
        met = jnp.zeros(stop.shape, bool)
        one = _Record(offset, direction, zero, pusher.step_length(state), jnp.int32(0))
        records = jax.tree.map(lambda x: jnp.broadcast_to(x, (*stop.shape, *x.shape)), one)
    return _Lane(
        offset=offset,
        direction=direction,
        start=start,
        rigidity=particle.rigidity,
        path=zero,
        path_lost=zero,
        pusher_state=state,
        status=status,
        num_steps=jnp.int32(0),
        made=jnp.int32(0),
        met=met,
        records=records,
    )


def _advance_lane(
    motion: Lorentz, stop: Stop, pusher: Pusher, limits: Limits, lane: _Lane
) -> _Lane:
    """Try one step; keep the state before it when that ends the orbit, or may have."""
    after = _try_step(motion, pusher, lane)
    turned = jnp.any(may_have_met(motion, stop, lane, after[:3]) & _unmet(stop, lane))
    turned &= lane.status != LOOKED
    return _after_step(motion, stop, pusher, limits, lane, after, turned)


def _try_step(motion: Lorentz, pusher: Pusher, lane: _Lane):
    """Return offset, direction, length and the pusher's state after one step."""
    here = motion.with_rigidity(lane.rigidity).about(lane.start).after(lane.path)
    # Behind a barrier: compiled together with the stop, a step would be rounded by its company.
    return lax.optimization_barrier(
        pusher.step(here, lane.offset, lane.direction, lane.pusher_state)
    )


def _after_step(motion, stop, pusher, limits, lane: _Lane, after, turned) -> _Lane:
    """Return the lane after a step, or before it where that ends the orbit or ``turned``."""
    offset, direction, length, pusher_state = after
    path, path_lost = compensated_sum(lane.path, lane.path_lost, length)
    num_steps = lane.num_steps + 1
    running = (lane.status == RUNNING) | (lane.status == LOOKED)
    step_ended = step_status(motion, lane.start, offset, direction, length)
    finite = step_ended != NOT_FINITE
    beyond = (stop.levels(offset, lane.start, path) >= 0) & finite & ~turned
    status = jnp.where(num_steps >= limits.steps, STEP_LIMIT, RUNNING)
    status = jnp.where(path < limits.path, status, TOO_LONG)  # also where the limit is NaN
    status = jnp.where(step_ended == RUNNING, status, step_ended)
    status = jnp.where(jnp.all(beyond if lane.met is None else beyond | lane.met), REACHED, status)
    status = jnp.where(turned & finite, TURNED, status)
    # Behind a barrier: else every select below would decide all this again.
    status = lax.optimization_barrier(status.astype(jnp.int32))
    records, met = lane.records, lane.met
    if met is not None:
        now = beyond & running & ~met
        met = met | now
        records = _recorded(lane, now, pusher.step_length(lane.pusher_state))
    moved = running & (status == RUNNING)
    keep = lambda new, old: jnp.where(moved, new, old)  # noqa: E731
    return _Lane(
        offset=keep(offset, lane.offset),
        direction=keep(direction, lane.direction),
        start=lane.start,
        rigidity=lane.rigidity,
        path=keep(path, lane.path),
        path_lost=keep(path_lost, lane.path_lost),
        pusher_state=jax.tree.map(keep, pusher_state, lane.pusher_state),
        status=jnp.where(running, status, lane.status),
        num_steps=jnp.where(running, num_steps, lane.num_steps),
        made=lane.made + moved.astype(jnp.int32),
        met=met,
        records=records,
    )


def _recorded(lane: _Lane, now: Bool[Array, " stop"], length: Array) -> _Record:
    """Return the records, of which some are made now; one length, or one for each stop."""
    before = (lane.offset, lane.direction, lane.path, length, lane.made)
    old = jax.tree.leaves(lane.records)
    taken = [_where(now, jnp.broadcast_to(a, b.shape), b) for a, b in zip(before, old, strict=True)]
    return _Record(*taken)


def _unmet(stop: Stop, lane: _Lane) -> Bool[Array, " surface"] | bool:
    """Return for each surface whether its stop is still to be met."""
    return True if lane.met is None else ~lane.met[jnp.array(stop.owners)]


def _look_within(motion, stop, pusher, lane: _Lane) -> _Lane:
    """Return a lane in which `may_have_met` was so: met within the step, or to go on from it."""
    here = motion.with_rigidity(lane.rigidity).about(lane.start).after(lane.path)
    length = pusher.step_length(lane.pusher_state)
    after = pusher.advance(here, lane.offset, lane.direction, length)
    lengths = find_beyond(motion, stop, pusher, lane, (*lax.optimization_barrier(after), length))
    hit = stop.by_stop(lengths, lambda x: jnp.min(jnp.where(x > 0, x, jnp.inf)))
    now = (hit > 0) & (hit < jnp.inf)
    if lane.met is None:
        cut = pusher.shortened(lane.pusher_state, hit[0])
        ended = eqx.tree_at(lambda x: (x.status, x.pusher_state), lane, (jnp.int32(REACHED), cut))
        on = eqx.tree_at(lambda x: x.status, lane, jnp.int32(LOOKED))
        looked = jax.tree.map(lambda a, b: jnp.where(now[0], a, b), ended, on)
    else:
        now &= ~lane.met
        looked = eqx.tree_at(
            lambda x: (x.status, x.met, x.records),
            lane,
            (jnp.int32(LOOKED), lane.met | now, _recorded(lane, now, hit)),
        )
    return jax.tree.map(lambda a, b: jnp.where(lane.status == TURNED, a, b), looked, lane)


def _collect(motion, stop: Stop, pusher: Pusher, before: Crossing, ends, width: int) -> Exits:
    """Return all exits: on the surface where it was met, else the last state."""
    offset, *others = _in_blocks(lambda x: meet_stop(pusher, motion, stop, x), before, width)
    arrays = [before.start + offset, *others, before.met]
    if stop.shape:
        arrays = [x.reshape(-1, *stop.shape, *x.shape[1:]) for x in arrays]
        arrays = [jnp.moveaxis(x, 1, 0) for x in arrays]
    return Exits(*arrays, *ends)


def _before_stops(pusher: Pusher, lane: _Lane) -> tuple[Crossing, Int[Array, " row"]]:
    """Return the state before each stop and the steps made, a row for each particle and stop."""
    step = jax.vmap(pusher.step_length)(lane.pusher_state)
    last = _Record(lane.offset, lane.direction, lane.path, step, lane.made)
    all_met = (lane.status == REACHED)[:, None] if lane.met is None else lane.met
    num, num_stops = all_met.shape
    met = all_met.ravel()
    per_stop = lambda x: jnp.repeat(x, num_stops, axis=0)  # noqa: E731
    records = jax.tree.map(per_stop, last)
    if lane.records is not None:
        rows = jax.tree.map(lambda x: x.reshape(num * num_stops, *x.shape[2:]), lane.records)
        records = jax.tree.map(lambda a, b: _where(met, a, b), rows, records)
    before = Crossing(
        offset=records.offset,
        direction=records.direction,
        path=records.path,
        length=records.length,
        start=per_stop(lane.start),
        rigidity=per_stop(lane.rigidity),
        index=jnp.tile(jnp.arange(num_stops), num),
        met=met,
    )
    return before, records.made


def _in_blocks(function, rows, width: int):
    """Map over rows in blocks as wide as the lanes, so that no row is rounded by its company."""
    num = jax.tree.leaves(rows)[0].shape[0]
    one = lambda i: jax.vmap(function)(jax.tree.map(lambda x: x[i], rows))  # noqa: E731
    out = lax.map(one, row_blocks(num, width))
    return [x.reshape(-1, *x.shape[2:])[:num] for x in out]
