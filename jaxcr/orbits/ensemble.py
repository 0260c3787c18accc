"""Many orbits at once, on every device of this machine."""

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
    check_finite,
    check_positive,
    check_range,
    check_shape,
    is_concrete,
)
from jaxcr.compilation import jit_loop
from jaxcr.devices import on_each, share_out
from jaxcr.fields import Field
from jaxcr.orbits.boris import Boris
from jaxcr.orbits.diffrax_pusher import DiffraxPusher
from jaxcr.orbits.exits import Exits
from jaxcr.orbits.fixed_step import FixedStepPusher
from jaxcr.orbits.flight import Limits, Particles
from jaxcr.orbits.lanes import run_lanes
from jaxcr.orbits.lorentz import Lorentz
from jaxcr.orbits.pusher import MOST_STEPS, Pusher, check_steps
from jaxcr.orbits.stops import Stop


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
    max_steps: int = MOST_STEPS,
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
        Fields that change in time are those of the path, which is 0 at every start.
    max_path_length, max_steps
        Orbits that meet no stop within these end with their own status; default path by the stop.
    lanes, refill_interval, devices
        Particles in flight on each device, steps between two refills, and the devices (default:
        all of this machine). With the same three the same bytes come out, in any process; others
        change the rounding of an orbit, as the compiler joins products and sums differently.

    Raises
    ------
    ValueError
        For shapes that disagree, directions that are no unit vectors, a rigidity of 0, or a stop
        that no orbit can reach. Single orbits never raise: see ``Exits.status``.

    Notes
    -----
    Differentiable in the field, rigidity, start and radius, in both modes. With equal steps
    (``Boris``, ``Strang``, ``BlanesMoan4``) reverse mode walks back from the exits, and is as good
    as the start is found again: for dB = B0 and a path of 10, 30 or 100 gyroradii the median orbit
    misses it by 1e-14, 1e-10 gyroradii, or all (float64), by 7e-6, 4e-2, or all (float32). Other
    pushers make their steps once more, from 256 states on the way. Memory: the start and end
    states. Cost: the sum of all steps, not the number of particles times the longest orbit.
    """
    dtype = direction.dtype
    particles = start_states(position, direction, rigidity)
    longest, least, shortest = _at_start(stop, particles)
    limit = longest if max_path_length is None else as_float(max_path_length)
    motion = Lorentz(
        field,
        least,
        electric,
        None if rest_rigidity is None else as_float(rest_rigidity).astype(dtype),
    )
    engine = engine_options(lanes, refill_interval, devices)
    pusher = as_pusher(pusher)
    if is_concrete(stop, particles):
        shortest = float(shortest)
        _check_reach(shortest, max_path_length)
        check_path("trace_ensemble: stop", pusher, motion, shortest, max_steps)
    limits = Limits(limit.astype(dtype), jax.device_put(np.int32(max_steps)))
    return trace_on_devices(on_each(motion, engine[2]), particles, stop, pusher, limits, *engine)


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
    lanes = (128 if on_cpu else 65536) if lanes is None else lanes
    refill_interval = (16 if on_cpu else 64) if refill_interval is None else refill_interval
    for name, value in (("lanes", lanes), ("refill_interval", refill_interval)):
        remedy = "Leave it out: it is chosen by the device."
        check_range(f"trace_ensemble: {name}", value, 1.0, expected="at least 1", remedy=remedy)
    return lanes, refill_interval, devices


@jit_loop
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
    """Trace the particles, shared out over the devices."""
    common = (motion, stop, pusher.prepare(motion), limits)
    axis = len(stop.shape)

    def run(particles, common):
        exits = run_lanes(common[0], particles, *common[1:], lanes, refill_interval)
        # Particles first on every array, the axis that devices split.
        return jax.tree.map(lambda x: jnp.moveaxis(x, axis, 0), _on_stops(exits)), _others(exits)

    on_stops, others = share_out(run, particles, common, devices)
    return Exits(*(jnp.moveaxis(x, 0, axis) for x in on_stops), *others)


def _on_stops(exits: Exits):
    """Return what is known at each stop."""
    return exits.position, exits.direction, exits.path_length, exits.met


def _others(exits: Exits):
    """Return what is known once for each particle."""
    return exits.status, exits.num_steps


def check_path(
    name: str, pusher: Pusher, motion: Lorentz, path: ScalarLike, most: int = MOST_STEPS
) -> None:
    """Raise when equal steps along a path are more than anybody waits for."""
    if isinstance(pusher, FixedStepPusher) and is_concrete(pusher, motion, path):
        step = pusher.step_size
        step = _prepared(pusher, motion).step_size if step is None else step
        check_steps(
            f"{name}, over the step", max(float(path), 0.0) / float(step), max(most, MOST_STEPS)
        )


_prepared = eqx.filter_jit(lambda pusher, motion: pusher.prepare(motion))


def _check_starts(position, direction, rigidity) -> None:
    num = direction.shape[0]
    remedy = f"Directions say how many particles there are, here {num}."
    check_shape("trace_ensemble: position", position, (3,), (num, 3), remedy=remedy)
    check_shape("trace_ensemble: rigidity", rigidity, (), (num,), remedy=remedy)
    check_finite("trace_ensemble: position", position)
    if is_concrete(rigidity):
        check_positive(
            "trace_ensemble: rigidity",
            np.abs(np.asarray(rigidity)),
            expected="a rigidity in PV other than 0",
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


@eqx.filter_jit
def _at_start(stop: Stop, particles: Particles) -> tuple[Scalar, Scalar, Scalar]:
    """Return default path, least rigidity, shortest way to the stop: no level rises faster."""
    zero = jnp.zeros((), particles.position.dtype)
    levels = jax.vmap(lambda x: stop.levels(jnp.zeros_like(x), x, zero))(particles.position)
    least = jnp.min(jnp.abs(particles.rigidity))
    return stop.default_max_path(), least, -jnp.max(jnp.min(levels, axis=1))


def _check_reach(shortest: float, max_path_length: ScalarLike | None) -> None:
    """Raise when the longest path is too short for every particle."""
    if max_path_length is None or not is_concrete(max_path_length):
        return
    check_range(
        "trace_ensemble: max_path_length",
        max_path_length,
        shortest,
        expected=f"at least {shortest:g} pc, the shortest way to the stop",
        remedy="Give a longer path or a nearer stop.",
    )
