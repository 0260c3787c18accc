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
    rigidity: ScalarLike | Float[Array, " particle"],
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
        field, particles, stop, pusher, limit.astype(dtype), max_steps, lanes, tuple(devices)
    )


def _default_lanes(devices) -> int:
    """Return lanes that fill one core's caches, or a GPU."""
    return 256 if devices[0].platform == "cpu" else 65536


@eqx.filter_jit
def _trace(field, particles, stop, pusher, limit, max_steps, lanes, devices) -> Exits:
    """Share the particles out over the devices, and take the padding off again."""
    pusher = pusher.prepare(Lorentz(field, particles.rigidity))
    if len(devices) == 1:
        return _run_lanes(field, particles, stop, pusher, limit, max_steps, lanes)
    num = particles.rigidity.shape[0]
    extra = -num % len(devices)
    padded = jax.tree.map(lambda x: jnp.concatenate([x, x[:1].repeat(extra, axis=0)]), particles)
    row, column = PartitionSpec("device"), PartitionSpec(None, "device")
    split = column if stop.shape else row
    exits = jax.shard_map(
        lambda *args: _run_lanes(*args, max_steps, lanes),
        mesh=Mesh(np.array(devices), ("device",)),
        in_specs=(PartitionSpec(), row, *[PartitionSpec()] * 3),
        out_specs=Exits(split, split, split, row, row),
        check_vma=False,
    )(field, padded, stop, pusher, limit)
    if not extra:
        return exits
    cut = lambda x: lax.slice_in_dim(x, 0, num, axis=len(stop.shape))  # noqa: E731
    return Exits(
        cut(exits.position), cut(exits.direction), cut(exits.path_length),
        exits.status[:num], exits.num_steps[:num],
    )  # fmt: skip


def _run_lanes(field, particles, stop, pusher, limit, max_steps, lanes) -> Exits:
    """Trace all particles of one device in lanes, then put them onto their stops."""
    num = particles.rigidity.shape[0]
    width = min(lanes, num)

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

    lane = start(jnp.arange(width))
    done = jax.tree.map(lambda x: jnp.zeros((num + 1, *x.shape[1:]), x.dtype), lane)
    carry = (lane, jnp.arange(width, dtype=jnp.int32), jnp.int32(width), done)
    done = lax.while_loop(lambda c: jnp.any(c[1] < num), body, carry)[3]
    done = jax.tree.map(lambda x: x[:num], done)
    return _collect(field, stop, pusher, done)


def _where(condition: Bool[Array, " lane"], new: Array, old: Array) -> Array:
    return jnp.where(condition.reshape(-1, *[1] * (new.ndim - 1)), new, old)


def _start_lane(field, stop: Stop, pusher: Pusher, particle: _Particles) -> _Lane:
    """Return the lane of a particle at its start."""
    zero = jnp.zeros((), particle.position.dtype)
    state = pusher.init(Lorentz(field, particle.rigidity), particle.position, particle.direction)
    outside = stop.levels(particle.position, particle.position, zero)[-1] >= 0
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
    beyond = stop.levels(position, lane.start, path) >= 0
    finite = jnp.isfinite(jnp.sum(position) + jnp.sum(direction))
    status = jnp.where((path >= limit) | (num_steps >= max_steps), TOO_LONG, RUNNING)
    status = jnp.where(finite, status, NOT_FINITE)
    status = jnp.where(beyond[-1], REACHED, status).astype(jnp.int32)
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


def _collect(field, stop: Stop, pusher: Pusher, lane: _Lane) -> Exits:
    """Return the exits of all lanes: on the surface where it was met, else the last state."""
    step = jax.vmap(pusher.step_length)(lane.pusher_state)
    last = (lane.position, lane.direction, lane.path, step)
    records = jax.tree.map(
        lambda early, late: jnp.concatenate([early, late[:, None]], axis=1), lane.earlier, last
    )
    reached = jnp.concatenate([lane.met, (lane.status == REACHED)[:, None]], axis=1)

    def one(index, record, met, start, rigidity):
        position, direction, path, length = record
        before = Crossing(position, direction, start, path, length, rigidity)
        on_stop = meet_stop(pusher, field, stop, index, before)
        return jax.tree.map(
            lambda new, old: jnp.where(met, new, old), on_stop, (position, direction, path)
        )

    all_stops = jax.vmap(one, in_axes=(0, 0, 0, None, None))
    indices = jnp.arange(reached.shape[1])
    position, direction, path = jax.vmap(all_stops, in_axes=(None, 0, 0, 0, 0), out_axes=1)(
        indices, records, reached, lane.start, lane.rigidity
    )
    if not stop.shape:
        position, direction, path = position[0], direction[0], path[0]
    return Exits(position, direction, path, lane.status, lane.num_steps)


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
