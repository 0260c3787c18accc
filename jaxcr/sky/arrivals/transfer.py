"""The transfer tensor: C_L as a quadratic form in the boundary's Legendre coefficients."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxcr.arrays import Vector
from jaxcr.legendre import legendre_polynomials
from jaxcr.sky.arrivals.backtrack import Arrivals
from jaxcr.sky.arrivals.boundaries import GradientBoundary
from jaxcr.sky.arrivals.intensity import orbit_excess, orbit_weights, split_mean
from jaxcr.sky.harmonics.modes import degree_average
from jaxcr.sky.harmonics.spectra import real_harmonics
from jaxcr.vectors import unit_vector


def transfer_tensor(
    arrivals: Arrivals,
    axis: Vector,
    *,
    lmax: int,
    boundary_lmax: int = 24,
    gradient: Vector | None = None,
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
    gradient
        Direction of a density gradient, ``(3,)``, normalised here: the coordinate along it in pc,
        (r - observer) · gradient, is then one more function on the boundary, behind the P_l. The
        coefficients of a `QuasiSteadyBoundary` are |G| for it, -3 K |G| for l = 1 with a K
        along the axis, and that times the trap's ratios for l >= 2.

    Returns
    -------
    Half-cross spectra, ``(..., lmax + 1, boundary_lmax + 1, boundary_lmax + 1)``, symmetric in
    the last two, longer by one with a gradient; row and column 0 vanish with the mean of the map.

    Raises
    ------
    ValueError
        If there are fewer than four orbits in a pixel, more than 1 % of an observer's were lost,
        axis or gradient have no length or ``lmax`` is out of range.

    Notes
    -----
    Boundary parameters then act on C_L exactly and without new orbits. Unbiased by the noise
    of single orbits, hence not positive. Memory: 8 pixel child boundary_lmax bytes a sky.
    Source: the map is linear in f (tests/sky/arrivals/test_transfer.py).
    """
    arrivals.check_lost("arrivals")
    axis = unit_vector("transfer_tensor: axis", axis)
    if gradient is not None:
        gradient = unit_vector("transfer_tensor: gradient", gradient)
    halves = _half_maps(arrivals, axis, gradient, boundary_lmax)
    average = degree_average(lmax).astype(halves[0].dtype)

    def one(*halves):
        return _products(*(real_harmonics(half, lmax=lmax) for half in halves), average)

    for _ in range(halves[0].ndim - 2):
        one = jax.vmap(one)
    return one(*halves)


@eqx.filter_jit
def _half_maps(arrivals: Arrivals, axis: Vector, gradient: Vector | None, boundary_lmax: int):
    """Return the maps of each function on the boundary from both halves, without their means."""
    weight = orbit_weights(arrivals)
    along = None if gradient is None else orbit_excess(arrivals, GradientBoundary(gradient))

    def one(direction, along, weight):
        cosine = jnp.clip(jnp.tensordot(direction, axis.astype(weight.dtype), axes=1), -1, 1)
        samples = jnp.moveaxis(legendre_polynomials(cosine, boundary_lmax), -1, 0)
        if along is not None:
            samples = jnp.concatenate([samples, along[None]])
        halves = split_mean(samples, jnp.broadcast_to(weight, samples.shape))
        return [half - jnp.mean(half, axis=-1, keepdims=True) for half in halves]

    for _ in range(weight.ndim - 2):
        one = jax.vmap(one)
    return one(arrivals.direction, along, weight)


@jax.jit
def _products(first, second, average: Float[Array, "mode ell"]) -> Float[Array, "ell l l"]:
    """Return the half-cross spectra of all pairs, symmetric."""
    products = jnp.einsum("am,bm,mL->Lab", first, second, average)
    return (products + jnp.swapaxes(products, -1, -2)) / 2
