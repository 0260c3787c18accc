"""The transport equation as a user states it: coefficients as functions, grid, boundaries."""

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxcr.arrays import Scalar, ScalarLike
from jaxcr.checks import argument_error, as_float, check_shape
from jaxcr.kinetic.parker.boundaries import BoundaryCondition, FreeEscape
from jaxcr.kinetic.parker.grid import MomentumGrid, SpatialGrid

Position = Float[Array, " axis"]
Coefficient = Callable[[Position, Scalar], Array]


class ParkerProblem(eqx.Module):
    """Transport of the isotropic part of the distribution in a moving, scattering plasma.

    With N = 4 pi p³ f, the particles per volume and per ln p, Parker's equation
    df/dt + u·grad f - (p/3) div u df/dp = div(kappa grad f) + (1/p²) d/dp (p² D_pp df/dp) + Q reads

        dN/dt + div(u N - kappa·grad N)
            + d/dlnp [-(div u/3 + b) N - D (dN/dlnp - 3 N)] = S - N/T,

    which conserves the total. ``b`` is the rate -dlnp/dt of further losses, D = D_pp/p².

    Parameters
    ----------
    grid
        Cells in space; see ``CartesianGrid``, ``SphericalGrid``.
    diffusion
        kappa in pc, from position (axis,) in pc and momentum: a number, or the full tensor (axis,
        axis) with its antisymmetric part (drifts); a function or a number.
    momentum
        Cells in ln p, or ``None``: then N is a number density, energies do not change, and
        coefficients are asked for at a momentum of 1.
    velocity
        u over the speed of light, (axis,), from the position; at rest by default.
    source
        S, particles per volume, pc of time and ln p, from position and momentum; or its value in
        every cell, (momentum, ...) or (...) for all momenta alike.
    momentum_loss
        b in 1/pc from position and momentum, in addition to the adiabatic losses; for instance
        ``MomentumLosses``.
    momentum_diffusion
        D = D_pp/p² in 1/pc, from position and momentum, or a number: second-order Fermi
        acceleration. See ``momentum_diffusion``.
    loss_rate
        1/T in 1/pc from position and momentum: decay, spallation.
    boundaries
        For every axis a pair for its lower and upper end; free escape by default.

    Raises
    ------
    ValueError
        If ``boundaries`` is not a pair for each axis.

    Notes
    -----
    Symmetric diffusion must be positive definite; this is checked where it is solved. Source:
    Parker, Planet. Space Sci. 13 (1965) 9.
    """

    grid: SpatialGrid
    diffusion: Coefficient | Scalar
    momentum: MomentumGrid | None
    velocity: Callable[[Position], Array] | None
    source: Coefficient | Array | None
    momentum_loss: Coefficient | None
    momentum_diffusion: Coefficient | Scalar | None
    loss_rate: Coefficient | None
    boundaries: tuple[tuple[BoundaryCondition, BoundaryCondition], ...]

    def __init__(
        self,
        grid: SpatialGrid,
        *,
        diffusion,
        momentum: MomentumGrid | None = None,
        velocity=None,
        source=None,
        momentum_loss: Coefficient | None = None,
        momentum_diffusion: Coefficient | ScalarLike | None = None,
        loss_rate: Coefficient | None = None,
        boundaries=None,
    ):
        self.grid, self.momentum = grid, momentum
        self.diffusion = _as_coefficient(diffusion, grid)
        self.velocity = velocity
        self.source = source if source is None or callable(source) else as_float(source)
        self.momentum_loss, self.loss_rate = momentum_loss, loss_rate
        self.momentum_diffusion = _as_coefficient(momentum_diffusion, grid)
        axes = len(grid.shape)
        if boundaries is None:
            boundaries = ((FreeEscape(), FreeEscape()),) * axes
        self.boundaries = tuple(tuple(pair) for pair in boundaries)
        pairs = all(
            len(pair) == 2 and all(isinstance(x, BoundaryCondition) for x in pair)
            for pair in self.boundaries
        )
        if len(self.boundaries) != axes or not pairs:
            raise argument_error(
                "ParkerProblem: boundaries",
                expected=f"a pair of boundary conditions for each of the {axes} axes",
                got=f"{boundaries!r}",
                remedy="For example ((Reflecting(), FreeEscape()),) on one axis.",
            )

    def momenta(self) -> Float[Array, " momentum"]:
        """Return the momenta of the cells; one of 1 without a momentum axis."""
        if self.momentum is None:
            return jnp.ones(1, self.grid.dtype)
        return self.momentum.centers().astype(self.grid.dtype)

    def tensor_at(self, position: Position, momentum: Scalar) -> Array:
        """Return kappa as a tensor (axis, axis), in pc."""
        value = self.diffusion(position, momentum) if callable(self.diffusion) else self.diffusion
        value = jnp.asarray(value).astype(position.dtype)
        if value.ndim == 0:
            return value * jnp.eye(position.shape[0], dtype=position.dtype)
        return value

    def velocity_at(self, position: Position) -> Position:
        """Return u over the speed of light."""
        if self.velocity is None:
            return jnp.zeros_like(position)
        value = as_shape("ParkerProblem: velocity", self.velocity(position), position.shape)
        return value.astype(position.dtype)

    def divergence_at(self, position: Position) -> Scalar:
        """Return div u in 1/pc, by automatic differentiation."""
        slope = jnp.trace(jax.jacfwd(self.velocity_at)(position))
        return slope + jnp.sum(self.velocity_at(position) * self.grid.divergence_term(position))

    def momentum_loss_at(self, position: Position, momentum: Scalar) -> Scalar:
        """Return the losses -dlnp/dt beside the adiabatic ones, 1/pc."""
        return _scalar("momentum_loss", self.momentum_loss, position, momentum)

    def momentum_diffusion_at(self, position: Position, momentum: Scalar) -> Scalar:
        """Return D_pp/p² in 1/pc."""
        return _scalar("momentum_diffusion", self.momentum_diffusion, position, momentum)

    @property
    def diffuses_in_momentum(self) -> bool:
        """Whether momentum is a second-order coordinate."""
        return self.momentum is not None and self.momentum_diffusion is not None

    def loss_rate_at(self, position: Position, momentum: Scalar) -> Scalar:
        """Return the rate at which particles disappear, 1/pc."""
        return _scalar("loss_rate", self.loss_rate, position, momentum)


def _as_coefficient(value, grid: SpatialGrid):
    if value is None or callable(value):
        return value
    return as_float(value).astype(grid.dtype)


def _scalar(name: str, given: Coefficient | Scalar | None, position: Position, momentum: Scalar):
    if given is None:
        return jnp.zeros_like(momentum)
    value = given(position, momentum) if callable(given) else given
    return as_shape(f"ParkerProblem: {name}", value, ()).astype(position.dtype)


def as_shape(name: str, value: Array, shape: tuple[int, ...]) -> Array:
    """Return what a user's function has returned as an array; raise for another shape."""
    value = jnp.asarray(value)
    check_shape(name, value, shape, remedy="The position is an array (axis,): take x[0], x[1].")
    return value
