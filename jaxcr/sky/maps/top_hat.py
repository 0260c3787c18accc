"""Smoothing with a disc: the mean over all pixels whose centres lie within a radius.

Directly on the pixels, not through harmonics: weights, masks and edges are then exact and
nothing rings. A disc cuts each ring of the grid in one arc, whose sum is the difference of two
running sums, so that a map takes 12 nside² times the number of rings in the disc.
"""

import math
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from jaxcr.checks import check_range, check_shape, is_concrete
from jaxcr.sky.healpix.grid import nside_of, without_unseen
from jaxcr.sky.healpix.rings import ring_layout, ring_of
from jaxcr.sky.maps.least_squares import SkyMap

Weight = Float[Array | np.ndarray, " weight_pixel"] | Bool[Array | np.ndarray, " weight_pixel"]


def top_hat_smooth(
    map: SkyMap, *, radius: float | int, weight: Weight | None = None
) -> Float[Array, " pixel"]:
    """Return the mean of the map over a disc about each pixel, as observatories publish.

    sum w map / sum w over the pixels whose centres lie within the radius, itself included.

    Parameters
    ----------
    map
        (pixel,), RING order. Pixels that are NaN or UNSEEN were not observed and have no weight;
        inside jit they make the result NaN unless their weight is 0.
    radius
        Of the disc, rad, 0 ... pi.
    weight
        (pixel,), finite, >= 0: a mask, an exposure or 1 / error². Ones if not given.

    Returns
    -------
    (pixel,), in units of the map; NaN where the disc holds no weight.

    Raises
    ------
    ValueError
        If the map has no HEALPix size, the weight another shape or values that are negative or
        not finite, or the radius is out of range.

    Notes
    -----
    Linear in the map; piecewise constant in the radius. Pixels closer than the diameter share
    data: never take C_l or count significances as independent. For a wide disc and a smooth
    map C_l falls by {[P_(l-1)(c) - P_(l+1)(c)] / [(2l+1)(1-c)]}², c = cos(radius).
    """
    map = without_unseen(map)
    nside = nside_of(map.shape[-1])
    check_range("top_hat_smooth: radius", radius, 0.0, math.pi, remedy="In rad: math.radians.")
    check_shape("top_hat_smooth: weight", weight, map.shape)
    check_range("top_hat_smooth: weight", weight, 0.0, remedy="0 where a pixel does not count.")
    weight = jnp.ones_like(map) if weight is None else jnp.asarray(weight).astype(map.dtype)
    if is_concrete(map):
        weight = jnp.where(jnp.isnan(map), 0, weight)
    return _disc_mean(nside, map, weight, _arcs(nside, float(radius)))


class _Arcs(NamedTuple):
    """For each offset between the rings of source and centre: half the arc, on each ring."""

    offset: Int[np.ndarray, " offset"]
    half: Float[np.ndarray, "offset ring"]  # rad; below 0 where the disc misses the ring


def _arcs(nside: int, radius: float) -> _Arcs:
    """Return half the arc of azimuth that discs cut from the rings about their centres."""
    rings = np.arange(1, 4 * nside)
    layout = ring_layout(nside, rings)
    colatitude = np.arctan2(layout.radius, layout.height)
    reach = math.floor(radius * 1.5 * nside) + 1  # rings are at least 2 / (3 nside) apart
    reach = min(reach, 4 * nside - 2)
    offset = np.arange(-reach, reach + 1)
    source = rings + offset[:, None]
    exists = (source >= 1) & (source < 4 * nside)
    source = np.clip(source, 1, 4 * nside - 1) - 1
    # sin²(a/2) = [sin²(radius/2) - sin²(dtheta/2)] / (sin theta sin theta'), without cancellation
    across = np.sin((colatitude - colatitude[source]) / 2) ** 2
    square = np.sin(radius / 2) ** 2 - across + 1e-15  # a pixel on the edge is inside
    square /= layout.radius * layout.radius[source]
    half = 2 * np.arcsin(np.sqrt(np.clip(square, 0, 1)))
    return _Arcs(offset, np.where(exists & (square >= 0), half, -1.0))


@partial(jax.jit, static_argnums=0)
def _disc_mean(nside: int, map: Array, weight: Array, arcs: _Arcs) -> Array:
    """Add moment, weight and number of pixels arc by arc, and divide the first two."""
    used = weight > 0
    moment = jnp.where(used, weight * jnp.where(used, map, 0), 0)
    sums = jnp.stack([moment, weight, used.astype(map.dtype)])
    ring, index = ring_of(nside, jnp.arange(12 * nside**2))
    layout = ring_layout(nside, ring)
    azimuth = (index.astype(layout.shift.dtype) + layout.shift) * layout.spacing
    table = jnp.zeros((3, 4 * nside, 4 * nside + 1), sums.dtype)  # row 0 stays empty
    running = jnp.cumsum(table.at[:, ring, index + 1].set(sums), axis=-1)

    @jax.checkpoint
    def add(total, arc):
        offset, half = arc
        source = jnp.clip(ring + offset, 1, 4 * nside - 1)
        return total + _arc_sum(nside, running, source, azimuth, half[ring - 1]), None

    half = arcs.half.astype(azimuth.dtype)
    moment, weight, seen = jax.lax.scan(add, jnp.zeros_like(sums), (arcs.offset, half))[0]
    some = seen > 0.5  # whole numbers, exact, where differences of weights leave round-off
    return jnp.where(some, moment, jnp.nan) / jnp.where(some, weight, 1)


def _arc_sum(nside: int, running: Array, ring: Array, azimuth: Array, half: Array) -> Array:
    """Return the sums over the pixels of rings within an arc about each azimuth."""
    layout = ring_layout(nside, ring)
    spacing, shift = layout.spacing, layout.shift
    slack = 16 * nside * jnp.finfo(azimuth.dtype).eps  # in pixels: the centre itself is inside
    first = jnp.ceil((azimuth - half) / spacing - shift - slack).astype(ring.dtype)
    last = jnp.floor((azimuth + half) / spacing - shift + slack).astype(ring.dtype)
    last = jnp.where(half < 0, first - 1, jnp.minimum(last, first + layout.size - 1))

    def up_to(index):  # sum over all pixels before an index, which may run over the turn
        turns, place = index // layout.size, index % layout.size
        whole = running[:, ring, layout.size]
        return turns[None].astype(running.dtype) * whole + running[:, ring, place]

    return up_to(last + 1) - up_to(first)
