"""What a transport solve returns, and the account of its particles."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxcr.arrays import Scalar
from jaxcr.kinetic.parker.grid import MomentumGrid, SpatialGrid


class Budget(eqx.Module):
    """Particles per pc of time that come and go, all momenta together.

    Attributes
    ----------
    injected
        By the sources.
    through_ends
        Out through the lower and upper end of each axis, (axis, 2).
    through_momenta
        Out through the lowest and the highest momentum, (2,).
    lost
        By the loss rate.
    """

    injected: Scalar
    through_ends: Float[Array, "axis end=2"]
    through_momenta: Float[Array, "end=2"]
    lost: Scalar

    @property
    def change(self) -> Scalar:
        """What is injected and does not leave: the growth of the total."""
        gone = jnp.sum(self.through_ends) + jnp.sum(self.through_momenta) + self.lost
        return self.injected - gone

    @property
    def imbalance(self) -> Scalar:
        """The change over the sum of all streams; round-off in a steady state."""
        streams = jnp.abs(self.injected) + jnp.sum(jnp.abs(self.through_ends))
        streams = streams + jnp.sum(jnp.abs(self.through_momenta)) + jnp.abs(self.lost)
        return self.change / jnp.where(streams > 0, streams, 1)


class ParkerSolution(eqx.Module):
    """A steady state.

    Attributes
    ----------
    grid, momentum
        Of the problem.
    density
        N, particles per volume and per ln p, (momentum, ...); (1, ...) without a momentum axis,
        then the particles per volume.
    budget
        Where particles come from and go to.
    """

    grid: SpatialGrid
    momentum: MomentumGrid | None
    density: Float[Array, "momentum ..."]
    budget: Budget

    def phase_space_density(self) -> Float[Array, "momentum ..."]:
        """Return f = N/(4 pi p³), particles per volume and per cube of the unit of momentum."""
        return self.density / _cubes(self.momentum, self.density, 0)


class ParkerHistory(eqx.Module):
    """A transport problem at successive times.

    Attributes
    ----------
    grid, momentum
        Of the problem.
    times
        In pc, (time,).
    density
        N as in ``ParkerSolution``, (time, momentum, ...).
    total
        Particles in the grid, (time,).
    gone
        Particles that have left, net of the sources, since the first time, (time,): total plus
        gone is constant to round-off.
    num_steps
        Steps made, rejected ones included.
    """

    grid: SpatialGrid
    momentum: MomentumGrid | None
    times: Float[Array, " time"]
    density: Float[Array, "time momentum ..."]
    total: Float[Array, " time"]
    gone: Float[Array, " time"]
    num_steps: Array

    def phase_space_density(self) -> Float[Array, "time momentum ..."]:
        """Return f = N/(4 pi p³), particles per volume and per cube of the unit of momentum."""
        return self.density / _cubes(self.momentum, self.density, 1)


def _cubes(momentum: MomentumGrid | None, density: Array, axis: int) -> Array:
    """Return 4 pi p³ in the shape that divides the density; ones without momenta."""
    if momentum is None:
        return jnp.ones_like(density)
    cubes = 4 * jnp.pi * momentum.centers().astype(density.dtype) ** 3
    return cubes.reshape([-1 if other == axis else 1 for other in range(density.ndim)])
