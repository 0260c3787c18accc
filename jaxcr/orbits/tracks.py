"""Orbits seen at equal intervals of path: what diagnostics are computed from."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, Int

from jaxcr.arrays import ScalarLike
from jaxcr.checks import argument_error, as_float, check_positive, check_range, is_concrete
from jaxcr.compilation import jit_loop
from jaxcr.devices import on_each, share_out
from jaxcr.fields import Field, outside_samples
from jaxcr.fields.field import check_static
from jaxcr.orbits.boris import Boris
from jaxcr.orbits.ensemble import check_path, start_states
from jaxcr.orbits.exits import LEFT_BOX, NOT_FINITE, REACHED, check_left_box
from jaxcr.orbits.fixed_step import FixedStepPusher
from jaxcr.orbits.flight import Particles, row_blocks
from jaxcr.orbits.lorentz import Lorentz

_WIDTH = 256  # particles that are stepped together: what one core's caches hold


class Tracks(eqx.Module):
    """Orbits at equal intervals of path, the start first.

    Attributes
    ----------
    path
        In pc, ``(time,)``.
    position, direction
        In pc, and the unit vector of the momentum, ``(time, particle, 3)``; not a number from
        where the orbit left the samples of a clamped grid or met what is none.
    status
        How each orbit ended, a key of ``STATUS_TEXT``, ``(particle,)``; ``None``: not known.
    """

    path: Float[Array, " time"]
    position: Float[Array, "time particle xyz=3"]
    direction: Float[Array, "time particle xyz=3"]
    status: Int[Array, " particle"] | None = None

    @property
    def num_particles(self) -> int:
        """Orbits."""
        return self.position.shape[1]

    @property
    def displacement(self) -> Float[Array, "time particle xyz=3"]:
        """Position less that at the start, in pc."""
        return self.position - self.position[:1]

    @property
    def num_left_out(self) -> Int[Array, ""]:
        """Orbits that are not finite to their end, which no mean contains."""
        lost = ~jnp.all(jnp.isfinite(self.position), axis=(0, 2))
        return jnp.sum(lost, dtype=jnp.int32)

    def check_complete(self, name: str) -> None:
        """Raise when more than 1 % left the samples of a clamped grid: means would be biased."""
        if self.status is not None and is_concrete(self.status):
            check_left_box(name, int(jnp.sum(self.status == LEFT_BOX)), self.num_particles)


def record_tracks(
    field: Field,
    position: Float[Array, "*particle xyz=3"],
    direction: Float[Array, "particle xyz=3"],
    *,
    rigidity: ScalarLike | Float[Array, "..."],
    path_length: ScalarLike,
    num_samples: int,
    pusher: FixedStepPusher | None = None,
    devices: list[jax.Device] | None = None,
) -> Tracks:
    """Trace many particles for one path length and keep them at equal intervals.

    Parameters
    ----------
    position, direction, rigidity
        As for ``trace_ensemble``.
    path_length
        In pc.
    num_samples
        Intervals; the start is kept besides.
    pusher
        A scheme with equal steps, default ``Boris()``; its step is shortened so that a whole
        number of steps makes up an interval.
    devices
        Default: all of this machine.

    Raises
    ------
    ValueError
        When shapes disagree, or path length or number of samples is not positive.

    Notes
    -----
    Memory: 6 numbers for each sample and particle. Forward-mode differentiable. Diagnostics leave
    out orbits that are not finite to their end, see ``num_left_out``, and raise when more than
    1 % left a clamped grid.
    """
    check_static("record_tracks: field", field)
    particles = start_states(position, direction, rigidity)
    remedy = "Back-tracking is a matter of the sign of the rigidity."
    check_positive("record_tracks: path_length", path_length, remedy=remedy)
    check_range("record_tracks: num_samples", num_samples, 1.0)
    path_length = as_float(path_length).astype(direction.dtype)
    pusher = Boris() if pusher is None else pusher
    devices = tuple(jax.local_devices() if devices is None else devices)
    motion = on_each(Lorentz(field, jnp.min(jnp.abs(particles.rigidity))), devices)
    check_path("record_tracks: path_length", pusher, motion, path_length)
    path, states = _record(motion, particles, pusher, path_length, num_samples, devices)
    return Tracks(path, *states)


def join_tracks(tracks: list[Tracks]) -> Tracks:
    """Return the particles of several ensembles, e.g. one in each realisation, one after another.

    Equal numbers of particles in each make ``num_groups=len(tracks)`` of a diagnostic a jackknife
    over realisations.
    """
    if not tracks or any(len(t.path) != len(tracks[0].path) for t in tracks):
        raise argument_error(
            "join_tracks: tracks",
            expected="tracks with the same samples",
            got=f"{[len(t.path) for t in tracks]} samples",
            remedy="Record all of them with one path_length and num_samples.",
        )
    position = jnp.concatenate([t.position for t in tracks], axis=1)
    direction = jnp.concatenate([t.direction for t in tracks], axis=1)
    status = [t.status for t in tracks]
    known = all(x is not None for x in status)
    return Tracks(tracks[0].path, position, direction, jnp.concatenate(status) if known else None)


@jit_loop
def _record(motion, particles, pusher, path_length, num_samples, devices):
    """Return the paths of the samples and the states there, computed on all devices."""
    pusher = pusher.prepare(motion)
    interval = path_length / num_samples
    step = pusher.step_length(
        pusher.init(motion, particles.position[0], particles.direction[0])
    ).astype(interval.dtype)
    # A hair is forgiven: a step that divides the interval up to round-off is kept.
    ratio = interval / step
    known = jnp.isfinite(ratio)  # else one step of no number, so that the orbit is none
    num_steps = jnp.where(known, jnp.ceil(ratio * (1 - 1e-6)), 1)
    num_steps = jnp.maximum(num_steps, 1).astype(jnp.int32)
    length = jnp.where(known, interval / num_steps.astype(interval.dtype), jnp.nan)

    def run(particles, common):
        motion, pusher, length, num_steps = common

        def block(p: Particles):
            return _record_block(motion, pusher, p, length, num_steps, num_samples)

        return _in_blocks(block, particles)

    common = (motion, pusher, length, num_steps)
    position, direction, left = share_out(run, particles, common, devices, axis=1)
    path = jnp.arange(num_samples + 1, dtype=interval.dtype) * interval
    finite = jnp.isfinite(position[-1, :, 0])
    status = jnp.where(finite, REACHED, jnp.where(left[-1, :, 0], LEFT_BOX, NOT_FINITE))
    return path, (position, direction, status.astype(jnp.int32))


def _record_block(motion, pusher, particles, length, num_steps, num_samples):
    """Return positions, directions and whether an orbit left, ``(time, particle, 3 or 1)``."""
    starts = particles.position

    def one(start, offset, direction, left, rigidity):
        # Counted from the start, so that short steps are not lost far from 0.
        here = motion.with_rigidity(rigidity).about(start)
        offset, direction = pusher.advance(here, offset, direction, length)
        outside = outside_samples(motion.field, start + offset)
        return offset, direction, left if outside is None else left | outside

    def step(_, state):
        return jax.vmap(one)(starts, *state, particles.rigidity)

    def sample(state, _):
        state = lax.fori_loop(0, num_steps, step, state)
        return state, state

    outside = jax.vmap(lambda x: outside_samples(motion.field, x))(starts)
    outside = jnp.zeros((len(starts), 1), bool) if outside is None else outside[:, None]
    first = (jnp.zeros_like(starts), particles.direction, outside)
    _, later = lax.scan(sample, first, length=num_samples)
    offset, direction, left = (
        jnp.concatenate([a[None], b]) for a, b in zip(first, later, strict=True)
    )
    return *(jnp.where(left, jnp.nan, x) for x in (starts[None] + offset, direction)), left


def _in_blocks(function, particles):
    """Map over particles in blocks; time stays the first axis."""
    num = particles.rigidity.shape[0]
    blocks = row_blocks(num, min(_WIDTH, num))
    out = lax.map(lambda i: function(jax.tree.map(lambda x: x[i], particles)), blocks)
    return [jnp.moveaxis(x, 0, 1).reshape(x.shape[1], -1, x.shape[-1])[:, :num] for x in out]
