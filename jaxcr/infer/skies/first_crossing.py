"""The sky of one observer inside a sphere, in equal steps: both modes of derivative."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from jaxcr.arrays import Scalar, Vector
from jaxcr.fields import Field
from jaxcr.orbits import Boris, Sphere
from jaxcr.orbits.crossing import Crossing, find_beyond, meet_stop
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
    theorem. An orbit that just touches the sphere has none. A sphere that is met and left again
    within one step is met. Memory in reverse mode: 6 numbers
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

    def before(state: _State, length: Scalar) -> Crossing:
        return Crossing(
            offset=state.offset,
            direction=state.direction,
            path=state.path,
            length=length,
            start=start,
            rigidity=motion.rigidity,
            index=jnp.int32(0),
            met=state.met,
        )

    def step_on(state: _State):
        """Return the state after one step, and a length within it that is beyond the sphere."""
        offset, turned = boris.advance(here, state.offset, state.direction, step)
        after = (offset, turned, step)
        within = find_beyond(motion, stop, boris, before(state, step), after)[0]
        path = state.path + step
        beyond = stop.levels(offset, start, path)[0] >= 0
        return _State(offset, turned, path, (within > 0) | beyond), within

    @jax.checkpoint
    def advance(state: _State) -> _State:
        new, _ = step_on(state)
        met = state.met | new.met
        # Stays at the last state inside from then on.
        kept = jax.tree.map(lambda old, new: jnp.where(met, old, new), state, new)
        return eqx.tree_at(lambda x: x.met, kept, met)

    first = _State(jnp.zeros_like(start), direction, jnp.zeros((), step.dtype), jnp.asarray(False))
    last = lax.scan(lambda s, _: (advance(s), None), first, length=num_steps)[0]
    within = step_on(last)[1]
    length = jnp.where(within > 0, within, step)
    offset, direction, path = meet_stop(boris, motion, stop, before(last, length))
    return start + offset, direction, path, last.met
