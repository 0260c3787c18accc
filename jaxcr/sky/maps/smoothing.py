"""Smoothing of a map for pictures with a Gaussian beam."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxcr.arrays import ScalarLike
from jaxcr.checks import checked
from jaxcr.sky.harmonics.beams import gaussian_beam
from jaxcr.sky.harmonics.modes import mode_degrees
from jaxcr.sky.harmonics.transforms import analyse, synthesise
from jaxcr.sky.healpix.grid import nside_of, whole_maps
from jaxcr.sky.maps.least_squares import SkyMap


@checked
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
