"""Many orbits at once: lanes that are handed the next particle when theirs has stopped."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.sharding import Mesh, PartitionSpec
from jaxtyping import Array, Bool, Float, Int

from jaxcr.arrays import Scalar, ScalarLike, Vector, argument_error, as_float
from jaxcr.fields import Field
from jaxcr.orbits.boris import Boris
from jaxcr.orbits.crossing import Crossing, meet_stop
from jaxcr.orbits.exits import NOT_FINITE, REACHED, RUNNING, STARTED_OUTSIDE, TOO_LONG, Exits
from jaxcr.orbits.lorentz import Lorentz
from jaxcr.orbits.pusher import Pusher
from jaxcr.orbits.stops import Stop

_STEPS_PER_REFILL = 16
_LANE_MULTIPLE = 16  # vector registers hold 16 numbers at most: no lane is a remainder


class _Particles(eqx.Module):
    """Start states of all particles."""

    position: Float[Array, "*batch xyz=3"]
    direction: Float[Array, "*batch xyz=3"]
    rigidity: Float[Array, "*batch"]


class _Lane(eqx.Module):
    """One particle under way, or the last state before its stop."""

    position: Vector
    direction: Vector
    start: Vector
    rigidity: Scalar
    path: Scalar
    pusher_state: Any
    status: Int[Array, ""]
    num_steps: Int[Array, ""]
    met: Bool[Array, " earlier_stop"]
    earlier: tuple[Any, ...]


def trace_ensemble(
    field: Field,
    position: Float[Array, "*particle xyz=3"],
    direction: Float[Array, "particle xyz=3"],
    *,
    rigidity: ScalarLike | Float[Array, "..."],
    stop: Stop,
    pusher: Pusher | None = None,
    max_path_length: ScalarLike | None = None,
    max_steps: int = 10_000_000,
    lanes: int | None = None,
    devices: list[jax.Device] | None = None,
) -> Exits:
    """Trace many particles to their stops.

    Parameters
    ----------
    position, direction
        Start in pc, ``(particle, 3)`` or one ``(3,)`` for all; unit vectors ``(particle, 3)``.
        Their type, float32 or float64, is the type of the computation.
    rigidity
        In PV with the sign of the charge, one or ``(particle,)``.
    stop, pusher
        Where orbits end; how a step is made (default ``Boris()``).
    max_path_length, max_steps
        Orbits that reach no stop within these get status ``TOO_LONG``; default path by the stop.
    lanes, devices
        Particles in flight at a time on each device, and the devices; neither changes the result.

    Raises
    ------
    ValueError
        When shapes disagree. Single orbits never raise: see ``Exits.status``.

    Notes
    -----
    Forward-mode differentiable in the field, rigidity, start and radius. Memory: the start and
    end states. Cost: the sum of all steps, not the number of particles times the longest orbit.
    """
    direction = as_float(direction)
    _check_shapes(position, direction, rigidity)
    dtype = direction.dtype
    particles = _Particles(
        jnp.broadcast_to(as_float(position).astype(dtype), direction.shape),
        direction,
        jnp.broadcast_to(as_float(rigidity).astype(dtype), direction.shape[:1]),
    )
    limit = stop.default_max_path() if max_path_length is None else as_float(max_path_length)
    devices = jax.local_devices() if devices is None else devices
    lanes = _default_lanes(devices) if lanes is None else lanes
    pusher = Boris() if pusher is None else pusher
    return _trace(
        field, particles, stop, pusher, limit.astype(dtype), jnp.int32(max_steps), lanes,
        tuple(devices),
    )  # fmt: skip


def _default_lanes(devices) -> int:
    """Return lanes that fill one core's caches, or a GPU."""
    return 256 if devices[0].platform == "cpu" else 65536


@eqx.filter_jit
def _trace(field, particles, stop, pusher, limit, max_steps, lanes, devices) -> Exits:
    """Share the particles out over the devices, and take the padding off again."""
    smallest = jnp.min(jnp.abs(particles.rigidity))
    pusher = pusher.prepare(Lorentz(field, smallest))
    num = particles.rigidity.shape[0]
    extra = -num % len(devices)
    particles = jax.tree.map(lambda x: jnp.concatenate([x, x[:1].repeat(extra, axis=0)]), particles)
    arrays, rest = eqx.partition((field, stop, pusher, limit, max_steps), eqx.is_array)

    def run(particles, arrays):
        field, *others = eqx.combine(arrays, rest)
        exits = _run_lanes(field, particles, *others, lanes)
        # Particles first on every array, the axis that devices split.
        on_stops = (exits.position, exits.direction, exits.path_length)
        axis = len(stop.shape)
        rows = tuple(jnp.moveaxis(x, axis, 0) for x in on_stops)
        return *rows, exits.status, exits.num_steps

    # One device goes the same way as several: another program would round differently.
    row = PartitionSpec("device")
    *rows, status, num_steps = jax.shard_map(
        run,
        mesh=Mesh(np.array(devices), ("device",)),
        in_specs=(row, PartitionSpec()),
        out_specs=row,
        check_vma=False,
    )(particles, arrays)
    rows = [jnp.moveaxis(x[:num], 0, len(stop.shape)) for x in rows]
    return Exits(*rows, status[:num], num_steps[:num])


def _run_lanes(field, particles, stop, pusher, limit, max_steps, lanes) -> Exits:
    """Trace all particles of one device in lanes, then put them onto their stops."""
    num = particles.rigidity.shape[0]
    width = -(-min(lanes, num) // _LANE_MULTIPLE) * _LANE_MULTIPLE

    def start(index):
        chosen = jax.tree.map(lambda x: x[index], particles)
        return jax.vmap(lambda p: _start_lane(field, stop, pusher, p))(chosen)

    def advance(lane):
        return _advance_lane(field, stop, pusher, limit, max_steps, lane)

    def body(carry):
        lane, particle, following, done = carry
        lane = lax.fori_loop(0, _STEPS_PER_REFILL, lambda _, x: jax.vmap(advance)(x), lane)
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
    return _collect(field, stop, pusher, done, width)


def _where(condition: Bool[Array, " lane"], new: Array, old: Array) -> Array:
    return jnp.where(condition.reshape(-1, *[1] * (new.ndim - 1)), new, old)


def _start_lane(field, stop: Stop, pusher: Pusher, particle: _Particles) -> _Lane:
    """Return the lane of a particle at its start."""
    zero = jnp.zeros((), particle.position.dtype)
    state = pusher.init(Lorentz(field, particle.rigidity), particle.position, particle.direction)
    outside = jnp.any(stop.levels(particle.position, particle.position, zero) >= 0)
    num_earlier = max(1, *stop.shape) - 1 if stop.shape else 0
    record = (particle.position, particle.direction, zero, pusher.step_length(state))
    return _Lane(
        position=particle.position,
        direction=particle.direction,
        start=particle.position,
        rigidity=particle.rigidity,
        path=zero,
        pusher_state=state,
        status=jnp.where(outside, jnp.int32(STARTED_OUTSIDE), jnp.int32(RUNNING)),
        num_steps=jnp.int32(0),
        met=jnp.zeros(num_earlier, bool),
        earlier=jax.tree.map(lambda x: jnp.broadcast_to(x, (num_earlier, *x.shape)), record),
    )


def _advance_lane(field, stop: Stop, pusher: Pusher, limit, max_steps, lane: _Lane) -> _Lane:
    """Try one step; keep the state before it when that step ends the orbit."""
    position, direction, length, pusher_state = pusher.step(
        Lorentz(field, lane.rigidity), lane.position, lane.direction, lane.pusher_state
    )
    path, num_steps = lane.path + length, lane.num_steps + 1
    finite = jnp.isfinite(jnp.sum(position) + jnp.sum(direction))
    beyond = (stop.levels(position, lane.start, path) >= 0) & finite
    status = jnp.where((path >= limit) | (num_steps >= max_steps), TOO_LONG, RUNNING)
    status = jnp.where(beyond[-1], REACHED, status)
    status = jnp.where(finite, status, NOT_FINITE).astype(jnp.int32)
    running = lane.status == RUNNING
    met, earlier = lane.met, lane.earlier
    if met.shape[0]:
        now = beyond[:-1] & ~met & running
        record = (lane.position, lane.direction, lane.path, pusher.step_length(lane.pusher_state))
        earlier = jax.tree.map(
            lambda old, new: _where(now, jnp.broadcast_to(new, old.shape), old), earlier, record
        )
        met = met | now
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
        earlier=earlier,
    )


def _collect(field, stop: Stop, pusher: Pusher, lane: _Lane, width: int) -> Exits:
    """Return the exits of all lanes: on the surface where it was met, else the last state."""
    before = _before_stops(pusher, lane)
    on_stops = _in_blocks(lambda x: meet_stop(pusher, field, stop, x), before, width)
    if stop.shape:
        on_stops = [x.reshape(-1, *stop.shape, *x.shape[1:]) for x in on_stops]
        on_stops = [jnp.moveaxis(x, 1, 0) for x in on_stops]
    return Exits(*on_stops, lane.status, lane.num_steps)


def _before_stops(pusher: Pusher, lane: _Lane) -> Crossing:
    """Return the state before each stop, one row for each particle and stop."""
    step = jax.vmap(pusher.step_length)(lane.pusher_state)
    last = (lane.position, lane.direction, lane.path, step)
    met = jnp.concatenate([lane.met, (lane.status == REACHED)[:, None]], axis=1)
    num, num_stops = met.shape
    per_stop = lambda x: jnp.repeat(x, num_stops, axis=0)  # noqa: E731

    def record(early, late):
        every = jnp.concatenate([early, late[:, None]], axis=1)
        every = every.reshape(num * num_stops, *late.shape[1:])
        return _where(met.ravel(), every, per_stop(late))

    records = jax.tree.map(record, lane.earlier, last)
    index = jnp.tile(jnp.arange(num_stops), num)
    return Crossing(*records, per_stop(lane.start), per_stop(lane.rigidity), index, met.ravel())


def _in_blocks(function, rows, width: int):
    """Map over rows in blocks as wide as the lanes, so that no row is rounded by its company."""
    num = jax.tree.leaves(rows)[0].shape[0]
    blocks = -(-num // width)
    index = jnp.minimum(jnp.arange(blocks * width), num - 1).reshape(blocks, width)
    out = lax.map(lambda i: jax.vmap(function)(jax.tree.map(lambda x: x[i], rows)), index)
    return [x.reshape(blocks * width, *x.shape[2:])[:num] for x in out]


def _check_shapes(position, direction, rigidity) -> None:
    num = direction.shape[0]
    for name, array, allowed in (
        ("position", position, ((3,), (num, 3))),
        ("direction", direction, ((num, 3),)),
        ("rigidity", rigidity, ((), (num,))),
    ):
        if jnp.shape(array) not in allowed:
            raise argument_error(
                f"trace_ensemble: {name}",
                expected=" or ".join(f"shape {shape}" for shape in allowed),
                got=f"shape {jnp.shape(array)}",
                remedy=f"Directions say how many particles there are, here {num}.",
            )
