"""What directions, weights and modes of particles must be: the checks of `directions`."""

import math

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxcr.checks import argument_error, as_float, is_concrete

# (x + i y)^m underflows near the poles, and the factor of it overflows, from about 1.5 times here.
_LARGEST_LMAX = {"float32": 128, "float64": 1024}


def checked_particles(
    directions: Float[Array | np.ndarray, "particle xyz"],
    weights: Float[Array | np.ndarray, "*batch weight"],
    lmax: int,
) -> tuple[Float[Array, "particle xyz"], Float[Array, "*batch particle"]]:
    """Return directions and weights in one dtype once both are known to be usable."""
    directions, weights = as_float(directions), as_float(weights)
    dtype = jnp.promote_types(directions.dtype, weights.dtype)
    directions, weights = directions.astype(dtype), weights.astype(dtype)
    check_directions(directions, lmax)
    if weights.shape[-1] != directions.shape[0]:
        raise argument_error(
            "weights",
            expected=f"one a direction, (..., {directions.shape[0]})",
            got=weights.shape,
            remedy="The axis of particles is the last one.",
        )
    if is_concrete(weights) and not np.all(np.sum(np.asarray(weights), axis=-1) > 0):
        raise argument_error(
            "weights",
            expected="a sum > 0",
            got=float(np.min(np.sum(np.asarray(weights), axis=-1))),
            remedy="The relative intensity is relative to their mean; leave out failed particles.",
        )
    return directions, weights


def check_directions(directions: Float[Array, "particle xyz"], lmax: int) -> None:
    """Raise ``ValueError`` unless these are directions and lmax suits their precision."""
    if directions.shape[-1] != 3 or directions.shape[0] == 0:
        raise argument_error(
            "directions",
            expected="(particle, 3), at least one particle",
            got=directions.shape,
            remedy="Give x, y and z of each arrival direction.",
        )
    largest = _LARGEST_LMAX.get(directions.dtype.name, 0)
    if not 0 <= lmax <= largest:
        raise argument_error(
            "lmax",
            expected=f"0 ... {largest} in {directions.dtype.name}",
            got=lmax,
            remedy="Lower lmax, or use float64.",
        )
    if is_concrete(directions) and not np.all(np.any(np.asarray(directions) != 0, axis=-1)):
        raise argument_error(
            "directions",
            expected="vectors with a length",
            got=f"{int(np.sum(~np.any(np.asarray(directions) != 0, axis=-1)))} zero vectors",
            remedy="Leave out the particles that have not arrived.",
        )


def lmax_of(num_modes: int) -> int:
    """Return lmax of (lmax + 1)² modes, or raise ``ValueError``."""
    lmax = math.isqrt(max(num_modes, 1)) - 1
    if (lmax + 1) ** 2 != num_modes:
        raise argument_error(
            "modes",
            expected="(lmax + 1)² on the last axis",
            got=num_modes,
            remedy="Give real harmonic modes, as of real_harmonics.",
        )
    return lmax
