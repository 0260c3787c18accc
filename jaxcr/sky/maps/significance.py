"""How many standard deviations a pixel lies off: against its error, or from counts."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxcr.arrays import ScalarLike
from jaxcr.checks import argument_error, as_float, checked, is_concrete

Values = Float[Array | np.ndarray, "..."]

_SERIES_TERMS = 10
_SERIES_RANGE = 0.05  # 0.05^10 / 132 = 7e-16, the first term left out


@checked
def significance_map(map: Values, error: Values) -> Float[Array, "..."]:
    """Return map / error, NaN where the error is not > 0.

    Parameters
    ----------
    map, error
        Value and standard error of each pixel, (..., pixel), in one unit.

    Raises
    ------
    ValueError
        If the shapes differ.
    """
    if map.shape != error.shape:
        raise argument_error(
            "significance_map: error",
            expected=f"the shape of the map, {map.shape}",
            got=error.shape,
            remedy="Give one standard error a pixel.",
        )
    map = as_float(map)
    error = as_float(error).astype(map.dtype)
    known = error > 0
    return jnp.where(known, map, jnp.nan) / jnp.where(known, error, 1)


@checked
def li_ma_significance(
    counts: Float[Array | np.ndarray, "..."] | ScalarLike,
    background: Float[Array | np.ndarray, "..."] | ScalarLike,
    exposure_ratio: Float[Array | np.ndarray, "..."] | ScalarLike,
) -> Float[Array, "..."]:
    """Return the significance of an excess of counts over a counted background, with its sign.

    S² = 2 {N_on ln[(1+a)/a N_on/N] + N_off ln[(1+a) N_off/N]}, N = N_on + N_off; S has the
    sign of N_on - a N_off.

    Parameters
    ----------
    counts
        N_on, counts in the pixel, >= 0.
    background
        N_off, counts in the background region, >= 0; not scaled to the pixel.
    exposure_ratio
        a, exposure of the pixel over that of the background region, > 0.

    Returns
    -------
    S, of the shape the three broadcast to, in standard deviations; 0 where N = 0.

    Raises
    ------
    ValueError
        If a value, where it is known, is negative, or the exposure ratio not > 0.

    Notes
    -----
    With d = N_on - e the excess over the e expected, S is d times a smooth factor, so that it
    has a derivative through d = 0 and no cancellation there.
    Source: Li & Ma 1983, ApJ 272, 317, equation 17.
    """
    on, off, ratio = jnp.broadcast_arrays(*map(as_float, (counts, background, exposure_ratio)))
    _check_counts(on, off, ratio)
    return _equation_17(on, off.astype(on.dtype), ratio.astype(on.dtype))


@jax.jit
def _equation_17(on: Array, off: Array, ratio: Array) -> Array:
    """Return the excess times a factor without singularity."""
    total = on + off
    safe = jnp.where(total > 0, total, 1)
    expected_on, expected_off = safe * ratio / (1 + ratio), safe / (1 + ratio)
    excess = (on - ratio * off) / (1 + ratio)  # N_on less its share of N
    curvature = _curvature(excess / expected_on) / expected_on
    curvature = curvature + _curvature(-excess / expected_off) / expected_off
    return jnp.where(total > 0, excess * jnp.sqrt(2 * curvature), 0)


def _curvature(x: Array) -> Array:
    """Return [(1 + x) ln(1 + x) - x] / x², which is 1/2 at x = 0 and 1 at x = -1."""
    near, empty = jnp.abs(x) < _SERIES_RANGE, x <= -1
    small = jnp.where(near, x, 0)
    series = jnp.zeros_like(x)
    for k in reversed(range(_SERIES_TERMS)):  # sum of (-x)^k / [(k+1)(k+2)]
        series = 1 / ((k + 1) * (k + 2)) - small * series
    large = jnp.where(near | empty, 1, x)
    full = ((1 + large) * jnp.log1p(large) - large) / large**2
    return jnp.where(near, series, jnp.where(empty, 1, full))


def _check_counts(on: Array, off: Array, ratio: Array) -> None:
    """Raise ``ValueError`` when a known value is out of its range."""
    for name, value in (("counts", on), ("background", off)):
        if is_concrete(value) and bool(jnp.any(value < 0)):
            raise argument_error(
                f"li_ma_significance: {name}",
                expected="counts >= 0",
                got=f"a least value of {jnp.min(value)}",
                remedy="Give raw counts, not an excess.",
            )
    if is_concrete(ratio) and not bool(jnp.all(ratio > 0)):
        raise argument_error(
            "li_ma_significance: exposure_ratio",
            expected="values > 0",
            got=f"a least value of {jnp.min(ratio)}",
            remedy="Give the exposure of the pixel over that of the background region.",
        )
