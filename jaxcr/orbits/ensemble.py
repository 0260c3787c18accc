"""Many orbits at once, on every device of this machine."""

import diffrax
import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, PartitionSpec
from jaxtyping import Array, Float

from jaxcr.arrays import ScalarLike
from jaxcr.checks import argument_error, as_float, checked, is_concrete
from jaxcr.fields import Field
from jaxcr.fields.field import check_field
from jaxcr.orbits.boris import Boris
from jaxcr.orbits.diffrax_pusher import DiffraxPusher
from jaxcr.orbits.exits import Exits
from jaxcr.orbits.lanes import Limits, Particles, run_lanes
from jaxcr.orbits.lorentz import Lorentz
from jaxcr.orbits.pusher import Pusher
from jaxcr.orbits.stops import Stop, check_stop


@checked
def trace_ensemble(
    field: Field,
    position: Float[Array, "*particle xyz=3"],
    direction: Float[Array, "particle xyz=3"],
    *,
    rigidity: ScalarLike | Float[Array, "..."],
    stop: Stop,
    pusher: Pusher | diffrax.AbstractAdaptiveSolver | None = None,
    electric: Field | None = None,
    rest_rigidity: ScalarLike | None = None,
    max_path_length: ScalarLike | None = None,
    max_steps: int = 10_000_000,
    lanes: int | None = None,
    refill_interval: int | None = None,
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
        Where orbits end; how a step is made (default ``Boris()``). A diffrax solver, e.g.
        ``BulirschStoer()``, stands for ``DiffraxPusher`` of it with its default tolerances.
    electric, rest_rigidity
        E over c in µG, and m c² / (Z e) in PV for particles below the speed of light: see
        ``Lorentz``. Path is then time times c, and ``direction`` momentum over that at the start.
    max_path_length, max_steps
        Orbits that meet no stop within these end with their own status; default path by the stop.
    lanes, refill_interval, devices
        Particles in flight on each device, steps between two refills, and the devices (default:
        all of this machine). None of them changes the result, not in the last bit.

    Raises
    ------
    ValueError
        For shapes that disagree, directions that are no unit vectors, a rigidity of 0, or a stop
        that no orbit can reach. Single orbits never raise: see ``Exits.status``.

    Notes
    -----
    Forward-mode differentiable in the field, rigidity, start and radius. Memory: the start and
    end states. Cost: the sum of all steps, not the number of particles times the longest orbit.
    """
    check_field("trace_ensemble: field", field)
    check_stop("trace_ensemble: stop", stop)
    direction = as_float(direction)
    dtype = direction.dtype
    particles = start_states(position, direction, rigidity)
    limit = stop.default_max_path() if max_path_length is None else as_float(max_path_length)
    _check_reach(stop, particles, max_path_length)
    motion = Lorentz(
        field,
        jnp.min(jnp.abs(particles.rigidity)),
        electric,
        None if rest_rigidity is None else as_float(rest_rigidity).astype(dtype),
    )
    engine = engine_options(lanes, refill_interval, devices)
    pusher = as_pusher(pusher)
    limits = Limits(limit.astype(dtype), jnp.int32(max_steps))
    return trace_on_devices(motion, particles, stop, pusher, limits, *engine)


def as_pusher(pusher: Pusher | diffrax.AbstractAdaptiveSolver | None) -> Pusher:
    """Return a pusher: the default, or the one that a solver stands for."""
    if pusher is None:
        return Boris()
    if isinstance(pusher, diffrax.AbstractAdaptiveSolver):
        return DiffraxPusher(pusher)
    return pusher


def start_states(position, direction, rigidity) -> Particles:
    """Return checked start states, one row for each direction."""
    _check_starts(position, direction, rigidity)
    dtype = direction.dtype
    return Particles(
        jnp.broadcast_to(as_float(position).astype(dtype), direction.shape),
        direction,
        jnp.broadcast_to(as_float(rigidity).astype(dtype), direction.shape[:1]),
    )


def engine_options(lanes, refill_interval, devices) -> tuple[int, int, tuple[jax.Device, ...]]:
    """Return lanes, refill interval and devices, each chosen by the device where not given."""
    devices = tuple(jax.local_devices() if devices is None else devices)
    # Lanes that fill one core's caches, or a GPU, whose loops cost more to go round.
    on_cpu = devices[0].platform == "cpu"
    lanes = (256 if on_cpu else 65536) if lanes is None else lanes
    refill_interval = (16 if on_cpu else 64) if refill_interval is None else refill_interval
    for name, value in (("lanes", lanes), ("refill_interval", refill_interval)):
        if value < 1:
            raise argument_error(
                f"trace_ensemble: {name}",
                expected="at least 1",
                got=str(value),
                remedy="Leave it out: it is chosen by the device.",
            )
    return lanes, refill_interval, devices


@eqx.filter_jit
def trace_on_devices(
    motion: Lorentz,
    particles: Particles,
    stop: Stop,
    pusher: Pusher,
    limits: Limits,
    lanes: int,
    refill_interval: int,
    devices: tuple[jax.Device, ...],
) -> Exits:
    """Share the particles out over the devices, and take the padding off again."""
    pusher = pusher.prepare(motion)
    num = particles.rigidity.shape[0]
    extra = -num % len(devices)
    particles = jax.tree.map(lambda x: jnp.concatenate([x, x[:1].repeat(extra, axis=0)]), particles)
    arrays, rest = eqx.partition((motion, stop, pusher, limits), eqx.is_array)
    axis = len(stop.shape)

    def run(particles, arrays):
        motion, *others = eqx.combine(arrays, rest)
        exits = run_lanes(motion, particles, *others, lanes, refill_interval)
        # Particles first on every array, the axis that devices split.
        return jax.tree.map(lambda x: jnp.moveaxis(x, axis, 0), _on_stops(exits)), _others(exits)

    # One device goes the same way as several: another program would round differently.
    row = PartitionSpec("device")
    on_stops, others = jax.shard_map(
        run,
        mesh=Mesh(np.array(devices), ("device",)),
        in_specs=(row, PartitionSpec()),
        out_specs=row,
        check_vma=False,
    )(particles, arrays)
    on_stops = [jnp.moveaxis(x[:num], 0, axis) for x in on_stops]
    return Exits(*on_stops, *(x[:num] for x in others))


def _on_stops(exits: Exits):
    """Return what is known at each stop."""
    return exits.position, exits.direction, exits.path_length, exits.met


def _others(exits: Exits):
    """Return what is known once for each particle."""
    return exits.status, exits.num_steps


def _check_starts(position, direction, rigidity) -> None:
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
    if is_concrete(rigidity) and not bool(jnp.all(as_float(rigidity) != 0)):
        raise argument_error(
            "trace_ensemble: rigidity",
            expected="a rigidity in PV other than 0",
            got="0",
            remedy="The sign is that of the charge; neutral particles go straight.",
        )
    if is_concrete(direction):
        length = np.linalg.norm(np.asarray(direction, float), axis=1)
        wrong = ~(np.abs(length - 1) < 1e-5)
        if np.any(wrong):
            raise argument_error(
                "trace_ensemble: direction",
                expected="unit vectors",
                got=f"length {length[wrong][0]:.6g} in row {np.argmax(wrong)}",
                remedy="Divide by jnp.linalg.norm(direction, axis=-1, keepdims=True).",
            )


def _check_reach(stop: Stop, particles: Particles, max_path_length) -> None:
    """Raise when the longest path is too short for every particle: no level rises faster."""
    if max_path_length is None or not is_concrete(stop, particles, max_path_length):
        return
    zero = jnp.zeros((), particles.position.dtype)
    levels = jax.vmap(lambda x: stop.levels(x, x, zero))(particles.position)
    needed = float(-jnp.max(jnp.min(levels, axis=1)))
    if needed > float(max_path_length):
        raise argument_error(
            "trace_ensemble: max_path_length",
            expected=f"at least {needed:g} pc, the shortest way to the stop",
            got=f"{float(max_path_length):g} pc",
            remedy="Give a longer path or a nearer stop.",
        )
