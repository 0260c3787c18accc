"""Forward and backward in time: the stochastic equations of the transport equation."""

import abc

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxcr.arrays import Scalar
from jaxcr.kinetic.parker.grid import SphericalGrid
from jaxcr.kinetic.parker.problem import ParkerProblem

Position = Float[Array, " axis"]


class Direction(eqx.Module):
    """A sense of time: the drift of pseudo-particles and what walls do to them.

    Drifts are those of Itô's stochastic differential equation, whose noise is that of the
    symmetric part of kappa. Walls return the changes of position, ln p and ln weight per length
    by which a wall has pushed a path back; ``inward`` is +1 at lower ends and -1 at upper ones.
    """

    @abc.abstractmethod
    def drift(self, problem: ParkerProblem, position: Position, momentum: Scalar):
        """Return dx/ds, dlnp/ds and dln(weight)/ds, the first without 2 kappa/r in shells."""

    @abc.abstractmethod
    def wall(self, problem: ParkerProblem, place, momentum, axis, inward, *, closed: bool):
        """Return the same three per length of push."""


class Forward(Direction):
    """Particles of N on their way.

    dx_i = (u_i + d_j kappa_ij) ds + noise, dlnp = (3 D + dD/dlnp - div u/3 - b) ds + noise,
    weight exp(-int ds/T): the equation for N is the Fokker-Planck equation of this process. The
    antisymmetric part of kappa has no noise; its divergence is the drift velocity.
    """

    def drift(self, problem: ParkerProblem, position: Position, momentum: Scalar):
        """Return dx/ds, dlnp/ds and dln(weight)/ds."""
        slopes = jax.jacfwd(problem.tensor_at)(position, momentum)
        velocity = problem.velocity_at(position) + jnp.einsum("ijj->i", slopes)
        if not isinstance(problem.grid, SphericalGrid):
            metric = problem.grid.divergence_term(position)
            velocity = velocity + problem.tensor_at(position, momentum) @ metric
        gain = -problem.divergence_at(position) / 3 - problem.momentum_loss_at(position, momentum)
        if problem.diffuses_in_momentum:
            gain = gain + 3 * problem.momentum_diffusion_at(position, momentum)
            gain = gain + _steepness(problem.momentum_diffusion_at, position, momentum)
        return velocity, gain, -problem.loss_rate_at(position, momentum)

    def wall(self, problem: ParkerProblem, place, momentum, axis, inward, *, closed: bool):
        """Push along kappa·n; at an open wall, part with u·n/kappa_nn of the weight.

        The flow stands still at a closed wall: where it rises to u there, the particle is cooled
        by that expansion. At an open one the flux is that of the flow alone.
        """
        tensor = problem.tensor_at(place, momentum)
        flow = inward * problem.velocity_at(place)[axis] / tensor[axis, axis]
        none = jnp.zeros_like(flow)
        if closed:
            return inward * tensor[:, axis] / tensor[axis, axis], -flow / 3, none
        return inward * _unit(place, axis), none, flow


class Backward(Direction):
    """Paths back from a point, whose expectation is the density there.

    Written out, the equation is dN/dt = kappa_ij d_i d_j N + (d_i kappa_ij - u_j) d_j N
    + D d²N/dlnp² + (g + D' - 3 D) dN/dlnp + (b' - 3 D' - div u - 1/T) N + S with
    g = div u/3 + b and ' = d/dlnp; the formula of Feynman and Kac then reads
    dx_j = (-u_j + d_i kappa_ij) ds + noise, dlnp = (g + D' - 3 D) ds + noise, and
    dln(weight) = (b' - 3 D' - div u - 1/T) ds. Adiabatic changes alone leave f = N/(4 pi p³)
    constant along a path: div u in the weight cancels the p³.
    """

    def drift(self, problem: ParkerProblem, position: Position, momentum: Scalar):
        """Return dx/ds, dlnp/ds and dln(weight)/ds."""
        slopes = jax.jacfwd(problem.tensor_at)(position, momentum)
        velocity = jnp.einsum("iji->j", slopes) - problem.velocity_at(position)
        if not isinstance(problem.grid, SphericalGrid):
            metric = problem.grid.divergence_term(position)
            velocity = velocity + metric @ problem.tensor_at(position, momentum)
        expansion = problem.divergence_at(position)
        growth = -expansion - problem.loss_rate_at(position, momentum)
        loss, gain = problem.momentum_loss_at(position, momentum), expansion / 3
        if problem.momentum is not None:
            gain = gain + loss
            growth = growth + _steepness(problem.momentum_loss_at, position, momentum)
        if problem.diffuses_in_momentum:
            slope = _steepness(problem.momentum_diffusion_at, position, momentum)
            gain = gain + slope - 3 * problem.momentum_diffusion_at(position, momentum)
            growth = growth - 3 * slope
        return velocity, gain, growth

    def wall(self, problem: ParkerProblem, place, momentum, axis, inward, *, closed: bool):
        """Push along n·kappa at closed walls, whose flux u N - kappa·grad N vanishes, else n."""
        tensor = problem.tensor_at(place, momentum)
        flow = inward * problem.velocity_at(place)[axis] / tensor[axis, axis]
        none = jnp.zeros_like(flow)
        if closed:
            return inward * tensor[axis] / tensor[axis, axis], flow / 3, -flow
        return inward * _unit(place, axis), none, none


def _steepness(function, position: Position, momentum: Scalar) -> Scalar:
    """Return the derivative of a function of position and momentum by ln p."""
    return momentum * jax.jacfwd(function, argnums=1)(position, momentum)


def _unit(position: Position, axis: int) -> Position:
    return (jnp.arange(position.shape[0]) == axis).astype(position.dtype)
