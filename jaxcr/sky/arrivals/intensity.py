"""Intensity from back-tracked orbits: means over pixels with errors, halves, counts."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxcr.checks import argument_error
from jaxcr.sky.arrivals.backtrack import Arrivals
from jaxcr.sky.arrivals.boundaries import BoundaryDistribution
from jaxcr.sky.arrivals.directions import first_half
from jaxcr.sky.healpix import check_nside, containing_pixel


def intensity_map(
    arrivals: Arrivals, boundary: BoundaryDistribution
) -> Float[Array, "*batch pixel"]:
    """Return the map of dI/I: the mean excess of the orbits in each pixel.

    Parameters
    ----------
    boundary
        Distribution where the orbits crossed; intensities are relative to its isotropic part.

    Returns
    -------
    ``(*observer, *stop, pixel)`` in RING order; the mean over the sky is not removed.

    Raises
    ------
    ValueError
        If the orbits were not grouped by pixels, or more than 1 % of an observer's were lost.

    Notes
    -----
    Linear in the boundary, hence exact for any amplitude. Lost orbits are left out; a pixel
    that lost all of them is NaN, and inside jit so is a sky that lost more than 1 %.
    """
    check_grouped(arrivals)
    return _mean(arrivals, boundary)


@eqx.filter_jit
def _mean(arrivals: Arrivals, boundary: BoundaryDistribution) -> Float[Array, "*batch pixel"]:
    return weighted_mean(*pixel_samples(arrivals, boundary))


def intensity_error(
    arrivals: Arrivals, boundary: BoundaryDistribution
) -> Float[Array, "*batch pixel"]:
    """Return the standard error of `intensity_map`, from the scatter of the orbits in a pixel.

    sqrt(sum w² (f - <f>)² / (1 - 1/n)) / sum w over the n orbits of a pixel.

    Returns
    -------
    ``(*observer, *stop, pixel)``; infinite where fewer than two orbits arrived.

    Notes
    -----
    That of independent orbits. The mean over a regular grid of directions is better than this
    where the sky is smooth within the pixel, so it is then an upper limit.
    """
    check_grouped(arrivals)
    return _error(arrivals, boundary)


@eqx.filter_jit
def _error(arrivals: Arrivals, boundary: BoundaryDistribution) -> Float[Array, "*batch pixel"]:
    variance = variance_of_mean(*pixel_samples(arrivals, boundary))
    zero = variance == 0  # where the root has no derivative
    return jnp.where(zero, 0, jnp.sqrt(jnp.where(zero, 1, variance)))


def half_maps(
    arrivals: Arrivals, boundary: BoundaryDistribution
) -> tuple[Float[Array, "*batch pixel"], Float[Array, "*batch pixel"]]:
    """Return two maps of dI/I from disjoint halves of the orbits, for cross spectra."""
    check_grouped(arrivals)
    return _halves(arrivals, boundary)


@eqx.filter_jit
def _halves(
    arrivals: Arrivals, boundary: BoundaryDistribution
) -> tuple[Float[Array, "*batch pixel"], Float[Array, "*batch pixel"]]:
    return split_mean(*pixel_samples(arrivals, boundary))


def pixel_samples(
    arrivals: Arrivals, boundary: BoundaryDistribution
) -> tuple[Float[Array, "*batch pixel child"], Float[Array, "*batch pixel child"]]:
    """Return dI/I of every orbit, and its weight; NaN and 0 where it was lost."""
    check_grouped(arrivals)
    weight = _orbit_weights(arrivals)
    return jnp.where(weight == 0, jnp.nan, orbit_excess(arrivals, boundary)), weight


def check_grouped(arrivals: Arrivals) -> None:
    """Raise unless the orbits are grouped by pixels, and where an observer lost too many."""
    if arrivals.arrival.ndim != 3:
        raise argument_error(
            "map of arrivals: orbits",
            expected="orbits grouped by pixels, directions (pixel, child, 3)",
            got=f"directions {arrivals.arrival.shape}",
            remedy="Trace with nside=..., or use counting_map or arrival_weights.",
        )
    arrivals.check_lost("arrivals")


def arrival_weights(arrivals: Arrivals, boundary: BoundaryDistribution) -> Float[Array, "*all"]:
    """Return the weight 1 + dI/I of every orbit times its own, 0 where it was lost.

    With ``Arrivals.arrival`` this is a sample of weighted arrivals, as a detector counts them.
    """
    weight = orbit_weights(arrivals)
    return weight * jnp.where(weight == 0, 0, 1 + orbit_excess(arrivals, boundary))


def counting_map(
    arrivals: Arrivals, boundary: BoundaryDistribution, *, nside: int
) -> Float[Array, "*batch pixel"]:
    """Return dI/I as published studies count it: weighted arrivals in a pixel over their mean.

    Unlike `intensity_map` it carries the noise of how many orbits fall into a pixel, which does
    not shrink with the amplitude: `poisson_noise` of the weights.

    Parameters
    ----------
    nside
        Resolution of the map.

    Returns
    -------
    ``(*observer, *stop, pixel)`` in RING order.
    """
    check_nside(nside, "counting_map: nside")
    num = 12 * nside**2
    pixel = containing_pixel(nside, arrivals.arrival).reshape(-1)
    weights = arrival_weights(arrivals, boundary)
    batch = weights.shape[: weights.ndim - (arrivals.arrival.ndim - 1)]
    weights = weights.reshape(-1, pixel.size)
    counts = jax.vmap(lambda w: jnp.zeros(num, w.dtype).at[pixel].add(w))(weights)
    mean = jnp.mean(counts, axis=-1, keepdims=True)
    return (counts / mean - 1).reshape(*batch, num)


@eqx.filter_jit
def orbit_excess(arrivals: Arrivals, boundary: BoundaryDistribution) -> Float[Array, "*all"]:
    """Return dI/I of every orbit, with the axes of the paths."""
    shape = arrivals.path_length.shape
    outer = arrivals.observer.ndim - 1
    observer = arrivals.observer.reshape(
        *arrivals.observer.shape[:-1], *(1,) * (len(shape) - outer), 3
    )
    excess = jnp.vectorize(boundary.excess, signature="(k),(k),(k)->()")
    observer = jnp.broadcast_to(observer, arrivals.position.shape)
    return excess(arrivals.position, arrivals.direction, observer)


def orbit_weights(arrivals: Arrivals) -> Float[Array, "*all"]:
    """Return each orbit's weight, 0 where it was lost, with the axes of the paths.

    NaN for an observer who lost too many, which outside jit is an error.
    """
    arrivals.check_lost("arrivals")
    return _orbit_weights(arrivals)


@eqx.filter_jit
def _orbit_weights(arrivals: Arrivals) -> Float[Array, "*all"]:
    shape, orbit = arrivals.path_length.shape, arrivals.weight.shape
    spoilt = jnp.expand_dims(arrivals.too_many_lost(), tuple(range(-len(orbit), 0)))
    reached = jnp.where(spoilt, jnp.nan, arrivals.reached.astype(arrivals.path_length.dtype))
    if reached.ndim < len(shape):
        reached = jnp.expand_dims(reached, axis=reached.ndim - len(orbit))
    weight = arrivals.weight.reshape((1,) * (len(shape) - len(orbit)) + orbit)
    return jnp.broadcast_to(reached, shape) * weight


def split_mean(samples: Float[Array, "*batch child"], weight: Float[Array, "*batch child"]):
    """Return the means of the two disjoint halves of each pixel's orbits."""
    first = jnp.asarray(first_half(samples.shape[-1]), samples.dtype)
    first = jnp.broadcast_to(first, samples.shape)
    return weighted_mean(samples, weight * first), weighted_mean(samples, weight * (1 - first))


@jax.jit
def weighted_mean(samples: Float[Array, "*batch child"], weight: Float[Array, "*batch child"]):
    """Return the mean over the last axis, of those that have a weight; NaN where none has."""
    total = jnp.sum(weight, axis=-1)
    moment = jnp.sum(jnp.where(weight == 0, 0, samples) * weight, axis=-1)
    return moment / jnp.where(total == 0, jnp.nan, total)


@jax.jit
def variance_of_mean(samples: Float[Array, "*batch child"], weight: Float[Array, "*batch child"]):
    """Return the variance of `weighted_mean` by its scatter; infinite for fewer than two."""
    used = weight != 0
    rest = jnp.where(used, samples - weighted_mean(samples, weight)[..., None], 0)
    num = jnp.sum(used.astype(weight.dtype), axis=-1)
    enough = num > 1
    scatter = jnp.sum((weight * rest) ** 2, axis=-1) / (1 - 1 / jnp.where(enough, num, 2))
    variance = scatter / jnp.where(enough, jnp.sum(weight, axis=-1), 1) ** 2
    return jnp.where(enough | jnp.isnan(scatter), variance, jnp.inf)


@jax.jit
def scatter_level(samples: Float[Array, "*batch child"], weight: Float[Array, "*batch child"]):
    """Return the white level of C_l that the variance of the pixels' means makes, sr."""
    variance = variance_of_mean(samples, weight)
    known = ~jnp.isinf(variance)
    mean = jnp.sum(jnp.where(known, variance, 0), -1) / jnp.sum(known.astype(variance.dtype), -1)
    return 4 * jnp.pi / variance.shape[-1] * mean
