"""What an orbit keeps, or nearly keeps: magnetic moment, and volume in phase space."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from jaxcr.arrays import Scalar, ScalarLike, Vector
from jaxcr.checks import as_float, check_positive, check_range
from jaxcr.compilation import jit_loop
from jaxcr.fields import Field
from jaxcr.fields.field import check_static
from jaxcr.orbits.boris import Boris
from jaxcr.orbits.lorentz import Lorentz
from jaxcr.orbits.pusher import MOST_STEPS
from jaxcr.orbits.tracks import Tracks
from jaxcr.statistics import Estimate, group_means, jackknife
from jaxcr.vectors import dot


def magnetic_moment(field: Field, position: Vector, direction: Vector) -> Scalar:
    """Return p_perp²/|B| of one particle with p = 1, in 1/µG.

    The adiabatic invariant, gamma times the physical moment times 2m/p². Not a number where
    there is no field. Source: Northrop (1963), eq. 1.18.
    """
    strength = field(position)
    square = dot(strength, strength)
    along = dot(strength, direction) ** 2 / jnp.where(square > 0, square, jnp.nan)
    return (dot(direction, direction) - along) / jnp.sqrt(square)


class MomentScatter(eqx.Module):
    """The magnetic moment along orbits.

    Attributes
    ----------
    path
        In pc, ``(time,)``.
    ensemble
        Mean over the particles in 1/µG, ``(time,)``.
    mean, sigma
        Mean and standard deviation along each orbit in 1/µG, ``(particle,)``.
    """

    path: Float[Array, " time"]
    ensemble: Estimate
    mean: Float[Array, " particle"]
    sigma: Float[Array, " particle"]

    @property
    def ratio(self) -> Float[Array, " particle"]:
        """Sigma over mean: 0 for an invariant, and of order one in strong turbulence."""
        return self.sigma / self.mean


def moment_scatter(field: Field, tracks: Tracks, *, num_groups: int = 16) -> MomentScatter:
    """Return how the magnetic moment changes along orbits.

    Notes
    -----
    The spread contains that over the phase of the gyration and over drifts; it does not measure
    a violation of Liouville's theorem, which holds in any static field. Source: López-Barquero
    et al., ApJ 830 (2016) 19, fig. 1.
    """
    tracks.check_complete("moment_scatter: tracks")
    moments = _moments(field, tracks)
    groups = group_means(moments.T, num_groups)
    return MomentScatter(
        tracks.path,
        jackknife(lambda x: x, groups),
        jnp.mean(moments, axis=0),
        jnp.std(moments, axis=0),
    )


@eqx.filter_jit
def _moments(field: Field, tracks: Tracks) -> Float[Array, "time particle"]:
    one = jax.vmap(lambda x, n: magnetic_moment(field, x, n))
    return lax.map(lambda state: one(*state), (tracks.position, tracks.direction))


def phase_space_jacobian(
    field: Field,
    position: Vector,
    direction: Vector,
    *,
    rigidity: ScalarLike,
    path_length: ScalarLike,
    num_steps: int,
) -> Scalar:
    """Return by how much a small volume of phase space grew along one orbit: 1, says Liouville.

    The determinant of the derivative of (position, momentum) after a path by those at the start,
    by forward-mode differentiation of equal Boris steps.

    Parameters
    ----------
    position, direction
        Start in pc, and unit vector, ``(3,)``.
    rigidity
        In PV with the sign of the charge.
    path_length, num_steps
        In pc, and how many equal steps make it up.

    Notes
    -----
    Boris steps are drifts and rotations, each of determinant 1; what is left is round-off, times
    the growth of neighbouring orbits.
    """
    check_static("phase_space_jacobian: field", field)
    check_range("phase_space_jacobian: num_steps", num_steps, 1.0, float(MOST_STEPS))
    remedy = "Back-tracking is a matter of the sign of the rigidity."
    check_positive("phase_space_jacobian: path_length", path_length, remedy=remedy)
    motion = Lorentz(field, as_float(rigidity).astype(position.dtype))
    step = as_float(path_length).astype(position.dtype) / num_steps
    return _determinant(motion, position, direction, step, num_steps)


@jit_loop
def _determinant(motion: Lorentz, position: Vector, direction: Vector, step: Scalar, num: int):
    def end(state):
        # Counted from the start, so that short steps are not lost far from 0.
        here, start = motion.about(state[:3]), (jnp.zeros_like(position), state[3:])
        one = lambda _, place: Boris().advance(here, *place, step)  # noqa: E731
        offset, n = lax.fori_loop(0, num, one, start)
        return jnp.concatenate([state[:3] + offset, n])

    return jnp.linalg.det(jax.jacfwd(end)(jnp.concatenate([position, direction])))
