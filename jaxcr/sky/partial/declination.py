"""What a window does to a map: means removed, pixels weighted."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxcr.checks import check_finite, check_shape, is_concrete
from jaxcr.sky.healpix.grid import without_unseen
from jaxcr.sky.healpix.rings import on_host, ring_table
from jaxcr.sky.partial.window import SkyWindow

Maps = Float[Array | np.ndarray, "*batch pixel"]


def remove_declination_mean(maps: Maps, window: SkyWindow) -> Float[Array, "*batch pixel"]:
    """Return maps less, on each ring of the grid, their exposure-weighted mean.

    An array on the ground measures each declination against its own mean over right ascension,
    and so loses all structure with m = 0.

    Parameters
    ----------
    maps
        (..., pixel), RING order, equatorial; any value, also NaN, where nothing is seen.
    window
        Of the same nside; its ``m0_blind`` is not looked at.

    Returns
    -------
    (..., pixel), 0 where nothing is seen.

    Raises
    ------
    ValueError
        If the window has another nside, or a pixel that it sees is not finite.

    Notes
    -----
    Linear, and a projection. A ring of n pixels loses m = 0, n, 2n, ...: the four pixels at a
    pole keep only m = 1, 2 and 3.
    """
    maps = checked_maps(maps, window, "remove_declination_mean")
    return _remove_ring_mean(maps, window.exposure.astype(maps.dtype), nside=window.nside)


def windowed_maps(
    maps: Maps, window: SkyWindow, *, exposure_weighted: bool = False, remove_mean: bool = True
) -> Float[Array, "*batch pixel"]:
    """Return the maps whose quadrature is the pseudo-spectrum: means removed, then weighted.

    Parameters
    ----------
    maps, window
        As in `remove_declination_mean`. Removed is the mean of each ring if the window is blind
        to m = 0, and else the mean over the window with the weights below.
    exposure_weighted
        Weight the pixels with the exposure over its mean where seen, instead of with 1.
    remove_mean
        Whether a window that is not blind loses its mean.

    Raises
    ------
    ValueError
        If the window has another nside.
    """
    maps = checked_maps(maps, window, "windowed_maps")
    weight = jnp.asarray(pixel_weights(window, exposure_weighted), maps.dtype)
    if window.m0_blind:
        exposure = window.exposure.astype(maps.dtype)
        maps, remove_mean = _remove_ring_mean(maps, exposure, nside=window.nside), False
    return _weighted(maps, weight, remove_mean=remove_mean)


def pixel_weights(window: SkyWindow, exposure_weighted: bool) -> Float[np.ndarray, " pixel"]:
    """Return the weight of each pixel, with mean 1 over the pixels seen."""
    exposure = on_host("SkyWindow: exposure", window.exposure)
    seen = exposure > 0
    return exposure / np.mean(exposure[seen]) if exposure_weighted else seen.astype(float)


def checked_maps(maps: Maps, window: SkyWindow, caller: str) -> Float[Array, "*batch pixel"]:
    """Return maps as floats once their size is that of the window."""
    shape = (*maps.shape[:-1], *window.exposure.shape)
    remedy = f"Make the window, of nside {window.nside}, at that of the maps."
    check_shape(f"{caller}: maps", maps, shape, remedy=remedy)
    maps = without_unseen(maps)
    if is_concrete(maps, window.exposure):
        check_finite(
            f"{caller}: maps",
            np.where(np.asarray(window.exposure) > 0, maps, 0),
            expected="a finite value in every pixel that the window sees",
            remedy="Make the exposure 0 in pixels that are NaN, UNSEEN or masked.",
        )
    return maps


@partial(jax.jit, static_argnames="nside")
def _remove_ring_mean(maps: Array, exposure: Array, *, nside: int) -> Array:
    """Subtract the weighted ring means and put zero outside."""
    table = ring_table(nside)
    seen = _row(exposure, maps) != 0
    maps = jnp.where(seen, maps, 0)
    total = _ring_sums(maps * _row(exposure, maps), table.of_pixel, table.size.size)
    norm = _ring_sums(exposure, table.of_pixel, table.size.size)
    mean = total / _row(jnp.where(norm == 0, 1, norm), maps)
    return jnp.where(seen, maps - mean[..., table.of_pixel], 0)


@partial(jax.jit, static_argnames="remove_mean")
def _weighted(maps: Array, weight: Array, *, remove_mean: bool) -> Array:
    """Subtract the weighted mean and weight the pixels."""
    weight = _row(weight, maps)
    maps = jnp.where(weight == 0, 0, maps)
    if remove_mean:
        maps = maps - jnp.sum(maps * weight, axis=-1, keepdims=True) / jnp.sum(weight)
    return maps * weight


def _ring_sums(values: Array, of_pixel: np.ndarray, num_rings: int) -> Array:
    """Sum the last axis over each ring."""
    by_pixel = jnp.moveaxis(values, -1, 0)
    sums = jax.ops.segment_sum(by_pixel, of_pixel, num_rings, indices_are_sorted=True)
    return jnp.moveaxis(sums, 0, -1)


def _row(values: Array, like: Array) -> Array:
    """Return a vector with the rank of ``like``, along its last axis."""
    return values.reshape((1,) * (like.ndim - 1) + (-1,))
