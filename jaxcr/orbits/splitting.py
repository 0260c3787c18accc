"""Splitting schemes: straight drifts and exact rotations, composed to order 2 or 4."""

import jax.numpy as jnp

from jaxcr.arrays import Scalar, Vector
from jaxcr.checks import argument_error
from jaxcr.orbits.fixed_step import FixedStepPusher
from jaxcr.orbits.lorentz import Lorentz
from jaxcr.vectors import cross, dot

# Blanes & Moan (2002), table 2, S6 of order 4: drifts A, rotations B, symmetric.
_DRIFTS = (0.0792036964311957, 0.353172906049774, -0.0420650803577195)
_ROTATIONS = (0.209515106613362, -0.143851773179818)
_DRIFTS += (1 - 2 * sum(_DRIFTS),)
_ROTATIONS += (0.5 - sum(_ROTATIONS),)


class Strang(FixedStepPusher):
    """Drift half, turn by the exact angle, drift half: Boris without its lag of the gyro phase.

    Parameters
    ----------
    step
        Step in pc. Default: half a cell of the field, at most a tenth of the smallest gyroradius.
    step_cells
        Step in cells of the field's grid, instead of ``step``.

    Notes
    -----
    Second order, |n| = 1 to round-off, one field evaluation per step, time-reversible. In a
    uniform field the direction is exact; the circle is smaller by (h / r_L)²/12.
    Magnetic fields only.
    """

    def check(self, motion: Lorentz) -> None:
        """Refuse an electric field."""
        _refuse_electric(self, motion)

    def advance(self, motion: Lorentz, position: Vector, direction: Vector, length: Scalar):
        """Drift half, rotate by the midpoint field, drift half."""
        middle = position + 0.5 * length * motion.velocity(direction)
        direction = _turn(motion.at(0.5 * length), middle, direction, length)
        return middle + 0.5 * length * motion.velocity(direction), direction


class BlanesMoan4(FixedStepPusher):
    """Seven drifts and six exact rotations: order 4, for smooth fields.

    Parameters
    ----------
    step
        Step in pc. Default: half a cell of the field, at most a tenth of the smallest gyroradius.
    step_cells
        Step in cells of the field's grid, instead of ``step``.

    Notes
    -----
    Six field evaluations per step; order 4 on ``CubicSpline`` and analytic fields, 2 on
    ``Linear``. |n| = 1 to round-off, time-reversible, volume in phase space kept exactly.
    Magnetic fields only. Source: Blanes & Moan, J. Comput. Appl. Math. 142 (2002) 313.
    """

    def check(self, motion: Lorentz) -> None:
        """Refuse an electric field."""
        _refuse_electric(self, motion)

    def advance(self, motion: Lorentz, position: Vector, direction: Vector, length: Scalar):
        """Compose the drifts and rotations, first half mirrored in the second.

        Time goes on with the drifts, a fourth coordinate.
        """
        position = position + _DRIFTS[0] * length * motion.velocity(direction)
        gone = _DRIFTS[0]
        drifts = (*_DRIFTS[1:], *_DRIFTS[2::-1])
        rotations = (*_ROTATIONS, *_ROTATIONS[::-1])
        for drift, rotation in zip(drifts, rotations, strict=True):
            direction = _turn(motion.at(gone * length), position, direction, rotation * length)
            position = position + drift * length * motion.velocity(direction)
            gone += drift
        return position, direction


def _turn(motion: Lorentz, position: Vector, direction: Vector, length: Scalar) -> Vector:
    """Turn by the angle that the field at ``position`` makes in ``length``."""
    vector = length * motion.rotation(position)
    if not motion.has_light_speed:
        vector = vector / motion.energy(direction)
    square = dot(vector, vector)
    # sin(x)/x and (1 - cos x)/x², the latter from the half angle, which loses no digits; their
    # derivatives exist without a field, too.
    small = square < 1e-12
    angle = jnp.sqrt(jnp.where(small, 1, square))
    half = jnp.sinc(0.5 * angle / jnp.pi)
    first = jnp.where(small, 1 - square / 6, jnp.sin(angle) / angle)
    second = jnp.where(small, 0.5 - square / 24, 0.5 * half**2)
    across = cross(direction, vector)
    return direction + first * across + second * cross(across, vector)


def _refuse_electric(pusher: FixedStepPusher, motion: Lorentz) -> None:
    if motion.electric is not None:
        raise argument_error(
            f"{type(pusher).__name__}: electric",
            expected="no electric field",
            got=type(motion.electric).__name__,
            remedy="Use Boris() or DiffraxPusher().",
        )
