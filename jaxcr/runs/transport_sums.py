"""Sums for displacements, paths and the memory of directions."""

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from jaxcr.runs.sky_sums import Grouped


def transport_sums(
    position: Float[Array, "particle xyz=3"],
    direction: Float[Array, "particle xyz=3"],
    exit_position: Float[Array, "stop particle xyz=3"],
    exit_direction: Float[Array, "stop particle xyz=3"],
    path: Float[Array, "stop particle"],
    used: Bool[Array, " particle"],
    grouped: Grouped,
) -> dict[str, Array]:
    """Return sums over the orbits from start to each stop, in pc.

    Returns
    -------
    dict
        ``displacement`` (group, stop, 3), ``displacement_square`` (group, stop, 3, 3),
        ``path`` and ``path_square`` (group, stop), ``turning`` (group, stop): the cosine between
        the directions at start and stop.
    """
    dtype = jnp.result_type(float)
    weight = used.astype(dtype)[None]
    away = (exit_position - position[None]).astype(dtype) * weight[..., None]
    travelled = path.astype(dtype) * weight
    cosine = jnp.sum(exit_direction * direction[None], axis=-1).astype(dtype) * weight
    values = {
        "displacement": away,
        "displacement_square": away[..., :, None] * away[..., None, :],
        "path": travelled,
        "path_square": travelled**2,
        "turning": cosine,
    }
    return {name: grouped(jnp.swapaxes(x, 0, 1)).sum(1) for name, x in values.items()}
