"""Rotations between the field frame, equatorial and galactic coordinates, as (3, 3) matrices.

One sense throughout: a matrix takes the components of a direction in the old frame to those
in the new, new = matrix @ old. Its columns are the old axes in the new frame; its transpose
goes back.
"""

import math

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxcr.arrays import ScalarLike
from jaxcr.checks import argument_error, as_float, check_finite, check_range, is_concrete
from jaxcr.vectors import unit_vector

Matrix = Float[Array, "3 3"]
AnyVector = Float[Array | np.ndarray, "xyz=3"]

_ROUND_OFF = 1e-6  # of pi/2 in float32


def rotation_from_axes(first: AnyVector, second: AnyVector) -> Matrix:
    """Return the rotation from the frame whose x axis is ``first`` and whose y is ``second``.

    Parameters
    ----------
    first
        The x axis of the old frame in the new, (3,), any length.
    second
        A vector on the side of the y axis of the old frame, (3,); only its part across
        ``first`` counts.

    Returns
    -------
    (3, 3), new = matrix @ old, right-handed.

    Raises
    ------
    ValueError
        If one of the two is zero or they are parallel.

    Notes
    -----
    Differentiable by both. For a field of any direction: first = field, second = any vector
    across it.
    """
    x = unit_vector("rotation_from_axes: first", as_float(first))
    other = unit_vector("rotation_from_axes: second", as_float(second))
    across = other - jnp.dot(x, other) * x
    # round-off of the subtraction, with a margin
    if is_concrete(across) and float(jnp.linalg.norm(across)) < 10 * jnp.finfo(x.dtype).eps:
        raise argument_error(
            "rotation_from_axes: second",
            expected="a vector that is not parallel to first",
            got=str(other.tolist()),
            remedy="Give a vector across first, for example another axis of the frame.",
        )
    y = across / jnp.linalg.norm(across)
    return jnp.stack([x, y, jnp.cross(x, y)], axis=-1)


def field_to_equatorial(
    right_ascension: ScalarLike, declination: ScalarLike, *, roll: ScalarLike = 0
) -> Matrix:
    """Return the rotation from the field frame to equatorial coordinates.

    The field frame has the mean field along +x. At roll 0 its y axis points east and its z
    axis north of the place where the field points to.

    Parameters
    ----------
    right_ascension, declination
        Where the field, +x, points to, rad.
    roll
        Turn of y and z about the field, from east towards north, rad.

    Returns
    -------
    (3, 3), equatorial = matrix @ field. Equatorial x is at right ascension 0, z at the pole.

    Raises
    ------
    ValueError
        If the declination, where it is known, is beyond a pole, as it would be in degrees.

    Notes
    -----
    R_z(right ascension) R_y(-declination) R_x(roll), differentiable by the three angles.
    """
    bound, remedy = math.pi / 2 + _ROUND_OFF, "Convert both angles from degrees with math.radians."
    check_range("field_to_equatorial: declination", declination, -bound, bound, remedy=remedy)
    check_finite("field_to_equatorial: right_ascension", right_ascension)
    check_finite("field_to_equatorial: roll", roll)
    ra = as_float(right_ascension)
    dec, turn = (as_float(angle).astype(ra.dtype) for angle in (declination, roll))
    return _frame_at(ra, dec, turn)


@jax.jit
def _frame_at(ra: Array, dec: Array, turn: Array) -> Matrix:
    """Return the axes along a place and across it, as columns."""
    zero = jnp.zeros_like(ra)
    x = jnp.stack([jnp.cos(dec) * jnp.cos(ra), jnp.cos(dec) * jnp.sin(ra), jnp.sin(dec)])
    east = jnp.stack([-jnp.sin(ra), jnp.cos(ra), zero])
    north = jnp.cross(x, east)
    y = jnp.cos(turn) * east + jnp.sin(turn) * north
    return jnp.stack([x, y, jnp.cross(x, y)], axis=-1)


def _turn(axis: int, degrees: float) -> Float[np.ndarray, "3 3"]:
    """Return the matrix to coordinates whose axes are turned about one axis."""
    angle = math.radians(degrees)
    matrix = np.eye(3)
    i, j = (axis + 1) % 3, (axis + 2) % 3
    matrix[i, i] = matrix[j, j] = math.cos(angle)
    matrix[i, j], matrix[j, i] = math.sin(angle), -math.sin(angle)
    return matrix


def _equatorial_to_galactic() -> Float[np.ndarray, "3 3"]:
    """Return galactic = matrix @ ICRS."""
    # ICRS to FK5: U.S. Naval Observatory Circular 179 (2005), equation 3.4, milliarcseconds.
    mas = 1 / 3.6e6
    to_fk5 = _turn(0, 19.9 * mas) @ _turn(1, 9.1 * mas) @ _turn(2, -22.9 * mas)
    # North galactic pole and the longitude of the north celestial pole in FK5, J2000: the
    # definition of 1958 in B1950 taken to J2000, with the digits of astropy.
    pole_ra, pole_dec, node = 192.8594812065348, 27.12825118085622, 122.9319185680026
    return _turn(2, 180 - node) @ _turn(1, 90 - pole_dec) @ _turn(2, pole_ra) @ to_fk5


# Galactic = EQUATORIAL_TO_GALACTIC @ equatorial (ICRS), with the values of astropy. healpy's
# own matrix differs from it by 0.033 arcsec.
EQUATORIAL_TO_GALACTIC: Float[np.ndarray, "3 3"] = _equatorial_to_galactic()
EQUATORIAL_TO_GALACTIC.setflags(write=False)
