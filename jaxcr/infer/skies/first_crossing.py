"""The sky of one observer inside a sphere, in equal steps: both modes of derivative."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from jaxcr.arrays import Scalar, Vector
from jaxcr.fields import Field
from jaxcr.orbits import Boris, Sphere
from jaxcr.orbits.crossing import Crossing, meet_stop
from jaxcr.orbits.lorentz import Lorentz
from jaxcr.sky import Arrivals


def backtrack_first_crossing(
    field: Field,
    *,
    rigidity: Scalar,
    stop: Sphere,
    step: Scalar,
    num_steps: int,
    observer: Vector,
    directions: Float[Array, "pixel child xyz=3"],
) -> Arrivals:
    """Return the arrivals that ``sky.backtrack`` with Boris steps finds on one sphere.

    Parameters
    ----------
    rigidity
        Of the arriving particles, PV.
    stop
        One sphere about the observer.
    step
        In the unit of the field.
    num_steps
        After which an orbit is given up: every orbit makes as many, so that reverse mode works.
    observer, directions
        Position, and unit vectors of arrival; their type is that of the orbits.

    Notes
    -----
    The last step is shortened onto the sphere, with the derivative of the implicit function
    theorem. An orbit that just touches the sphere has none. Memory in reverse mode: 6 numbers
    for each orbit and step.
    """
    dtype = directions.dtype
    start = observer.astype(dtype)
    motion = Lorentz(field, -rigidity.astype(dtype))
    trace = jax.vmap(lambda n: _trace(motion, stop, start, n, step.astype(dtype), num_steps))
    position, direction, path, met = trace(directions.reshape(-1, 3))
    orbits = directions.shape[:-1]
    return Arrivals(
        position=position.reshape(directions.shape),
        direction=-direction.reshape(directions.shape),
        path_length=path.reshape(orbits),
        reached=met.reshape(orbits),
        arrival=directions,
        observer=start,
        weight=jnp.ones(orbits, dtype),
    )


class _State(eqx.Module):
    """The state after the last step that stayed inside, and whether the next one leaves."""

    offset: Vector
    direction: Vector
    path: Scalar
    met: Array


def _trace(motion: Lorentz, stop: Sphere, start: Vector, direction: Vector, step, num_steps: int):
    """Return where one particle meets the sphere, and whether it does."""
    boris, here = Boris(step), motion.about(start)

    @jax.checkpoint
    def advance(state: _State) -> _State:
        offset, turned = boris.advance(here, state.offset, state.direction, step)
        path = state.path + step
        met = state.met | (stop.levels(offset, start, path)[0] >= 0)
        # Stays at the last state inside from then on.
        kept = (
            jnp.where(met, old, new)
            for old, new in (
                (state.offset, offset),
                (state.direction, turned),
                (state.path, path),
            )
        )
        return _State(*kept, met)

    first = _State(jnp.zeros_like(start), direction, jnp.zeros((), step.dtype), jnp.asarray(False))
    last = lax.scan(lambda s, _: (advance(s), None), first, length=num_steps)[0]
    before = Crossing(
        offset=last.offset,
        direction=last.direction,
        path=last.path,
        length=step,
        start=start,
        rigidity=motion.rigidity,
        index=jnp.int32(0),
        met=last.met,
    )
    offset, direction, path = meet_stop(boris, motion, stop, before)
    return start + offset, direction, path, last.met
