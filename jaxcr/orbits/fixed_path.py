"""Orbits of one length in equal Boris steps: both modes of derivative, also by a whole grid."""

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from jaxcr.arrays import ScalarLike
from jaxcr.checks import as_float, check_positive, check_range, check_shape
from jaxcr.compilation import jit_loop
from jaxcr.fields import Field, outside_samples
from jaxcr.orbits.boris import Boris
from jaxcr.orbits.lorentz import Lorentz
from jaxcr.orbits.pusher import MOST_STEPS

_BORIS = Boris()


def trace_fixed_path(
    field: Field,
    positions: Float[Array, "*particle xyz=3"],
    directions: Float[Array, "particle xyz=3"],
    *,
    rigidity: ScalarLike | Float[Array, "..."],
    path_length: ScalarLike,
    num_steps: int,
) -> tuple[Float[Array, "particle xyz=3"], Float[Array, "particle xyz=3"]]:
    """Trace many particles for one path length, for derivatives in forward or reverse mode.

    Parameters
    ----------
    field
        Any field. Every floating leaf of it is differentiable, above all the coefficients of a
        ``GridField``, also below sums and multiples; build it from the samples within what is
        differentiated to get the derivative by them.
    positions, directions
        Start in pc, ``(particle, 3)`` or one ``(3,)`` for all; unit vectors ``(particle, 3)``.
        Their type, float32 or float64, is the type of the computation.
    rigidity
        In PV with the sign of the charge, one or ``(particle,)``.
    path_length
        In pc.
    num_steps
        How many equal steps make it up.

    Returns
    -------
    tuple
        Positions (pc) and unit vectors at the end, both ``(particle, 3)``.

    Raises
    ------
    ValueError
        When shapes disagree, or path length or number of steps is not positive.

    Notes
    -----
    The end states of ``trace_ensemble`` with ``stop=PathLength(path_length)`` and
    ``pusher=Boris(path_length / num_steps)``, to round-off; no status: an orbit that meets what
    is not a number, or leaves the samples of a clamped grid, ends in NaN.

    Reverse mode keeps the states before all steps, 6 numbers for each particle and step, and
    makes every step once more on the way back. The derivative by a grid is added up in place:
    its cost does not grow with the grid, unlike that through ``trace``, whose solver adds up
    whole grids at every evaluation (``benchmarks/fixed_path.py``).
    """
    num = directions.shape[0]
    check_shape("trace_fixed_path: rigidity", rigidity, (), (num,))
    check_shape("trace_fixed_path: positions", positions, (3,), (num, 3))
    remedy = "Back-tracking is a matter of the sign of the rigidity."
    check_positive("trace_fixed_path: path_length", path_length, remedy=remedy)
    check_range("trace_fixed_path: num_steps", num_steps, 1.0, float(MOST_STEPS))
    dtype = directions.dtype
    return _trace(
        field,
        jnp.broadcast_to(positions.astype(dtype), directions.shape),
        directions,
        jnp.broadcast_to(as_float(rigidity).astype(dtype), directions.shape[:1]),
        as_float(path_length).astype(dtype) / num_steps,
        num_steps,
    )


@jit_loop
def _trace(field, positions, directions, rigidity, length, num_steps):
    def one(start, state, rigidity):
        offset, direction, left = state
        # Counted from the start, so that short steps are not lost far from 0.
        motion = Lorentz(field, rigidity).about(start)
        offset, direction = _BORIS.advance(motion, offset, direction, length)
        outside = outside_samples(field, start + offset)
        return offset, direction, left if outside is None else left | outside

    @jax.checkpoint
    def step(state):
        return jax.vmap(one)(positions, state, rigidity)

    outside = jax.vmap(lambda x: outside_samples(field, x))(positions)
    outside = jnp.zeros(rigidity.shape, bool) if outside is None else outside
    state = (jnp.zeros_like(positions), directions, outside)
    state = lax.scan(lambda state, _: (step(state), None), state, length=num_steps)[0]
    offsets, directions, left = state
    return tuple(jnp.where(left[:, None], jnp.nan, x) for x in (positions + offsets, directions))
