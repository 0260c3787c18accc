"""One step of a pseudo-particle of the transport equation, forward or back in time."""

import diffrax
import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
from jax import lax
from jaxtyping import Array, Float, Int, Key

from jaxcr.arrays import Scalar
from jaxcr.kinetic.parker.grid import SphericalGrid
from jaxcr.kinetic.parker.problem import ParkerProblem
from jaxcr.kinetic.stochastic.directions import Backward, Direction
from jaxcr.kinetic.stochastic.ends import (
    MOMENTUM,
    chances_of_passing,
    limits,
    off_centre,
    reflect,
    within_range,
)

Position = Float[Array, " axis"]

INSIDE, BELOW_MOMENTA, ABOVE_MOMENTA, FAILED = 0, 1, 2, 3
FIRST_END = 4
"""Status 4 + 2 axis for the lower end of an axis, 5 + 2 axis for the upper one."""


class PseudoParticle(eqx.Module):
    """A sample of the density.

    Attributes
    ----------
    position
        In pc, (axis,); where it ended, once it has.
    log_momentum
        ln p; 0 without a momentum axis.
    weight
        What is left of it inside; it starts with 1.
    through_ends
        Weight with which it has ended at the lower and the upper end of each axis, (axis, 2).
    through_momenta
        The same for the lowest and the highest momentum, (2,).
    lost
        Weight taken by the loss rate; back in time, by all that ``Backward`` puts in the weight.
    status
        ``INSIDE``, or where its last step led; weight leaves before that, see ``advance``.
    """

    position: Position
    log_momentum: Scalar
    weight: Scalar
    through_ends: Float[Array, "axis end=2"]
    through_momenta: Float[Array, "end=2"]
    lost: Scalar
    status: Int[Array, ""]


class Noise(diffrax.AbstractPath):
    """What is random in one step, for one particle or many.

    Attributes
    ----------
    increments
        Of Brownian motion over one unit of time, (axis,); three in shells; and one in ln p where
        particles diffuse in it.
    depths
        Of exponential distribution with mean 1, which fix how deep a step has gone into the
        walls, (axis, 2).
    """

    increments: Float[Array, "*particle noise"]
    depths: Float[Array, "*particle axis end=2"]

    @property
    def t0(self) -> Scalar:
        """Return 0."""
        return jnp.zeros((), self.increments.dtype)

    @property
    def t1(self) -> Scalar:
        """Return 1: the unit of time is the step."""
        return jnp.ones((), self.increments.dtype)

    def evaluate(self, t0, t1=None, left=True):
        """Return the increments."""
        return self.increments


def draw_noise(problem: ParkerProblem, key: Key[Array, ""], num_particles: int) -> Noise:
    """Return the noise of one step of many particles, on their leading axis."""
    axes, dtype = len(problem.grid.shape), problem.grid.dtype
    size = 3 if isinstance(problem.grid, SphericalGrid) else axes
    size = size + problem.diffuses_in_momentum
    # one call makes both: the generator costs more to compile than the rest of a step
    low = jnp.nextafter(jnp.array(-1, dtype), jnp.array(0, dtype))
    uniform = jr.uniform(key, (num_particles, size + 2 * axes), dtype, low, 1)
    increments = jnp.sqrt(2).astype(dtype) * lax.erf_inv(uniform[:, :size])
    depths = -jnp.log((1 - uniform[:, size:]) / 2)
    return Noise(increments, depths.reshape(num_particles, axes, 2))


def start_at(position: Position, log_momentum: Scalar) -> PseudoParticle:
    """Return a particle of weight 1 that has not moved yet."""
    none = jnp.zeros((), position.dtype)
    return PseudoParticle(
        position=position,
        log_momentum=log_momentum,
        weight=jnp.ones((), position.dtype),
        through_ends=jnp.zeros((position.shape[0], 2), position.dtype),
        through_momenta=jnp.zeros(2, position.dtype),
        lost=none,
        status=jnp.zeros((), int),
    )


def advance(
    direction: Direction,
    problem: ParkerProblem,
    particle: PseudoParticle,
    noise: Noise,
    step: Scalar,
) -> tuple[PseudoParticle, Scalar]:
    """Make one step of Euler and Maruyama, and keep the account of the weight.

    Parameters
    ----------
    noise
        Of this step, from ``draw_noise``.
    step
        Of path in pc.

    Returns
    -------
    The particle, and the share of the step before it left the range of momenta.

    Notes
    -----
    Between its ends a step is a Brownian bridge with the variance at its start. At absorbing
    ends the weight loses the probability exp(-d0 d1/(kappa_nn step)) that it has passed them, so
    that no bias of order sqrt(step) is left and the weight is a continuous function of every
    coefficient. At walls the depth that the bridge would have reached is drawn, and is the
    length of the push. The ends of momentum, to where particles diffuse, are absorbing like those
    of space. Weak order one. In shells a step is made in three dimensions and its
    distance from the centre kept, which is exact for constant kappa. Source: Gobet, Stoch. Proc.
    Appl. 87 (2000) 167; Lépingle, Math. Comput. Simul. 38 (1995) 119.
    """
    place, log_momentum, growth = _euler(direction, problem, particle, noise, step)
    place, log_momentum, growth, leaks = reflect(
        direction, problem, particle.position, particle.log_momentum,
        (place, log_momentum, growth), noise.depths, step,
    )  # fmt: skip
    weight = particle.weight * jnp.exp(growth)
    continued = isinstance(direction, Backward)
    chances = chances_of_passing(
        problem, (particle.position, particle.log_momentum), (place, log_momentum), step,
        continued=continued,
    )  # fmt: skip
    ended, kept = _shares(weight, leaks, chances)
    inside, log_momentum, beyond, part = within_range(
        problem, particle.log_momentum, log_momentum, kept, continued=continued
    )
    none = jnp.zeros_like(weight)
    status = jnp.where(beyond[0] > 0, BELOW_MOMENTA, jnp.where(beyond[1] > 0, ABOVE_MOMENTA, 0))
    for (axis, end), chance in chances.items():
        code = BELOW_MOMENTA + end if axis == MOMENTUM else FIRST_END + 2 * axis + end
        status = jnp.where(chance == 1, code, status)
    beyond = beyond + jnp.stack([ended.get((MOMENTUM, end), none) for end in (0, 1)])
    moved = PseudoParticle(
        position=jnp.clip(place, *limits(problem.grid)),
        log_momentum=log_momentum,
        weight=inside,
        through_ends=particle.through_ends
        + jnp.stack(
            [
                jnp.stack([ended.get((axis, end), none) for end in (0, 1)])
                for axis in range(place.shape[0])
            ]
        ),
        through_momenta=particle.through_momenta + beyond,
        lost=particle.lost + particle.weight - weight,
        status=status.astype(particle.status.dtype),
    )
    return _settle(particle, moved), part


def weight_arrived(problem: ParkerProblem, before: PseudoParticle, after: PseudoParticle) -> Scalar:
    """Return the weight at the end of a step, or of its part in the range of momenta.

    Losses carry all of it out of the range; where particles diffuse out, none is left there.
    """
    if problem.diffuses_in_momentum:
        return after.weight
    return after.weight + jnp.sum(after.through_momenta - before.through_momenta)


def _shares(weight: Scalar, leaks: dict, chances: dict) -> tuple[dict, Scalar]:
    """Return the weight that ends at each end, and what is kept."""
    total = sum(leaks.values(), jnp.zeros_like(weight))
    behind = weight * jnp.exp(total)
    safe = jnp.where(total == 0, 1, total)
    ended = {face: (weight - behind) * leak / safe for face, leak in leaks.items()}
    kept = behind
    for chance in chances.values():
        kept = kept * (1 - chance)
    total = sum(chances.values(), jnp.zeros_like(weight))
    safe = jnp.maximum(total, jnp.finfo(total.dtype).tiny)
    ended |= {face: (behind - kept) * chance / safe for face, chance in chances.items()}
    return ended, kept


def _settle(before: PseudoParticle, after: PseudoParticle) -> PseudoParticle:
    """Return the next state of a particle that is inside, and the last one of any other."""
    finite = jnp.isfinite(jnp.sum(after.position) + after.log_momentum + after.weight)
    active = before.status == INSIDE
    chosen = jax.tree.map(lambda a, b: jnp.where(active & finite, a, b), after, before)
    failed = jnp.where(active & ~finite, FAILED, chosen.status).astype(before.status.dtype)
    return eqx.tree_at(lambda x: x.status, chosen, failed)


def _euler(direction, problem, particle, noise, step):
    """Return position, ln p and the change of ln weight; the step is diffrax's unit of time."""
    axes, in_shells = particle.position.shape[0], isinstance(problem.grid, SphericalGrid)
    size = noise.increments.shape[0] - problem.diffuses_in_momentum  # of the noise in space

    def coordinates(state):
        return off_centre(problem.grid, state[:axes]), jnp.exp(state[size])

    def drift(_, state, args):
        velocity, gain, growth = direction.drift(problem, *coordinates(state))
        if problem.momentum is None:
            gain = jnp.zeros_like(gain)
        still = jnp.zeros(size - axes, state.dtype)
        return step * jnp.concatenate([velocity, still, gain[None], growth[None]])

    def spread(_, state, args):
        tensor = problem.tensor_at(*coordinates(state))
        if size == 1 or in_shells:
            root = jnp.sqrt(2 * step * tensor[0, 0]) * jnp.eye(size, dtype=state.dtype)
        else:
            root = jnp.linalg.cholesky(step * (tensor + tensor.T))
        root = jnp.concatenate([root, jnp.zeros((2, size), state.dtype)])
        if not problem.diffuses_in_momentum:
            return root
        spread = 2 * step * problem.momentum_diffusion_at(*coordinates(state))
        length = jnp.where(spread == 0, 0, jnp.sqrt(jnp.where(spread == 0, 1, spread)))
        column = jnp.zeros(size + 2, state.dtype).at[size].set(length)
        return jnp.concatenate([root, column[:, None]], axis=1)

    terms = diffrax.MultiTerm(diffrax.ODETerm(drift), diffrax.ControlTerm(spread, noise))
    still = jnp.zeros(size - axes, particle.position.dtype)
    start = [particle.position, still, particle.log_momentum[None], jnp.zeros(1, still.dtype)]
    start = jnp.concatenate(start)
    state, *_ = diffrax.Euler().step(terms, noise.t0, noise.t1, start, None, None, False)
    place = jnp.linalg.norm(state[:3])[None] if in_shells else state[:axes]
    return place, state[-2], state[-1]
