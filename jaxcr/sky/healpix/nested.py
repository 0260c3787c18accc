"""RING and NESTED numbering of the same pixels, through the face and the place on it.

In the plane of the projection, with the azimuth in quarter turns and 3z/4 on the belt as the
height, the twelve faces are equal squares on their tips. ``column`` and ``row`` are both
coordinates in units of 1 / (2 nside), integers at the pixel centres.
Source: Gorski et al. 2005, ApJ 622, 759, section 5; Calabretta & Roukema 2007, MNRAS 381, 865.
"""

import math

from jaxcr.sky.healpix.rings import Pixels, check_pixels, jitted, namespace, ring_layout, ring_of


def ring_to_nest(nside: int, pixel: Pixels) -> Pixels:
    """Return the NESTED numbers of pixels given in RING order, equal to ``healpy.ring2nest``.

    Parameters
    ----------
    nside
        Resolution of the grid, static under ``jit``.
    pixel
        (...), of NumPy or of JAX; the result is of the same kind and integer type.

    Raises
    ------
    ValueError
        If nside is not a power of two or a pixel, where it is known, not on the grid.
    """
    check_pixels(nside, pixel, "ring_to_nest")
    return _to_nest(nside, pixel)


def nest_to_ring(nside: int, pixel: Pixels) -> Pixels:
    """Return the RING numbers of pixels given in NESTED order, equal to ``healpy.nest2ring``.

    Parameters
    ----------
    nside, pixel
        As in `ring_to_nest`.

    Raises
    ------
    ValueError
        As `ring_to_nest`.
    """
    check_pixels(nside, pixel, "nest_to_ring")
    return _to_ring(nside, pixel)


@jitted
def _to_nest(nside: int, pixel: Pixels) -> Pixels:
    """Find the face between two families of diagonals, and x and y on it."""
    xp = namespace(pixel)
    ring, index = ring_of(nside, pixel)
    row = 2 * nside - ring
    column = _column(nside, ring, index)
    falling = (column - row + nside) // (2 * nside)
    rising = (column + row + nside) // (2 * nside)
    south_or_north = xp.where(falling < rising, falling, 8 + rising)
    face = xp.where(falling == rising, 4 + falling % 4, south_or_north)
    right, up = column - _face_column(nside, face), row - _face_row(nside, face)
    right = xp.where(right > 4 * nside, right - 8 * nside, right)  # face 4 lies about azimuth 0
    x, y = (up + right + nside - 1) // 2, (up - right + nside - 1) // 2
    return face * nside**2 + _spread(nside, x) + 2 * _spread(nside, y)


@jitted
def _to_ring(nside: int, pixel: Pixels) -> Pixels:
    """Place x and y on their face, and count along the ring."""
    xp = namespace(pixel)
    face, place = pixel // nside**2, pixel % nside**2
    x, y = _gather(nside, place), _gather(nside, place // 2)
    ring = 2 * nside - _face_row(nside, face) - (x + y + 1 - nside)
    near = xp.minimum(xp.minimum(ring, 4 * nside - ring), nside)
    on_cap = face % 4 * near + (x - y + near - 1) // 2
    on_belt = (_face_column(nside, face) + x - y) % (8 * nside) // 2
    return ring_layout(nside, ring).start + xp.where(near < nside, on_cap, on_belt)


def _column(nside: int, ring: Pixels, index: Pixels) -> Pixels:
    """Return the column of pixels; in the caps each quarter is narrower than its face."""
    xp = namespace(ring)
    near = xp.minimum(xp.minimum(ring, 4 * nside - ring), nside)
    quarter, inside = index // near, index % near
    on_cap = (2 * quarter + 1) * nside + 2 * inside + 1 - near
    return xp.where(near < nside, on_cap, 2 * index + (1 + ring - nside) % 2)


def _face_column(nside: int, face: Pixels) -> Pixels:
    """Return the column of the centre of faces."""
    return 2 * nside * (face % 4) + nside * (1 - face // 4 % 2)


def _face_row(nside: int, face: Pixels) -> Pixels:
    """Return the row of the centre of faces: nside in the north, 0 on the belt."""
    return nside * (1 - face // 4)


def _spread(nside: int, value: Pixels) -> Pixels:
    """Move bit b to bit 2b."""
    return sum((value >> bit & 1) << 2 * bit for bit in range(_bits(nside)))


def _gather(nside: int, value: Pixels) -> Pixels:
    """Move bit 2b to bit b."""
    return sum((value >> 2 * bit & 1) << bit for bit in range(_bits(nside)))


def _bits(nside: int) -> int:
    """Return how many bits a place on a face has, one at least."""
    return max(1, math.ceil(math.log2(nside)))
