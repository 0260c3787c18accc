"""Where exactly, inside one step, an orbit meets its stop; and the derivative of that point."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Int

from jaxcr.arrays import Scalar, Vector
from jaxcr.orbits.lorentz import Lorentz
from jaxcr.orbits.pusher import Pusher
from jaxcr.orbits.stops import Stop

_MAX_ITERATIONS = 60


class Crossing(eqx.Module):
    """A particle before the step in which it meets a stop."""

    position: Vector
    direction: Vector
    start: Vector
    path: Scalar
    length: Scalar
    rigidity: Scalar


def meet_stop(
    pusher: Pusher, field, stop: Stop, index: Int[Array, ""], before: Crossing
) -> tuple[Vector, Vector, Scalar]:
    """Return position, direction and path of the particle on surface ``index`` of the stop.

    Parameters
    ----------
    before
        The state before the step, and the step's length; the level is negative there and
        positive after the step.

    Notes
    -----
    The pusher's own step is shortened until its end lies on the surface: Newton's iteration,
    with bisection as its safeguard, to round-off. Implicit function theorem for the derivative:
    the root is held fixed and one more Newton step carries the tangents.
    """
    motion = Lorentz(field, before.rigidity)

    def level(length: Scalar) -> Scalar:
        position, _ = pusher.advance(motion, before.position, before.direction, length)
        return stop.levels(position, before.start, before.path + length)[index]

    length = lax.stop_gradient(_root(lambda x: lax.stop_gradient(level(x)), before.length))
    value, slope = jax.jvp(level, (length,), (jnp.ones_like(length),))
    slope = lax.stop_gradient(slope)
    length = length - jnp.where(slope > 0, value / jnp.where(slope > 0, slope, 1), 0)
    position, direction = pusher.advance(motion, before.position, before.direction, length)
    return position, direction, before.path + length


def _root(level, length: Scalar) -> Scalar:
    """Return the step length in [0, length] at which ``level`` turns positive."""
    resolution = 4 * jnp.finfo(length.dtype).eps * length

    def body(carry):
        count, low, high, trial, _ = carry
        value, slope = jax.jvp(level, (trial,), (jnp.ones_like(trial),))
        low, high = jnp.where(value < 0, trial, low), jnp.where(value < 0, high, trial)
        newton = trial - value / jnp.where(slope == 0, 1, slope)
        inside = (newton > low) & (newton < high) & (slope > 0)
        new = jnp.where(inside, newton, 0.5 * (low + high))
        return count + 1, low, high, new, jnp.abs(new - trial)

    def unfinished(carry):
        count, _, _, _, change = carry
        return (count < _MAX_ITERATIONS) & (change > resolution)

    init = (jnp.int32(0), jnp.zeros_like(length), length, 0.5 * length, length)
    return lax.while_loop(unfinished, body, init)[3]
