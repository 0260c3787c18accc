"""Intensity from back-tracked orbits: means over pixels with errors, halves, counts."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxcr.checks import argument_error, checked
from jaxcr.sky.arrivals.backtrack import Arrivals
from jaxcr.sky.arrivals.boundaries import BoundaryDistribution
from jaxcr.sky.arrivals.directions import first_half
from jaxcr.sky.healpix import check_nside, containing_pixel


@checked
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
        If the orbits were not grouped by pixels.

    Notes
    -----
    Linear in the boundary, hence exact for any amplitude. A pixel all of whose orbits were
    lost is 0.
    """
    samples, weight = pixel_samples(arrivals, boundary)
    return _weighted_mean(samples, weight)


@checked
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
    samples, weight = pixel_samples(arrivals, boundary)
    return _standard_error(samples, weight)


@jax.jit
def _standard_error(samples, weight):
    rest = samples - _weighted_mean(samples, weight)[..., None]
    num = jnp.sum((weight > 0).astype(weight.dtype), axis=-1)
    total = jnp.sum(weight, axis=-1)
    enough = num > 1
    scatter = jnp.sum(jnp.where(weight > 0, weight * rest, 0) ** 2, axis=-1)
    variance = scatter / (1 - 1 / jnp.where(enough, num, 2))
    safe = jnp.where(variance > 0, variance, 1)
    root = jnp.where(variance > 0, jnp.sqrt(safe), 0)
    return jnp.where(enough, root / jnp.where(enough, total, 1), jnp.inf)


@checked
def half_maps(
    arrivals: Arrivals, boundary: BoundaryDistribution
) -> tuple[Float[Array, "*batch pixel"], Float[Array, "*batch pixel"]]:
    """Return two maps of dI/I from disjoint halves of the orbits, for cross spectra."""
    samples, weight = pixel_samples(arrivals, boundary)
    return split_mean(samples, weight)


@checked
def pixel_samples(
    arrivals: Arrivals, boundary: BoundaryDistribution
) -> tuple[Float[Array, "*batch pixel child"], Float[Array, "*batch pixel child"]]:
    """Return dI/I of every orbit, and its weight, 0 where it was lost."""
    if arrivals.arrival.ndim != 3:
        raise argument_error(
            "map of arrivals: orbits",
            expected="orbits grouped by pixels, directions (pixel, child, 3)",
            got=f"directions {arrivals.arrival.shape}",
            remedy="Trace with nside=..., or use counting_map or arrival_weights.",
        )
    return orbit_excess(arrivals, boundary), orbit_weights(arrivals)


@checked
def arrival_weights(arrivals: Arrivals, boundary: BoundaryDistribution) -> Float[Array, "*all"]:
    """Return the weight 1 + dI/I of every orbit times its own, 0 where it was lost.

    With ``Arrivals.arrival`` this is a sample of weighted arrivals, as a detector counts them.
    """
    return orbit_weights(arrivals) * (1 + orbit_excess(arrivals, boundary))


@checked
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
    return (counts / jnp.where(mean > 0, mean, 1) - 1).reshape(*batch, num)


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
    """Return each orbit's weight, 0 where it was lost, with the axes of the paths."""
    shape, orbit = arrivals.path_length.shape, arrivals.weight.shape
    reached = arrivals.reached.astype(arrivals.path_length.dtype)
    if reached.ndim < len(shape):
        reached = jnp.expand_dims(reached, axis=reached.ndim - len(orbit))
    weight = arrivals.weight.reshape((1,) * (len(shape) - len(orbit)) + orbit)
    return jnp.broadcast_to(reached, shape) * weight


def split_mean(samples: Float[Array, "*batch child"], weight: Float[Array, "*batch child"]):
    """Return the means of the two disjoint halves of each pixel's orbits."""
    first = jnp.asarray(first_half(samples.shape[-1]), samples.dtype)
    first = jnp.broadcast_to(first, samples.shape)
    return _weighted_mean(samples, weight * first), _weighted_mean(samples, weight * (1 - first))


@jax.jit
def _weighted_mean(samples, weight):
    total = jnp.sum(weight, axis=-1)
    safe = jnp.where(total > 0, total, 1)
    return jnp.sum(jnp.where(weight > 0, samples, 0) * weight, axis=-1) / safe
