"""Pseudo-particles of the transport equation: ensembles that follow its stochastic equations."""

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
from jax import lax
from jaxtyping import Array, Float, Int, Key

from jaxcr.arrays import Scalar, ScalarLike
from jaxcr.checks import (
    argument_error,
    as_float,
    check_positive,
    check_range,
    check_shape,
    is_concrete,
)
from jaxcr.kinetic.parker.problem import ParkerProblem
from jaxcr.kinetic.stochastic.directions import Forward
from jaxcr.kinetic.stochastic.steps import advance, draw_noise, start_at


class PseudoParticles(eqx.Module):
    """An ensemble at equal intervals of path.

    Attributes
    ----------
    path
        In pc, (time,), from 0.
    position, momentum
        (particle, time, axis) in pc, and (particle, time); 1 without a momentum axis.
    weight
        What is left of each particle, (particle, time).
    through_ends, through_momenta, lost
        What has left by the last time: (particle, axis, 2), (particle, 2) and (particle,). Together
        with the last weight it is 1.
    status
        At the last time, (particle,): 0 inside, 1 below and 2 above the range of momenta, 3 failed
        (a coefficient was not a number), 4 + 2 axis beyond the lower end of an axis, 5 + 2 axis
        beyond the upper one.
    """

    path: Float[Array, " time"]
    position: Float[Array, "particle time axis"]
    momentum: Float[Array, "particle time"]
    weight: Float[Array, "particle time"]
    through_ends: Float[Array, "particle axis end=2"]
    through_momenta: Float[Array, "particle end=2"]
    lost: Float[Array, " particle"]
    status: Int[Array, " particle"]


def pseudo_particles(
    problem: ParkerProblem,
    position: Float[Array, "particle axis"],
    momentum: Float[Array, " particle"] | None = None,
    *,
    key: Key[Array, ""],
    duration: ScalarLike,
    num_steps: int,
    num_samples: int = 1,
) -> PseudoParticles:
    """Follow pseudo-particles of the density N forward in time.

    dx_i = (u_i + d_j kappa_ij) ds + noise, dlnp = (3 D + dD/dlnp - div u/3 - b) ds + noise with
    D = D_pp/p², weight exp(-int ds/T): the weights in a volume over it are the density of what
    started as the given particles.

    Parameters
    ----------
    position, momentum
        At the start, in pc and the unit of the grid of momenta; no momentum without that grid.
    duration
        Path in pc.
    num_steps, num_samples
        Equal steps, and the intervals after which the state is kept.

    Raises
    ------
    ValueError
        If a start lies outside the grid, momenta do not match the problem, the duration is not
        positive, or ``num_samples`` does not divide ``num_steps``.

    Notes
    -----
    Weak order one in the step s = duration/num_steps: sqrt(2 kappa s) and |u| s must be small
    against the scales of the coefficients and of the box, so against the width of a shock.
    Weight leaves through absorbing ends with the probability that a step has passed them and
    returned, so a particle inside can weigh less than 1. Through an ``Outflow`` end it leaves
    with the flow, for tensors that are diagonal there. Nobody enters through prescribed ends.
    Differentiable by every number at fixed ``key``; in reverse mode the states of all steps are
    kept. Source: Gardiner, Handbook of Stochastic Methods (1985), ch. 4; Kopp et al., Comput.
    Phys. Commun. 183 (2012) 530.
    """
    dtype = problem.grid.dtype
    position = as_float(position).astype(dtype)
    momentum = check_start("pseudo_particles", problem, position, momentum)
    duration = check_steps("pseudo_particles", duration, num_steps).astype(dtype)
    if num_samples < 1 or num_steps % num_samples:
        raise argument_error(
            "pseudo_particles: num_samples",
            expected=f"a divisor of the {num_steps} steps",
            got=num_samples,
            remedy="States are kept after equal numbers of steps.",
        )
    return _follow(problem, position, momentum, key, duration, num_steps, num_samples)


@eqx.filter_jit
def _follow(problem, position, momentum, key, duration, num_steps, num_samples):
    """Return the ensemble; compiled once for each shape and number of steps."""
    step = duration / num_steps
    particles = jax.vmap(start_at)(position, jnp.log(momentum))

    def walk(particle, noise):
        return advance(Forward(), problem, particle, noise, step)[0]

    @jax.checkpoint
    def one_step(particles, step_key):
        noise = draw_noise(problem, step_key, position.shape[0])
        return jax.vmap(walk)(particles, noise), None

    def interval(particles, step_keys):
        particles, _ = lax.scan(one_step, particles, step_keys)
        return particles, (particles.position, particles.log_momentum, particles.weight)

    keys = jr.split(key, num_steps).reshape(num_samples, -1)
    first = (particles.position, particles.log_momentum, particles.weight)
    last, rest = lax.scan(interval, particles, keys)
    place, log_momentum, weight = jax.tree.map(
        lambda x, y: jnp.moveaxis(jnp.concatenate([x[None], y]), 0, 1), first, rest
    )
    path = jnp.arange(num_samples + 1, dtype=duration.dtype) * (duration / num_samples)
    return PseudoParticles(
        path, place, jnp.exp(log_momentum), weight,
        last.through_ends, last.through_momenta, last.lost, last.status,
    )  # fmt: skip


def check_steps(name: str, duration: ScalarLike, num_steps: int) -> Scalar:
    """Return the duration; raise unless it is positive and there are steps."""
    duration = as_float(duration)
    check_positive(f"{name}: duration", duration)
    check_range(f"{name}: num_steps", num_steps, 1)
    return duration


def check_start(name: str, problem: ParkerProblem, position: Array, momentum) -> Array:
    """Return the momenta of the starts; raise unless position and momentum fit the problem."""
    axes = len(problem.grid.shape)
    check_shape(f"{name}: position", position, (*position.shape[:-1], axes))
    if is_concrete(position, problem.grid.edges):
        for x, edges in zip(np.moveaxis(position, -1, 0), problem.grid.edges, strict=True):
            check_range(f"{name}: position", x, float(edges[0]), float(edges[-1]))
    return _check_momentum(name, problem, position, momentum)


def _check_momentum(name: str, problem: ParkerProblem, position: Array, momentum) -> Array:
    """Return the momenta; raise unless they are given where needed, one a start, in the range."""
    shape, grid = position.shape[:-1], problem.momentum
    if (momentum is None) != (grid is None):
        raise argument_error(
            f"{name}: momentum",
            expected="none, without momentum grid" if grid is None else "momenta of the starts",
            got="none" if momentum is None else f"{momentum}",
            remedy="Momenta are given if and only if the problem has a grid of them.",
        )
    if momentum is None:
        return jnp.ones(shape, position.dtype)
    momentum = as_float(momentum).astype(position.dtype)
    check_shape(f"{name}: momentum", momentum, shape)
    if is_concrete(grid.low, grid.high):
        check_range(f"{name}: momentum", momentum, float(grid.low), float(grid.high))
    return momentum
