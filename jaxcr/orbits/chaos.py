"""How fast neighbouring orbits separate: the length over which a path-wise derivative dies."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxcr.arrays import Scalar, ScalarLike
from jaxcr.fields import Field
from jaxcr.orbits.ensemble import trace_ensemble
from jaxcr.orbits.pusher import Pusher
from jaxcr.orbits.stops import PathLength


def lyapunov_length(
    field: Field,
    position: Float[Array, "*particle xyz=3"],
    direction: Float[Array, "particle xyz=3"],
    *,
    rigidity: ScalarLike,
    path_length: ScalarLike,
    pusher: Pusher | None = None,
) -> Scalar:
    """Return the path over which neighbouring orbits separate by e, in pc.

    A small turn of each start direction is carried along the orbit by the tangent map; the
    length is path / <ln growth>, with the growth of the direction's tangent.

    Parameters
    ----------
    position, direction, rigidity, pusher
        As for ``trace_ensemble``.
    path_length
        Path in pc over which the growth is measured.

    Returns
    -------
    Length in pc; infinite where orbits do not separate.

    Notes
    -----
    A finite-path estimate, averaged over the ensemble; it falls toward the asymptotic one as
    the path grows. Source: Benettin et al., Meccanica 15 (1980) 9.
    """
    turn, size = _turn(direction)

    def end(n):
        return trace_ensemble(
            field, position, n, rigidity=rigidity, stop=PathLength(path_length), pusher=pusher
        ).direction

    _, tangent = jax.jvp(end, (direction,), (turn,))
    return _length(tangent, size, path_length)


@jax.jit
def _turn(direction: Float[Array, "particle xyz=3"]) -> tuple[Array, Array]:
    """Return unit vectors across the directions, 0 where there is none, and their size before."""
    turn = jnp.cross(direction, jnp.roll(direction, 1, axis=-1))
    size = jnp.linalg.norm(turn, axis=-1, keepdims=True)
    return jnp.where(size > 1e-3, turn / jnp.where(size > 1e-3, size, 1), 0), size


@jax.jit
def _length(tangent: Array, size: Array, path_length: ScalarLike) -> Scalar:
    """Return the path over the mean logarithm of the growth."""
    growth = jnp.linalg.norm(tangent, axis=-1)
    used = (size[:, 0] > 1e-3) & ~(growth <= 0)
    logs = jnp.where(used, jnp.log(jnp.where(used, growth, 1)), 0)
    rate = jnp.sum(logs) / jnp.sum(used, dtype=logs.dtype) / path_length
    # Comparisons that let what is not a number through.
    return jnp.where(rate <= 0, jnp.inf, 1 / jnp.where(rate <= 0, 1, rate))
