"""Orbits of one length in equal Boris steps: both modes of derivative, also by a whole grid."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from jaxcr.arrays import ScalarLike
from jaxcr.checks import argument_error, as_float, checked, is_concrete
from jaxcr.fields import Field
from jaxcr.orbits.boris import Boris
from jaxcr.orbits.lorentz import Lorentz

_BORIS = Boris()


@checked
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
    is not a number ends in it.

    Reverse mode keeps the states before all steps, 6 numbers for each particle and step, and
    makes every step once more on the way back. The derivative by a grid is added up in place:
    its cost does not grow with the grid, unlike that through ``trace``, whose solver adds up
    whole grids at every evaluation (``benchmarks/fixed_path.py``).
    """
    directions = as_float(directions)
    positions, rigidity = jnp.asarray(positions), as_float(rigidity)
    path_length = as_float(path_length)
    _check(positions, directions, rigidity, path_length, num_steps)
    dtype = directions.dtype
    return _trace(
        field,
        jnp.broadcast_to(positions.astype(dtype), directions.shape),
        directions,
        jnp.broadcast_to(rigidity.astype(dtype), directions.shape[:1]),
        path_length.astype(dtype) / num_steps,
        num_steps,
    )


@eqx.filter_jit
def _trace(field, positions, directions, rigidity, length, num_steps):
    def one(position, direction, rigidity):
        return _BORIS.advance(Lorentz(field, rigidity), position, direction, length)

    @jax.checkpoint
    def step(state):
        return jax.vmap(one)(*state, rigidity)

    state = (positions, directions)
    return lax.scan(lambda state, _: (step(state), None), state, length=num_steps)[0]


def _check(positions, directions, rigidity, path_length, num_steps) -> None:
    shape = directions.shape
    shapes = (positions.shape, rigidity.shape, path_length.shape)
    allowed = (((3,), shape), ((), shape[:1]), ((),))
    if shape[1:] != (3,) or any(s not in a for s, a in zip(shapes, allowed, strict=True)):
        raise argument_error(
            "trace_fixed_path: positions, directions, rigidity, path_length",
            expected="shapes (3,) or (particle, 3), (particle, 3), () or (particle,), ()",
            got=f"{shapes[0]}, {shape}, {shapes[1]}, {shapes[2]}",
            remedy="Directions say how many particles there are.",
        )
    if num_steps < 1 or (is_concrete(path_length) and not float(path_length) > 0):
        raise argument_error(
            "trace_fixed_path: path_length, num_steps",
            expected="a positive length and at least one step",
            got=f"{path_length} and {num_steps}",
            remedy="Back-tracking is a matter of the sign of the rigidity.",
        )
