"""Moments of a phase-space density: number, flux, energy, pressure."""

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxcr.arrays import Scalar, Vector
from jaxcr.checks import check_positive, check_range, check_shape, is_concrete
from jaxcr.kinetic.kinematics import Species, energy_at, kinetic_energy_at, speed_at
from jaxcr.legendre import gauss_rule

Distribution = Callable[[Vector], Scalar] | Float[Array, "..."]
Moment = Float[Array, "..."]
Weight = Callable[[Float[Array, "..."], Species | None], Float[Array, "..."]]

_NODES = 16
"""Of Gauss's rule in an interval: power laws come out to round-off over factors of 1e8 in p³ f."""


def number_density(
    distribution: Distribution, momentum: Float[Array, " momentum"], *, degree: int = 15
) -> Moment:
    """Return n, the integral of f d³p = 4 pi p² f_0 dp over the range of the grid.

    Parameters
    ----------
    distribution
        Either samples of f_0 = (1/4 pi) times the integral of f over directions, shape
        ``(..., momentum)``; or f as a function of the momentum vector ``(3,)``.
    momentum
        Increasing and positive, ``(momentum,)``; the unit of p is free, n is in f times that cubed.
    degree
        Highest degree of a spherical harmonic that the rule over directions integrates exactly;
        a beam of width w needs a few times 1/w. Of no effect on samples.

    Returns
    -------
    The density, shape ``(...)``: a scalar for a function.

    Raises
    ------
    ValueError
        When momenta are known and not positive and increasing, the last axis of the samples is
        not that of the momenta, or the degree is below 1.

    Notes
    -----
    Between samples f_0 is the power law through both; where they differ in sign or one is 0, p³ f_0
    is linear in ln p. Exact for power laws, of second order in the step of ln p otherwise; energies
    and speeds are not interpolated. A function is called at 16 momenta of each interval, in
    (degree + 1)²/2 directions each, all at once; a new function compiles anew. Nothing is added for
    momenta beyond the grid.
    """
    return _moment("number_density", distribution, momentum, None, _one, degree)


def particle_flux(
    distribution: Distribution,
    momentum: Float[Array, " momentum"],
    species: Species,
    *,
    degree: int = 15,
) -> Moment:
    """Return J, the integral of v f d³p, in densities times the speed of light.

    Parameters
    ----------
    distribution
        Either samples of the dipole part f_1 of f = f_0 + n · f_1 + ..., shape
        ``(..., momentum)``, where J = (4 pi/3) times the integral of p² v f_1 dp; give ``(3,
        momentum)`` for a vector. Or f as a function of the momentum vector ``(3,)``.
    momentum
        In PeV/c; see ``number_density`` for it, the option, the errors and the accuracy.
    species
        The particle, which makes velocities of momenta.

    Returns
    -------
    Shape ``(...)``, or ``(3,)`` for a function.
    """
    return _moment("particle_flux", distribution, momentum, species, speed_at, degree, dipole=True)


def energy_density(
    distribution: Distribution,
    momentum: Float[Array, " momentum"],
    species: Species,
    *,
    degree: int = 15,
) -> Moment:
    """Return u, the integral of E f d³p with rest energy, in densities times PeV.

    Arguments as for ``number_density``, with the momentum in PeV/c.
    """
    return _moment("energy_density", distribution, momentum, species, energy_at, degree)


def kinetic_energy_density(
    distribution: Distribution,
    momentum: Float[Array, " momentum"],
    species: Species,
    *,
    degree: int = 15,
) -> Moment:
    """Return the integral of (E - m) f d³p in densities times PeV.

    Arguments as for ``number_density``, with the momentum in PeV/c.
    """
    return _moment(
        "kinetic_energy_density", distribution, momentum, species, kinetic_energy_at, degree
    )


def pressure(
    distribution: Distribution,
    momentum: Float[Array, " momentum"],
    species: Species,
    *,
    degree: int = 15,
) -> Moment:
    """Return P, the integral of (p v / 3) f d³p, in densities times PeV.

    A third of the trace of the tensor of pressure. Arguments as for ``number_density``, with the
    momentum in PeV/c.
    """
    return _moment("pressure", distribution, momentum, species, _push, degree)


def _moment(
    name: str,
    distribution: Distribution,
    momentum: Float[Array, " momentum"],
    species: Species | None,
    weight: Weight,
    degree: int,
    *,
    dipole: bool = False,
) -> Moment:
    """Check the arguments and return the integral of weight(p) f d³p; of n f for the dipole."""
    _check_momentum(name, momentum)
    if callable(distribution):
        check_range(f"{name}: degree", degree, 1, remedy="15 suits smooth distributions.")
    else:
        shape = (*distribution.shape[:-1], *momentum.shape)
        check_shape(f"{name}: distribution", distribution, shape, remedy="Momenta come last.")
    return _integrate(distribution, momentum, species, weight, degree, dipole)


@eqx.filter_jit
def _integrate(
    distribution, momentum, species, weight: Weight, degree: int, dipole: bool
) -> Moment:
    """Return the integral of 4 pi weight(p) p³ f d ln p."""
    p, step = _nodes(momentum)
    if callable(distribution):
        density = _directional_mean(distribution, p, degree, dipole)
    else:
        density = _interpolate(distribution * _alike(momentum**3, distribution.ndim))
        density = density / 3 if dipole else density
    return jnp.tensordot(density, 4 * jnp.pi * step * weight(p, species), 2)


def _directional_mean(
    function: Callable[[Vector], Scalar],
    p: Float[Array, "interval node"],
    degree: int,
    dipole: bool,
) -> Float[Array, "... interval node"]:
    """Return p³ times the mean of f over directions, or of n f, (3, interval, node)."""
    directions, shares = _directions(degree, p.dtype)
    values = jax.vmap(jax.vmap(function))(p.reshape(-1, 1, 1) * directions[None])
    kernel = shares[:, None] * directions if dipole else shares[:, None]
    means = jnp.moveaxis((values @ kernel).reshape(*p.shape, -1), -1, 0) * p[None] ** 3
    return means if dipole else means[0]


def _interpolate(samples: Float[Array, "... momentum"]) -> Float[Array, "... interval node"]:
    """Return the samples at the nodes: as power laws, or linear in ln p through zeros."""
    low, high = samples[..., :-1, None], samples[..., 1:, None]
    share = _alike(jnp.asarray(_rule()[0], samples.dtype), low.ndim)
    alike = ((low > 0) & (high > 0)) | ((low < 0) & (high < 0))
    ratio = jnp.where(alike, high, 1) / jnp.where(alike, low, 1)
    return jnp.where(alike, low * jnp.exp(share * jnp.log(ratio)), low + share * (high - low))


def _one(p: Float[Array, "..."], species: None) -> Float[Array, "..."]:
    return jnp.ones_like(p)


def _push(p: Float[Array, "..."], species: Species) -> Float[Array, "..."]:
    return p * speed_at(p, species) / 3


def _alike(row: Float[Array, " row"], ndim: int) -> Float[Array, "..."]:
    """Return the row with leading axes of length one."""
    return row.reshape((1,) * (ndim - 1) + (-1,))


def _rule() -> tuple[np.ndarray, np.ndarray]:
    """Return Gauss's rule on (0, 1)."""
    nodes, weights = gauss_rule(_NODES)
    return (1 + nodes) / 2, weights / 2


def _nodes(momentum: Float[Array, " momentum"]) -> tuple[Array, Array]:
    """Return momenta and the weights of d ln p, both (interval, node)."""
    share, weight = (jnp.asarray(x, momentum.dtype) for x in _rule())
    step = jnp.log(momentum[1:] / momentum[:-1])[:, None]
    return momentum[:-1, None] * jnp.exp(step * share[None]), step * weight[None]


def _directions(degree: int, dtype) -> tuple[Float[Array, "direction xyz=3"], Array]:
    """Return unit vectors and the weights of a mean: Gauss in cosine, uniform in azimuth."""
    cosine, weight = gauss_rule(degree // 2 + 1)
    azimuth = 2 * np.pi * (np.arange(degree + 1) + 0.5) / (degree + 1)
    sine = np.sqrt(1 - cosine**2)[:, None]
    parts = (sine * np.cos(azimuth), sine * np.sin(azimuth), cosine[:, None] + 0 * azimuth)
    shares = np.repeat(weight / 2 / (degree + 1), degree + 1)
    return jnp.asarray(np.stack(parts, axis=-1).reshape(-1, 3), dtype), jnp.asarray(shares, dtype)


def _check_momentum(name: str, momentum: Float[Array, " momentum"]) -> None:
    """Raise unless the grid is one."""
    if not is_concrete(momentum):
        return
    check_range(f"{name}: number of momenta", momentum.shape[0], 2)
    check_positive(f"{name}: momentum", momentum, remedy="Like jnp.geomspace(1e-9, 1e-2, 100).")
    check_positive(f"{name}: steps of momentum", np.diff(momentum), remedy="Sort the momenta.")
