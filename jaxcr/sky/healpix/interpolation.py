"""Bilinear interpolation of maps between the four nearest pixels on two rings."""

import math
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from jaxcr.checks import as_float
from jaxcr.sky.healpix.grid import check_nside, nside_of, without_unseen
from jaxcr.sky.healpix.pixels import Directions, check_components
from jaxcr.sky.healpix.rings import RingLayout, check_index_range, ring_layout

FourPixels = Int[Array, "*batch 4"]
FourWeights = Float[Array, "*batch 4"]


def interpolation_weights(nside: int, direction: Directions) -> tuple[FourPixels, FourWeights]:
    """Return four pixels about each direction and their weights, which sum to one.

    Linear in azimuth on the rings above and below, then linear in colatitude. Between a pole
    and its ring, the value at the pole is the mean of the four pixels of the ring.

    Parameters
    ----------
    nside
        Resolution of the grid, static under ``jit``.
    direction
        (..., 3), of any length but zero.

    Returns
    -------
    Pixels (..., 4), RING order, and weights (..., 4), in the dtype of the direction.

    Raises
    ------
    ValueError
        If nside is not a power of two or too large for the integers, or the last axis not 3.

    Notes
    -----
    Equal to ``healpy.get_interp_weights``. Differentiable by the direction within a cell of
    the four pixels; at the poles, which are tips of a cone, the derivative is finite but not
    the slope.
    """
    check_nside(nside, "interpolation_weights: nside")
    check_index_range(nside, jnp.result_type(int), "interpolation_weights")
    check_components(direction, "interpolation_weights")
    return _weights(nside, as_float(direction))


def interpolate_map(
    map: Float[Array | np.ndarray, "*map pixel"], direction: Directions
) -> Float[Array, "..."]:
    """Return the values of maps at directions, interpolated between pixels.

    Parameters
    ----------
    map
        (map..., pixel), RING order.
    direction
        (direction..., 3), of any length but zero.

    Returns
    -------
    (map..., direction...), in the dtype of the map. NaN where one of the four pixels was not
    observed.

    Raises
    ------
    ValueError
        If the pixel axis is no HEALPix size, or the last axis of the direction not 3.

    Notes
    -----
    Equal to ``healpy.get_interp_val``. Linear in the map; error of second order in the pixel
    size, except next to the poles.
    """
    map = without_unseen(map)
    pixels, weights = interpolation_weights(nside_of(map.shape[-1]), direction)
    return _interpolate(map, pixels, weights.astype(map.dtype))


@jax.jit
def _interpolate(map: Array, pixels: Array, weights: Array) -> Array:
    """Return the weighted sum of the four pixels."""
    values = map[..., pixels]
    return jnp.sum(values * weights.reshape((1,) * (map.ndim - 1) + weights.shape), axis=-1)


@partial(jax.jit, static_argnums=0)
def _weights(nside: int, direction: Array) -> tuple[Array, Array]:
    """Return pixels and weights on the two rings, north first."""
    dtype = direction.dtype
    unit = direction / jnp.sqrt(jnp.sum(direction**2, axis=-1, keepdims=True))
    colatitude, azimuth = _angles(unit)
    above = _ring_above(nside, jax.lax.stop_gradient(unit[..., 2]))
    upper = ring_layout(nside, jnp.maximum(above, 1))
    lower = ring_layout(nside, jnp.minimum(above + 1, 4 * nside - 1))
    at_north, at_south = above == 0, above == 4 * nside - 1
    top = jnp.where(at_north, 0, jnp.arctan2(upper.radius, upper.height)).astype(dtype)
    bottom = jnp.where(at_south, math.pi, jnp.arctan2(lower.radius, lower.height)).astype(dtype)
    down = (colatitude - top) / (bottom - top)
    upper_pixels, upper_share = _on_ring(upper, azimuth)
    lower_pixels, lower_share = _on_ring(lower, azimuth)
    north, south = at_north[..., None], at_south[..., None]
    down = down[..., None]
    # At a pole both rings are the same: the other two of its four pixels, a quarter each.
    start = jnp.where(at_south, lower.start, 0)[..., None]
    opposite = start + (jnp.where(north, lower_pixels, upper_pixels) - start + 2) % 4
    upper_weights = jnp.where(north, 0, upper_share) * (1 - down)
    lower_weights = jnp.where(south, 0, lower_share) * down
    polar = jnp.where(north, 1 - down, jnp.where(south, down, 0)) / 4
    pixels = [jnp.where(north, opposite, upper_pixels), jnp.where(south, opposite, lower_pixels)]
    weights = [upper_weights + polar, lower_weights + polar]
    return jnp.concatenate(pixels, axis=-1), jnp.concatenate(weights, axis=-1)


def _angles(unit: Array) -> tuple[Array, Array]:
    """Return colatitude and azimuth in [0, 2 pi), with finite derivatives at the poles."""
    square = unit[..., 0] ** 2 + unit[..., 1] ** 2
    pole = square == 0
    radius = jnp.where(pole, 0, jnp.sqrt(jnp.where(pole, 1, square)))
    azimuth = jnp.arctan2(unit[..., 1], jnp.where(pole, 1, unit[..., 0]))
    return jnp.arctan2(radius, unit[..., 2]), azimuth % (2 * math.pi)


def _ring_above(nside: int, height: Array) -> Array:
    """Return the last ring at or above a height, 0 when there is none."""
    belt = jnp.floor(nside * (2 - 1.5 * height))
    cap = jnp.floor(nside * jnp.sqrt(3 * (1 - jnp.abs(height))))
    ring = jnp.where(height > 0, cap, 4 * nside - 1 - cap)
    ring = jnp.where(jnp.abs(height) <= 2 / 3, belt, ring)
    return jnp.clip(ring.astype(jnp.result_type(int)), 0, 4 * nside - 1)


def _on_ring(layout: RingLayout, azimuth: Array) -> tuple[Array, Array]:
    """Return the pixels west and east of an azimuth on rings, and the share of each."""
    dtype = azimuth.dtype
    place = azimuth / layout.spacing.astype(dtype) - layout.shift.astype(dtype)
    west = jnp.floor(place)
    share = place - west
    index = west.astype(layout.size.dtype)
    indices = jnp.stack([index, index + 1], axis=-1) % layout.size[..., None]
    return layout.start[..., None] + indices, jnp.stack([1 - share, share], axis=-1)
