"""Arrival directions: grouped by the pixel they lie in, or scattered over the whole sky."""

import math

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Key

from jaxcr.checks import argument_error, check_range
from jaxcr.sky.healpix import check_nside, nest_to_ring, pixel_direction, ring_to_nest

_FINEST_NSIDE = 8192  # pixel numbers fit into 32 bits


def refined_directions(nside: int, per_pixel: int) -> Float[np.ndarray, "pixel child xyz=3"]:
    """Return ``per_pixel`` directions inside each pixel: the centres of its HEALPix children.

    Parameters
    ----------
    nside
        Resolution of the map, RING order.
    per_pixel
        1, 4, 16, ...: a power of four.

    Raises
    ------
    ValueError
        If ``nside`` is not a power of two or ``per_pixel`` not a power of four.
    """
    check_nside(nside, "refined_directions: nside")
    check_per_pixel(per_pixel, "refined_directions: per_pixel")
    factor = math.isqrt(per_pixel)
    parent = ring_to_nest(nside, np.arange(12 * nside**2))
    child = parent[:, None] * per_pixel + np.arange(per_pixel)
    return pixel_direction(nside * factor, nest_to_ring(nside * factor, child))


def jittered_directions(
    key: Key[Array, ""], nside: int, per_pixel: int
) -> Float[Array, "pixel child xyz=3"]:
    """Return one random direction inside each of the ``per_pixel`` children of each pixel.

    Unbiased means over pixels also where the sky has structure below the pixel, at the price
    of a little noise.

    Parameters
    ----------
    nside, per_pixel
        As for `refined_directions`.

    Raises
    ------
    ValueError
        As `refined_directions`, and when the children are smaller than pixels of nside 8192.

    Notes
    -----
    Drawn among the pixel centres of a grid as fine as nside 8192.
    """
    check_nside(nside, "jittered_directions: nside")
    check_per_pixel(per_pixel, "jittered_directions: per_pixel")
    children = nside * math.isqrt(per_pixel)
    check_range("jittered_directions: nside * sqrt(per_pixel)", children, 1, _FINEST_NSIDE)
    finest = min(children * 2**10, _FINEST_NSIDE)
    inside = (finest // children) ** 2
    parent = jnp.asarray(ring_to_nest(nside, np.arange(12 * nside**2)), jnp.int32)
    child = parent[:, None] * per_pixel + jnp.arange(per_pixel, dtype=jnp.int32)[None]
    place = jax.random.randint(key, child.shape, 0, inside, jnp.int32)
    return pixel_direction(finest, nest_to_ring(finest, child * inside + place))


def random_directions(key: Key[Array, ""], num: int) -> Float[Array, "particle xyz=3"]:
    """Return ``num`` directions drawn uniformly from the sphere, for counting maps.

    Raises
    ------
    ValueError
        If ``num`` is below 1.
    """
    check_range("random_directions: num", num, 1)
    vectors = jax.random.normal(key, (num, 3))
    return vectors / jnp.linalg.norm(vectors, axis=-1, keepdims=True)


def first_half(per_pixel: int) -> Bool[np.ndarray, " child"]:
    """Return which children of a pixel belong to the first of two disjoint halves.

    The halves are the two colours of a chessboard, so that both have the centre of the pixel
    as their mean and a gradient of the map does not tell them apart.
    """
    check_per_pixel(per_pixel, "half-maps: per_pixel", halves=True)
    index = np.arange(per_pixel)
    return ((index ^ (index >> 1)) & 1) == 0


def check_per_pixel(per_pixel: int, name: str, *, halves: bool = False) -> None:
    """Raise ``ValueError`` unless ``per_pixel`` is a power of four.

    Parameters
    ----------
    name
        The argument as the caller wrote it, for the message.
    halves
        Whether the orbits are to be split in two disjoint halves, which takes 4 or more.
    """
    factor = math.isqrt(max(per_pixel, 0))
    least = 4 if halves else 1
    if per_pixel < least or factor**2 != per_pixel or factor & (factor - 1):
        raise argument_error(
            name,
            expected="a power of four, 4, 16, ..." if halves else "a power of four: 1, 4, 16, ...",
            got=per_pixel,
            remedy="4 gives two disjoint halves of two orbits in each pixel.",
        )
