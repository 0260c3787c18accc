"""How many standard deviations a pixel lies off: against its error, or from counts."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxcr.arrays import ScalarLike
from jaxcr.checks import as_float, check_positive, check_range, check_shape
from jaxcr.sky.healpix.grid import without_unseen

Values = Float[Array | np.ndarray, "..."]

_SERIES_TERMS = 10
_SERIES_RANGE = 0.05  # 0.05^10 / 132 = 7e-16, the first term left out


def significance_map(map: Values, error: Values) -> Float[Array, "..."]:
    """Return map / error, NaN where the error is not > 0 or the map was not observed.

    Parameters
    ----------
    map, error
        Value and standard error of each pixel, (..., pixel), in one unit.

    Raises
    ------
    ValueError
        If the shapes differ.
    """
    check_shape("significance_map: error", error, map.shape)
    map = without_unseen(map)
    error = without_unseen(error).astype(map.dtype)
    known = error > 0
    return jnp.where(known, map, jnp.nan) / jnp.where(known, error, 1)


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
    S, of the shape the three broadcast to, in standard deviations; 0 where N = 0,
    NaN where a count is.

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
    on, off, ratio = (without_unseen(as_float(x)) for x in (counts, background, exposure_ratio))
    for name, value in (("counts", on), ("background", off)):
        known = jnp.where(jnp.isnan(value), 0, value)
        check_range(f"li_ma_significance: {name}", known, 0.0, remedy="Give raw counts, no excess.")
    check_positive("li_ma_significance: exposure_ratio", ratio)
    on, off, ratio = jnp.broadcast_arrays(on, off, ratio)
    return _equation_17(on, off.astype(on.dtype), ratio.astype(on.dtype))


@jax.jit
def _equation_17(on: Array, off: Array, ratio: Array) -> Array:
    """Return the excess times a factor without singularity."""
    total = on + off
    none = total == 0
    safe = jnp.where(none, 1, total)
    expected_on, expected_off = safe * ratio / (1 + ratio), safe / (1 + ratio)
    excess = (on - ratio * off) / (1 + ratio)  # N_on less its share of N
    curvature = _curvature(excess / expected_on) / expected_on
    curvature = curvature + _curvature(-excess / expected_off) / expected_off
    return jnp.where(none, 0, excess * jnp.sqrt(2 * curvature))


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
