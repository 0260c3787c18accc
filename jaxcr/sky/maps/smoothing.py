"""Smoothing of a map for pictures with a Gaussian beam, and means over larger pixels."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxcr.arrays import ScalarLike
from jaxcr.checks import check_range, check_shape, is_concrete
from jaxcr.sky.arrivals.intensity import weighted_mean
from jaxcr.sky.harmonics.beams import gaussian_beam
from jaxcr.sky.harmonics.modes import mode_degrees
from jaxcr.sky.harmonics.transforms import analyse, synthesise
from jaxcr.sky.healpix.grid import check_nside, nside_of, whole_maps, without_unseen
from jaxcr.sky.healpix.nested import nest_to_ring, ring_to_nest
from jaxcr.sky.maps.least_squares import SkyMap


def smooth(map: SkyMap, *, fwhm: ScalarLike) -> Float[Array, " pixel"]:
    """Return the map smoothed with a Gaussian beam, for pictures only.

    a_lm -> a_lm exp[-l(l+1) sigma²/2], with sigma = fwhm / sqrt(8 ln 2), up to l = 3 nside - 1.

    Parameters
    ----------
    map
        (pixel,), RING order.
    fwhm
        Full width at half maximum of the beam, rad.

    Returns
    -------
    (pixel,), in units of the map.

    Raises
    ------
    ValueError
        If the map has no HEALPix size or pixels that were not observed: take `top_hat_smooth`.

    Notes
    -----
    Never take C_l from a smoothed map: 3 degrees of sigma leave a third of the power at l = 20.
    Equal to ``healpy.smoothing``.
    """
    map = whole_maps("smooth: map", map)
    nside = nside_of(map.shape[-1])
    lmax = 3 * nside - 1
    beam = gaussian_beam(jnp.asarray(fwhm, dtype=map.dtype), lmax)[mode_degrees(lmax)]
    return synthesise(analyse(map, nside, lmax) * beam, nside, lmax)


def degrade_map(
    maps: Float[Array | np.ndarray, "*batch pixel"],
    *,
    nside: int,
    weight: Float[Array | np.ndarray, " weight_pixel"] | None = None,
) -> Float[Array, "*batch coarse"]:
    """Return maps on a coarser grid: the mean over the pixels inside each larger one.

    Parameters
    ----------
    maps
        (..., pixel), RING order. Pixels that are NaN or UNSEEN were not observed and have no
        weight; inside jit they make the result NaN.
    nside
        Resolution of the result, at most that of the maps.
    weight
        (pixel,), >= 0, e.g. an exposure; ones if not given.

    Returns
    -------
    (..., coarse), in units of the maps; NaN where no pixel has a weight.

    Raises
    ------
    ValueError
        If a size is none of HEALPix, nside is above that of the maps, or a weight is negative.

    Notes
    -----
    C_l falls by the square of the ratio of the two `pixel_window`. Equal to ``healpy.ud_grade``.
    """
    maps = without_unseen(maps)
    fine = nside_of(maps.shape[-1])
    check_nside(nside, "degrade_map: nside")
    check_range("degrade_map: nside", nside, 1.0, fine)
    check_shape("degrade_map: weight", weight, maps.shape[-1:])
    check_range("degrade_map: weight", weight, 0.0)
    weight = jnp.ones(maps.shape[-1:]) if weight is None else jnp.asarray(weight)
    weight = jnp.broadcast_to(weight.astype(maps.dtype), maps.shape)
    if is_concrete(maps):
        weight = jnp.where(jnp.isnan(maps), 0, weight)
    number = (fine // nside) ** 2
    parent = ring_to_nest(nside, np.arange(12 * nside**2))[:, None]
    children = nest_to_ring(fine, parent * number + np.arange(number))
    return weighted_mean(maps[..., children], weight[..., children])
