"""Rings of the HEALPix grid: which ring a pixel lies on, and where the rings lie.

Written for arrays of NumPy and of JAX alike: NumPy stays on the host, in float64.
Ring 1 is next to the north pole, ring 4 nside - 1 next to the south pole, and the index on a
ring starts at 0. Source: Gorski et al. 2005, ApJ 622, 759, section 5.
"""

import math
from functools import lru_cache
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from jaxcr.checks import argument_error, check_range, is_concrete
from jaxcr.sky.healpix.grid import check_nside

Pixels = Int[Array | np.ndarray, "..."]
Reals = Float[Array | np.ndarray, "..."]

LARGEST_INT32_NSIDE = 8192  # 12 nside² < 2³¹


class RingLayout(NamedTuple):
    """First pixel, number of pixels and position of rings, all of one shape."""

    start: Pixels
    size: Pixels
    shift: Reals  # azimuth of the first pixel in units of the pixel spacing, 0 or 1/2
    height: Reals  # z
    radius: Reals  # sqrt(1 - z²)
    spacing: Reals  # azimuth between neighbours, rad


def ring_of(nside: int, pixel: Pixels) -> tuple[Pixels, Pixels]:
    """Return the ring of each pixel and the index on it."""
    xp = namespace(pixel)
    total, cap = 12 * nside**2, 2 * nside * (nside - 1)
    mirrored = xp.minimum(pixel, total - 1 - pixel)  # the southern cap is the northern reversed
    near = (1 + _integer_root(1 + 2 * mirrored)) // 2
    index = mirrored - 2 * near * (near - 1)
    north, south = pixel < cap, pixel >= total - cap
    belt = pixel - cap
    ring = xp.where(south, 4 * nside - near, nside + belt // (4 * nside))
    place = xp.where(south, 4 * near - 1 - index, belt % (4 * nside))
    return xp.where(north, near, ring), xp.where(north, index, place)


def ring_layout(nside: int, ring: Pixels) -> RingLayout:
    """Return where rings 1 ... 4 nside - 1 lie."""
    xp, dtype = namespace(ring), float_type(ring)
    total, cap = 12 * nside**2, 2 * nside * (nside - 1)
    near = xp.minimum(ring, 4 * nside - ring)  # rings from the nearer pole
    polar = near < nside
    per_quarter = xp.minimum(near, nside)
    first = xp.where(polar, 2 * near * (near - 1), cap + (near - nside) * 4 * nside)
    start = xp.where(ring > 2 * nside, total - first - 4 * per_quarter, first)
    shift = xp.where(polar | ((near - nside) % 2 == 0), 0.5, 0.0).astype(dtype)
    offset = (2 * nside - ring).astype(dtype)
    depth = near.astype(dtype) ** 2 / (3.0 * nside**2)  # 1 - |z| in the caps
    belt = offset * (2.0 / (3.0 * nside))
    height = xp.where(polar, xp.sign(offset) * (1 - depth), belt)
    square = xp.where(polar, depth * (2 - depth), (1 - belt) * (1 + belt))
    spacing = (math.pi / 2) / per_quarter.astype(dtype)
    return RingLayout(start, 4 * per_quarter, shift, height, xp.sqrt(square), spacing)


class RingTable(NamedTuple):
    """All rings from north to south, on the host; the ring of a pixel is counted from 0 here."""

    start: Int[np.ndarray, " ring"]
    size: Int[np.ndarray, " ring"]
    shift: Float[np.ndarray, " ring"]
    spacing: Float[np.ndarray, " ring"]
    colatitude: Float[np.ndarray, " ring"]  # rad
    of_pixel: Int[np.ndarray, " pixel"]


@lru_cache(maxsize=16)
def ring_table(nside: int) -> RingTable:
    """Return where the 4 nside - 1 rings lie, and the ring of each pixel (read-only)."""
    check_nside(nside, "ring_table: nside")
    layout = ring_layout(nside, np.arange(1, 4 * nside))
    colatitude = np.arctan2(layout.radius, layout.height)  # precise at the poles too
    of_pixel = np.repeat(np.arange(4 * nside - 1), layout.size)
    shift, spacing = layout.shift, layout.spacing
    table = RingTable(layout.start, layout.size, shift, spacing, colatitude, of_pixel)
    for array in table:
        array.setflags(write=False)
    return table


def namespace(array: Array | np.ndarray) -> Any:
    """Return ``numpy`` for arrays of the host and ``jax.numpy`` for the others."""
    return np if isinstance(array, np.ndarray) else jnp


def float_type(array: Array | np.ndarray) -> Any:
    """Return the float type that goes with integers: float64 on the host, else JAX's default."""
    return np.dtype(np.float64) if isinstance(array, np.ndarray) else jnp.result_type(float)


def integer_type(array: Array | np.ndarray) -> Any:
    """Return the integer type of pixels found from directions: int64, or JAX's default."""
    return np.dtype(np.int64) if isinstance(array, np.ndarray) else jnp.result_type(int)


def on_host(name: str, values: Array | np.ndarray) -> Float[np.ndarray, "..."]:
    """Return values as float64 of NumPy; raise for those that jit traces."""
    if not is_concrete(values):
        raise argument_error(
            name,
            expected="numbers that are known",
            got="an array inside jit",
            remedy="This step runs in NumPy: call it outside, and pass its result in.",
        )
    return np.asarray(values, float)


def check_pixels(nside: int, pixel: Pixels, caller: str) -> None:
    """Raise ``ValueError`` unless nside is a grid and the pixels, where known, lie on it."""
    check_nside(nside, f"{caller}: nside")
    check_index_range(nside, pixel.dtype, caller)
    most, remedy = 12 * nside**2 - 1, "Perhaps the pixels belong to a grid of another nside."
    check_range(f"{caller}: pixel", pixel, 0, most, remedy=remedy)


def check_index_range(nside: int, dtype: Any, caller: str) -> None:
    """Raise ``ValueError`` when integers of this type cannot number the pixels."""
    if 12 * nside**2 > np.iinfo(dtype).max:
        raise argument_error(
            f"{caller}: nside",
            expected=f"a grid whose pixels fit into {np.dtype(dtype).name}",
            got=nside,
            remedy=f"int32 reaches nside {LARGEST_INT32_NSIDE}; beyond, use int64 and "
            "jax_enable_x64.",
        )


def jitted(function: Any) -> Any:
    """Return a function of (nside, array) that is compiled for arrays of JAX only."""
    compiled = jax.jit(function, static_argnums=0)

    def apply(nside, array):
        if isinstance(array, np.ndarray):
            return np.asarray(function(nside, array[None])[0])  # no scalars inside
        return compiled(nside, array)

    return apply


def _integer_root(value: Pixels) -> Pixels:
    """Return floor(sqrt(value)), exact also where the float root is not."""
    xp = namespace(value)
    root = xp.floor(xp.sqrt(value.astype(float_type(value)))).astype(value.dtype)
    root = root - (root * root > value).astype(value.dtype)
    return root + ((root + 1) * (root + 1) <= value).astype(value.dtype)
