"""The Boris pusher: drift, rotate, drift; the production scheme for ensembles."""

from jaxcr.arrays import Scalar, Vector
from jaxcr.orbits.fixed_step import FixedStepPusher
from jaxcr.orbits.lorentz import Lorentz
from jaxcr.vectors import cross, dot


class Boris(FixedStepPusher):
    """Leapfrog with a rotation of the direction by the field at the midpoint of each step.

    Parameters
    ----------
    step
        Step in pc. Default: half a cell of the field, at most a tenth of the smallest gyroradius.
    step_cells
        Step in cells of the field's grid, instead of ``step``.

    Notes
    -----
    Second order, |n| = 1 to round-off, one field evaluation per step, time-reversible. The gyro
    phase lags by (h / r_L)²/12 of itself; ``Strang`` has no lag. An electric field acts in two
    halves, before and after the rotation. Fields in time are those of halfway. Source: Boris
    (1970); Birdsall & Langdon, sec. 4-4.
    """

    def check(self, motion: Lorentz) -> None:
        """Accept every motion."""

    def advance(self, motion: Lorentz, position: Vector, direction: Vector, length: Scalar):
        """Drift half, rotate by the midpoint field, drift half."""
        middle = position + 0.5 * length * motion.velocity(direction)
        motion = motion.at(0.5 * length)
        half = 0.5 * length * motion.rotation(middle)
        if motion.electric is not None:
            push = 0.5 * length * motion.push(middle)
            direction = direction + push
        if not motion.has_light_speed:
            half = half / motion.energy(direction)
        turned = direction + cross(direction, half)
        direction = direction + cross(turned, 2 / (1 + dot(half, half)) * half)
        if motion.electric is not None:
            direction = direction + push
        return middle + 0.5 * length * motion.velocity(direction), direction
