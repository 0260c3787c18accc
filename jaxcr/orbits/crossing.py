"""Where exactly, inside one step, an orbit meets its stop; and the derivative of that point."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Bool, Float, Int

from jaxcr.arrays import Scalar, Vector
from jaxcr.orbits.lorentz import Lorentz
from jaxcr.orbits.pusher import Pusher
from jaxcr.orbits.stops import Stop

_MAX_ITERATIONS = 100


class BeforeStep(eqx.Module):
    """A particle before a step; ``offset`` is its position less ``start``."""

    offset: Float[Array, "*batch xyz=3"]
    direction: Float[Array, "*batch xyz=3"]
    path: Float[Array, "*batch"]
    start: Float[Array, "*batch xyz=3"]
    rigidity: Float[Array, "*batch"]


class Crossing(BeforeStep):
    """A particle before the step in which it meets stop ``index``, if it does.

    By the end of ``length`` it is beyond the stop.
    """

    length: Float[Array, "*batch"]
    index: Int[Array, "*batch"]
    met: Bool[Array, "*batch"]


class _Trial(eqx.Module):
    """Newton's iteration: the bracket, the length tried last, where it led, and the next one."""

    count: Int[Array, ""]
    low: Scalar
    high: Scalar
    length: Scalar
    offset: Vector
    direction: Vector
    following: Scalar
    correction: Scalar


@eqx.filter_custom_jvp
def meet_stop(
    pusher: Pusher, motion: Lorentz, stop: Stop, before: Crossing
) -> tuple[Vector, Vector, Scalar]:
    """Return offset, direction and path of the particle on the stop that it meets.

    Parameters
    ----------
    before
        The state before the step, and a length; the level is negative there and not negative
        after that length. Without ``met`` the state before the step comes back.

    Notes
    -----
    The pusher's own step is shortened until its end lies on the surface: Newton's iteration,
    with bisection as its safeguard, to round-off. Implicit function theorem for the derivative:
    the step shortens by the change of the level over its slope along the orbit.
    """
    # The result comes out of the loop: computed behind it, it would be compiled, and so rounded,
    # together with whatever uses it.
    found = _root(pusher, motion, stop, before)
    return found.offset, found.direction, before.path + found.length


@meet_stop.def_jvp
def _meet_stop_jvp(primals, tangents):
    out = meet_stop(*primals)
    before = primals[3]
    length = out[2] - before.path

    state, moved = eqx.filter_jvp(lambda *x: _state_at(*x, length), primals, tangents)
    one = jnp.ones_like(length)
    _, along = eqx.filter_jvp(lambda x: _state_at(*primals, x), (length,), (one,))
    moved, along = (
        [jnp.zeros_like(x) if dx is None else dx for x, dx in zip(state, slopes, strict=True)]
        for slopes in (moved, along)
    )
    crosses = before.met & (along[3] > 0)
    shift = -jnp.where(crosses, moved[3] / jnp.where(crosses, along[3], 1), 0)
    return out, tuple(a + shift * b for a, b in zip(moved[:3], along[:3], strict=True))


def _state_at(pusher, motion, stop, before: Crossing, length: Scalar):
    """Return offset, direction, path and level after ``length`` of the step."""
    here = motion.with_rigidity(before.rigidity).about(before.start).after(before.path)
    offset, direction = pusher.advance(here, before.offset, before.direction, length)
    path = before.path + length
    level = stop.levels(offset, before.start, path)[before.index]
    return offset, direction, path, level


def _root(pusher, motion, stop, before: Crossing) -> _Trial:
    """Return the trial at the length in [0, step] at which the level turns positive."""
    epsilon = jnp.finfo(before.path.dtype).eps
    size = before.path + jnp.max(jnp.abs(before.offset))

    def body(trial: _Trial) -> _Trial:
        length = trial.following
        offset, direction, path, _ = lax.optimization_barrier(
            _state_at(pusher, motion, stop, before, length)
        )
        # The orbit goes along its velocity: a slope of the level that costs no field derivative.
        velocity = motion.with_rigidity(before.rigidity).velocity(direction)
        value, slope = jax.jvp(
            lambda *x: stop.levels(x[0], before.start, x[1])[before.index],
            (offset, path),
            (velocity, jnp.ones_like(path)),
        )
        low = jnp.where(value < 0, length, trial.low)
        high = jnp.where(value < 0, trial.high, length)
        newton = length - value / jnp.where(slope == 0, 1, slope)
        inside = (newton > low) & (newton < high) & (slope > 0)
        following = jnp.where(inside, newton, 0.5 * (low + high))
        near = jnp.where(slope > 0, jnp.abs(newton - length), high - low)
        return _Trial(
            trial.count + 1, low, high, length, offset, direction, following,
            jnp.minimum(near, high - low),
        )  # fmt: skip

    def unfinished(trial: _Trial):
        resolution = 2 * epsilon * (size + trial.length)
        return before.met & (trial.count < _MAX_ITERATIONS) & (trial.correction > resolution)

    zero, length = jnp.zeros_like(before.length), before.length
    first = _Trial(
        jnp.int32(0), zero, length, zero, before.offset, before.direction, 0.5 * length, length
    )
    return lax.while_loop(unfinished, body, first)


def may_have_met(
    motion: Lorentz, stop: Stop, before: BeforeStep, after: tuple[Vector, Vector, Scalar]
) -> Bool[Array, " surface"]:
    """Return for each surface whether the orbit may have been beyond it, and back, in one step.

    A level that rises before the step and falls behind it has a maximum in between. It was
    positive only if that of twice a parabola's rise is, seen from both ends. ``after`` is the
    offset and direction after the step, and its length.
    """
    length = after[2]
    level, slope = _approach(motion, stop, before, before.offset, before.direction, 0)
    levels, slopes = _approach(motion, stop, before, *after)
    turn = slope - slopes
    may = (slope > 0) & (slopes < 0)
    return may & (level * turn + length * slope**2 >= 0) & (levels * turn + length * slopes**2 >= 0)


def find_beyond(
    motion: Lorentz,
    stop: Stop,
    pusher: Pusher,
    before: BeforeStep,
    after: tuple[Vector, Vector, Scalar],
) -> Float[Array, " surface"]:
    """Return for each surface a length within the step at which its level is not negative, or 0.

    Looked at, where `may_have_met` says so, is where the slopes, interpolated from the start of
    the step, are zero, until what the level can still rise by is too little.
    """
    here = motion.with_rigidity(before.rigidity).about(before.start).after(before.path)
    before, after = lax.stop_gradient((before, after))
    may = may_have_met(motion, stop, before, after)
    slope = _approach(motion, stop, before, before.offset, before.direction, 0)[1]
    slopes = _approach(motion, stop, before, *after)[1]
    length = jnp.broadcast_to(after[2], slope.shape)

    def top(index, length, slopes):
        turn = slope[index] - slopes
        return jnp.where(turn > 0, length * slope[index] / jnp.where(turn > 0, turn, 1), 0)

    def one(index, length, slopes):
        """Return the length at which the level of one surface was looked at last, if beyond."""

        def look(state):
            _, length, _ = state
            x, n = pusher.advance(here, before.offset, before.direction, length)
            level, slope = (y[index] for y in _approach(motion, stop, before, x, n, length))
            following = top(index, length, slope)
            apart = jnp.abs(following - length)
            again = (level < 0) & (level + jnp.abs(slope) * apart >= 0) & (apart > 1e-3 * length)
            return again, jnp.where(again, following, length), level >= 0

        state = (may[index], top(index, length, slopes), jnp.asarray(False))
        _, length, beyond = lax.while_loop(lambda x: x[0], look, state)
        return jnp.where(beyond, length, 0)

    return jax.vmap(one)(jnp.arange(len(stop.owners)), length, slopes)


def _approach(motion: Lorentz, stop: Stop, before: BeforeStep, offset, direction, length):
    """Return the level of every surface ``length`` after the state before, and its slope."""
    motion = motion.with_rigidity(before.rigidity)
    return jax.jvp(
        lambda x, s: stop.surfaces(x, before.start, s),
        (offset, before.path + length),
        (motion.velocity(direction), jnp.ones_like(before.path)),
    )
