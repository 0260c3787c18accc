"""Pixels to directions and directions to pixels, RING order."""

import math

import numpy as np
from jaxtyping import Array, Float, Int

from jaxcr.checks import check_positive, check_shape, is_concrete
from jaxcr.sky.healpix.grid import check_nside
from jaxcr.sky.healpix.rings import (
    Pixels,
    Reals,
    check_index_range,
    check_pixels,
    integer_type,
    jitted,
    namespace,
    ring_layout,
    ring_of,
)

Directions = Float[Array | np.ndarray, "*batch xyz"]  # three components, checked by hand


def pixel_direction(nside: int, pixel: Pixels) -> Float[Array | np.ndarray, "*batch xyz=3"]:
    """Return the unit vectors of pixel centres.

    Parameters
    ----------
    nside
        Resolution of the grid, static under ``jit``.
    pixel
        (...), RING order.

    Returns
    -------
    (..., 3); of NumPy in float64 for pixels of NumPy, of JAX in its default type for the others.

    Raises
    ------
    ValueError
        If nside is not a power of two or a pixel, where it is known, not on the grid.

    Notes
    -----
    Equal to ``healpy.pix2vec``. 32-bit pixels reach nside 8192.
    Source: Gorski et al. 2005, ApJ 622, 759, section 5.
    """
    check_pixels(nside, pixel, "pixel_direction")
    return _direction(nside, pixel)


def containing_pixel(nside: int, direction: Directions) -> Int[Array | np.ndarray, "*batch"]:
    """Return the pixels in which directions lie.

    Parameters
    ----------
    nside
        Resolution of the grid, static under ``jit``.
    direction
        (..., 3), of any length but zero.

    Returns
    -------
    (...), RING order; of NumPy for directions of NumPy, of JAX for the others.

    Raises
    ------
    ValueError
        If nside is not a power of two or too large for the integers, the last axis not 3, or a
        vector, where it is known, zero or not finite.

    Notes
    -----
    Equal to ``healpy.vec2pix``, except within round-off of an edge. No derivative. Under
    ``jit`` a vector that is zero or not finite falls into any pixel.
    """
    check_nside(nside, "containing_pixel: nside")
    check_index_range(nside, integer_type(direction), "containing_pixel")
    check_components(direction, "containing_pixel")
    _check_lengths(direction)
    return _pixel(nside, direction)


def check_components(direction: Directions, caller: str) -> None:
    """Raise ``ValueError`` unless directions have three components on their last axis."""
    remedy = "Components are the last axis: transpose, or stack with axis=-1."
    check_shape(f"{caller}: direction", direction, (*direction.shape[:-1], 3), remedy=remedy)


def _check_lengths(direction: Directions) -> None:
    """Raise ``ValueError`` if a known vector has no direction and hence no pixel."""
    if is_concrete(direction):
        length = np.sum(np.abs(np.asarray(direction)), axis=-1)
        remedy = "Leave out what has not arrived."
        check_positive("containing_pixel: length of direction", length, remedy=remedy)


@jitted
def _direction(nside: int, pixel: Pixels) -> Reals:
    """Return the unit vectors of pixel centres."""
    xp = namespace(pixel)
    ring, index = ring_of(nside, pixel)
    layout = ring_layout(nside, ring)
    place = index.astype(layout.height.dtype) + layout.shift
    per_quarter = (layout.size // 4).astype(place.dtype)
    # On the belt the products are rounded one by one as in healpy, so that the centres agree.
    belt = place * math.pi * 0.75 * (2 * nside * (4 / (12 * nside**2)))
    cap = place * (math.pi / 2) / per_quarter
    azimuth = xp.where(layout.size == 4 * nside, belt, cap)
    x, y = layout.radius * xp.cos(azimuth), layout.radius * xp.sin(azimuth)
    return xp.stack([x, y, layout.height], axis=-1)


@jitted
def _pixel(nside: int, direction: Reals) -> Pixels:
    """Return the pixels that contain directions, from the lines that bound them."""
    xp = namespace(direction)
    unit = direction / xp.sqrt(xp.sum(direction**2, axis=-1, keepdims=True))
    height = unit[..., 2]
    quarters = xp.arctan2(unit[..., 1], unit[..., 0]) * (2 / math.pi) % 4
    quarters = xp.where(quarters < 4, quarters, 0)  # the remainder of -1e-20 is rounded to 4
    belt = _belt_pixel(nside, height, quarters)
    cap = _cap_pixel(nside, unit, quarters)
    return xp.where(xp.abs(height) <= 2 / 3, belt, cap)


def _belt_pixel(nside: int, height: Reals, quarters: Reals) -> Pixels:
    """Return the pixels between the polar caps; edges are lines of constant t ± 3z/4."""
    xp = namespace(height)
    azimuth, rise = nside * (0.5 + quarters), (0.75 * nside) * height
    falling = _floor(azimuth - rise)  # number of the edge that runs north-west to south-east
    rising = _floor(azimuth + rise)
    ring = xp.clip(2 * nside + falling - rising, nside, 3 * nside)
    index = (falling + rising - nside + 1) // 2 % (4 * nside)
    return 2 * nside * (nside - 1) + (ring - nside) * 4 * nside + index


def _cap_pixel(nside: int, unit: Reals, quarters: Reals) -> Pixels:
    """Return the pixels of the polar caps, |z| > 2/3."""
    xp = namespace(unit)
    height = xp.abs(unit[..., 2])
    # sqrt(3 (1 - |z|)), without the cancellation at the pole
    width = xp.sqrt((unit[..., 0] ** 2 + unit[..., 1] ** 2) * (3 / (1 + height)))
    inside = quarters - xp.floor(quarters)
    east = xp.minimum(_floor(nside * inside * width), nside - 1)
    west = xp.minimum(_floor(nside * (1 - inside) * width), nside - 1)
    near = xp.minimum(east + west + 1, nside)
    index = xp.minimum(_floor(quarters * near.astype(quarters.dtype)), 4 * near - 1)
    south = 12 * nside**2 - 2 * near * (near + 1) + index
    return xp.where(unit[..., 2] > 0, 2 * near * (near - 1) + index, south)


def _floor(value: Reals) -> Pixels:
    """Return floor as an integer."""
    return namespace(value).floor(value).astype(integer_type(value))
