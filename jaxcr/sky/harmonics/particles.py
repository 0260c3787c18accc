"""What directions, weights and modes of particles must be: the checks of `directions`."""

import math

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxcr.checks import argument_error, as_float, check_positive, check_range, check_shape

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
    check_shape("weights", weights, (*weights.shape[:-1], directions.shape[0]))
    total = jnp.sum(weights, axis=-1)
    check_positive("weights, their sum", total, remedy="Leave out particles that failed.")
    return directions, weights


def check_directions(directions: Float[Array, "particle xyz"], lmax: int) -> None:
    """Raise ``ValueError`` unless these are directions and lmax suits their precision."""
    check_shape("directions", directions, (directions.shape[0], 3))
    check_range("directions, their number", directions.shape[0], 1)
    largest = _LARGEST_LMAX.get(directions.dtype.name, 0)
    check_range("lmax", lmax, 0, largest, remedy="Lower lmax, or use float64.")
    length = jnp.sqrt(jnp.sum(directions**2, axis=-1))
    check_positive("length of directions", length, remedy="Leave out what has not arrived.")


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
