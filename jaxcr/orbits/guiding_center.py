"""Guiding centres: drifts and mirror force, and a pusher that uses them where they are valid."""

import diffrax
import equinox as eqx
import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from jaxcr.arrays import Scalar, ScalarLike, Vector
from jaxcr.checks import argument_error, as_float, check_positive, check_range
from jaxcr.compilation import jit_loop
from jaxcr.fields import Field
from jaxcr.fields.field import check_static
from jaxcr.fields.local_field import LocalField, local_field
from jaxcr.kinetic import guiding_center_velocity
from jaxcr.orbits.boris import Boris
from jaxcr.orbits.lorentz import Lorentz
from jaxcr.orbits.pusher import Pusher
from jaxcr.units import GYRORADIUS
from jaxcr.vectors import cross, dot

_BORIS = Boris()
_ITERATIONS = 8  # of the gyrocentre, each smaller than the last by r_L over the scale of the field
_FULL_STEP = 0.1  # gyroradii
_LONGEST_STEP = 100.0  # gyroradii


class GuidingTrack(eqx.Module):
    """A guiding centre at equal intervals of path.

    Attributes
    ----------
    path
        In pc, ``(time,)``.
    position
        Of the guiding centre in pc, ``(time, 3)``.
    cosine
        Pitch-angle cosine, ``(time,)``.
    moment
        M = (1 - mu²)/|B| in 1/µG, a constant.
    """

    path: Float[Array, " time"]
    position: Float[Array, "time xyz=3"]
    cosine: Float[Array, " time"]
    moment: Scalar


def trace_guiding_center(
    field: Field,
    position: Vector,
    direction: Vector,
    *,
    rigidity: ScalarLike,
    path_length: ScalarLike,
    num_samples: int,
    rtol: ScalarLike = 1e-8,
    atol: ScalarLike = 1e-10,
) -> GuidingTrack:
    """Trace the guiding centre of one particle with an adaptive diffrax solver.

    Parameters
    ----------
    position, direction
        Of the particle at the start, in pc and as a unit vector, ``(3,)``.
    rigidity, path_length
        In PV with the sign of the charge; in pc.
    num_samples
        Intervals at whose ends the guiding centre is kept.
    rtol, atol
        As for ``diffrax.PIDController``.

    Notes
    -----
    Valid while the gyroradius is small against the scale of the field; see ``GuidingCenter``
    for a pusher that checks. NaN where 100,000 steps are too few, or a number is none.
    """
    check_static("trace_guiding_center: field", field)
    check_positive("trace_guiding_center: path_length", path_length)
    check_range("trace_guiding_center: num_samples", num_samples, 1.0)
    path_length = as_float(path_length).astype(position.dtype)
    return _trace(field, position, direction, as_float(rigidity), path_length, num_samples,
                  as_float(rtol), as_float(atol))  # fmt: skip


@jit_loop
def _trace(field, position, direction, rigidity, path_length, num_samples, rtol, atol):
    # Counted from the start, so that short steps are not lost far from 0.
    motion = Lorentz(field, rigidity).about(position)
    center, here = _gyrocenter(motion, jnp.zeros_like(position), direction)
    cosine = dot(direction, here.unit)
    moment = (1 - cosine**2) / here.strength

    def slope(s, state, args):
        return guiding_center_velocity(motion.field, *state, moment, rigidity)

    path = jnp.arange(num_samples + 1, dtype=path_length.dtype) * (path_length / num_samples)
    solution = diffrax.diffeqsolve(
        diffrax.ODETerm(slope), diffrax.Tsit5(), path[0], path[-1], 0.01 * here.scale,
        (center, cosine), saveat=diffrax.SaveAt(ts=path), max_steps=100_000,
        stepsize_controller=diffrax.PIDController(rtol=rtol, atol=atol), throw=False,
    )  # fmt: skip
    done = solution.result == diffrax.RESULTS.successful
    centers, cosines = (jnp.where(done, y, jnp.nan) for y in solution.ys)
    return GuidingTrack(path, position[None] + centers, cosines, moment)


class GuidingCenter(Pusher):
    """Steps of the guiding centre where the gyroradius is small, and of the full orbit elsewhere.

    Parameters
    ----------
    threshold
        Largest ratio of the gyroradius to the scale of the field, |B| over the norm of its
        derivative, at which the guiding centre is followed. Above it: Boris steps of a tenth
        of the local gyroradius.
    step_share
        Step of the guiding centre over the scale of the field, at most 100 gyroradii long.

    Notes
    -----
    Lanes hold the particle, not its guiding centre: every step goes from one to the other and
    back, so that stops and records are those of the particle. The magnetic moment is kept; the
    gyro phase is right to first order only. Thirteen evaluations a step. Magnetic fields and
    particles at the speed of light only.
    """

    threshold: Scalar
    step_share: Scalar

    def __init__(self, threshold: ScalarLike = 0.02, *, step_share: ScalarLike = 0.1):
        full = "A threshold of 0 follows full orbits everywhere."
        check_range("GuidingCenter: threshold", threshold, 0.0, 1.0, ends="[)", remedy=full)
        check_range("GuidingCenter: step_share", step_share, 0.0, 1.0, ends="(]")
        self.threshold, self.step_share = as_float(threshold), as_float(step_share)

    def prepare(self, motion: Lorentz) -> "GuidingCenter":
        """Return the pusher: steps depend on the place."""
        check_static("GuidingCenter: field", motion.field)
        if not motion.has_light_speed:
            raise argument_error(
                "GuidingCenter: electric, rest_rigidity",
                expected="neither",
                got="one of them",
                remedy="Use Boris() or DiffraxPusher().",
            )
        return self

    def init(self, motion: Lorentz, position: Vector, direction: Vector) -> Scalar:
        """Return the length of the first step."""
        return self._length(motion, *_gyrocenter(motion, position, direction))

    def step_length(self, state: Scalar) -> Scalar:
        """Return the length of the step that comes next."""
        return state

    def shortened(self, state: Scalar, length: Scalar) -> Scalar:
        """Return the shorter step."""
        return length

    def step(self, motion: Lorentz, position: Vector, direction: Vector, state: Scalar):
        """Make one step; none is rejected."""
        position, direction = self.advance(motion, position, direction, state)
        following = self._length(motion, *_gyrocenter(motion, position, direction))
        return position, direction, state, following

    def advance(self, motion: Lorentz, position: Vector, direction: Vector, length: Scalar):
        """Move the guiding centre, or the particle where that is not valid."""
        center, here = _gyrocenter(motion, position, direction)
        guided = _follow_center(motion, center, here, direction, length)
        full = _BORIS.advance(motion, position, direction, length)
        valid = _gyroradius(motion, here) < self.threshold.astype(length.dtype) * here.scale
        return tuple(jnp.where(valid, a, b) for a, b in zip(guided, full, strict=True))

    def _length(self, motion: Lorentz, center: Vector, here: LocalField) -> Scalar:
        gyroradius = _gyroradius(motion, here)
        valid = gyroradius < self.threshold.astype(gyroradius.dtype) * here.scale
        long = jnp.minimum(
            self.step_share.astype(gyroradius.dtype) * here.scale, _LONGEST_STEP * gyroradius
        )
        return jnp.where(valid, jnp.maximum(long, _FULL_STEP * gyroradius), _FULL_STEP * gyroradius)


def _gyroradius(motion: Lorentz, here: LocalField) -> Scalar:
    return GYRORADIUS * jnp.abs(motion.rigidity).astype(here.strength.dtype) / here.strength


def _gyrocenter(motion: Lorentz, position: Vector, direction: Vector) -> tuple[Vector, LocalField]:
    """Return the X with x = X - rho(X), and the field there: the way back is then exact."""

    def nearer(_, center):
        strength = motion.field(center)
        square = jnp.maximum(dot(strength, strength), jnp.finfo(position.dtype).tiny)
        lever = GYRORADIUS * motion.rigidity.astype(position.dtype) / square
        return position + lever * cross(direction, strength)

    center = lax.fori_loop(0, _ITERATIONS, nearer, position)
    return center, local_field(motion.field, center)


def _follow_center(motion, center, here: LocalField, direction, length) -> tuple[Vector, Vector]:
    """Return the particle after a Runge-Kutta step of its guiding centre, and of its phase."""
    rigidity = motion.rigidity.astype(length.dtype)
    cosine = dot(direction, here.unit)
    moment = (1 - cosine**2) / here.strength
    first, second = _across(here.unit)
    phase = jnp.arctan2(-dot(direction, second), dot(direction, first))

    def slope(state):
        x, mu, _ = state
        strength = motion.field(x)
        turn = jnp.sqrt(dot(strength, strength)) / (GYRORADIUS * rigidity)
        return (*guiding_center_velocity(motion.field, x, mu, moment, rigidity), turn)

    center, cosine, phase = runge_kutta(slope, (center, cosine, phase), length)
    strength = motion.field(center)
    size = jnp.sqrt(dot(strength, strength))
    unit = strength / jnp.maximum(size, jnp.finfo(size.dtype).tiny)
    cosine = jnp.clip(cosine, -1, 1)
    first, second = _across(unit)
    across = jnp.sqrt(1 - cosine**2) * (jnp.cos(phase) * first - jnp.sin(phase) * second)
    direction = cosine * unit + across
    return center - GYRORADIUS * rigidity / size * cross(direction, unit), direction


def _across(unit: Vector) -> tuple[Vector, Vector]:
    """Return two unit vectors that make a right-handed frame with ``unit``."""
    axis = jnp.where(jnp.abs(unit[2]) < 0.9, jnp.array([0, 0, 1]), jnp.array([1, 0, 0]))
    first = cross(axis.astype(unit.dtype), unit)
    first = first / jnp.sqrt(dot(first, first))
    return first, cross(unit, first)


def runge_kutta(slope, state, length: Scalar):
    """Return the state after one classical Runge-Kutta step."""

    def moved(step, rate):
        return jax.tree.map(lambda y, dy: y + step * dy, state, rate)

    k1 = slope(state)
    k2 = slope(moved(0.5 * length, k1))
    k3 = slope(moved(0.5 * length, k2))
    k4 = slope(moved(length, k3))
    mean = jax.tree.map(lambda a, b, c, d: (a + 2 * b + 2 * c + d) / 6, k1, k2, k3, k4)
    return moved(length, mean)
