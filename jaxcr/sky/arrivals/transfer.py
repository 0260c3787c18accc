"""The transfer tensor: C_L as a quadratic form in the boundary's Legendre coefficients."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxcr.arrays import Vector
from jaxcr.legendre import legendre_polynomials
from jaxcr.sky.arrivals.backtrack import Arrivals
from jaxcr.sky.arrivals.intensity import orbit_weights, split_mean
from jaxcr.sky.harmonics.modes import degree_average
from jaxcr.sky.harmonics.spectra import real_harmonics
from jaxcr.vectors import unit_vector


def transfer_tensor(
    arrivals: Arrivals, axis: Vector, *, lmax: int, boundary_lmax: int = 24
) -> Float[Array, "*batch ell l l"]:
    """Return K with C_L = sum_{l, l'} f_l f_l' K[L, l, l'] for a boundary sum f_l P_l(n · axis).

    Parameters
    ----------
    arrivals
        Of one field; with several observers or stops the tensor gains those axes.
    axis
        Symmetry axis of the boundary, ``(3,)``.
    lmax, boundary_lmax
        Highest multipole of the sky, and of the boundary's series.

    Returns
    -------
    Half-cross spectra, ``(..., lmax + 1, boundary_lmax + 1, boundary_lmax + 1)``, symmetric in
    the last two; row and column 0 vanish with the mean of the map.

    Raises
    ------
    ValueError
        If there are fewer than four orbits in a pixel, more than 1 % of an observer's were lost,
        the axis has no length or ``lmax`` is out of range.

    Notes
    -----
    Boundary parameters then act on C_L exactly and without new orbits. Unbiased by the noise
    of single orbits, hence not positive. Memory: 8 pixel child boundary_lmax bytes a sky.
    Source: the map is linear in f (tests/sky/arrivals/test_transfer.py).
    """
    arrivals.check_lost("arrivals")
    axis = unit_vector("transfer_tensor: axis", axis)
    halves = _half_maps(arrivals, axis, boundary_lmax)
    average = degree_average(lmax).astype(halves[0].dtype)

    def one(*halves):
        return _products(*(real_harmonics(half, lmax=lmax) for half in halves), average)

    for _ in range(halves[0].ndim - 2):
        one = jax.vmap(one)
    return one(*halves)


@eqx.filter_jit
def _half_maps(arrivals: Arrivals, axis: Vector, boundary_lmax: int):
    """Return the maps of each P_l on the boundary from both halves, without their means."""
    weight = orbit_weights(arrivals)

    def one(direction, weight):
        cosine = jnp.clip(jnp.tensordot(direction, axis.astype(weight.dtype), axes=1), -1, 1)
        samples = jnp.moveaxis(legendre_polynomials(cosine, boundary_lmax), -1, 0)
        halves = split_mean(samples, jnp.broadcast_to(weight, samples.shape))
        return [half - jnp.mean(half, axis=-1, keepdims=True) for half in halves]

    for _ in range(weight.ndim - 2):
        one = jax.vmap(one)
    return one(arrivals.direction, weight)


@jax.jit
def _products(first, second, average: Float[Array, "mode ell"]) -> Float[Array, "ell l l"]:
    """Return the half-cross spectra of all pairs, symmetric."""
    products = jnp.einsum("am,bm,mL->Lab", first, second, average)
    return (products + jnp.swapaxes(products, -1, -2)) / 2
