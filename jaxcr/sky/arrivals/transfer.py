"""The transfer tensor: C_L as a quadratic form in the boundary's Legendre coefficients."""

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
    weight = orbit_weights(arrivals)
    average = jnp.asarray(degree_average(lmax), weight.dtype)
    axis = unit_vector("transfer_tensor: axis", axis).astype(weight.dtype)

    def one(direction, weight):
        cosine = jnp.clip(jnp.tensordot(direction, axis, axes=1), -1, 1)
        samples = jnp.moveaxis(legendre_polynomials(cosine, boundary_lmax), -1, 0)
        halves = split_mean(samples, jnp.broadcast_to(weight, samples.shape))
        first, second = (_modes(half, lmax) for half in halves)
        products = jnp.einsum("am,bm,mL->Lab", first, second, average)
        return (products + jnp.swapaxes(products, -1, -2)) / 2

    for _ in range(weight.ndim - 2):
        one = jax.vmap(one)
    return one(arrivals.direction, weight)


def _modes(maps: Float[Array, "l pixel"], lmax: int) -> Float[Array, "l mode"]:
    return real_harmonics(maps - jnp.mean(maps, axis=-1, keepdims=True), lmax=lmax)
