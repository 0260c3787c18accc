"""One sky map in RING order: its dipole by least squares, and smoothing for pictures."""

import math

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from jaxcr.arrays import Scalar, ScalarLike, Vector, argument_error, as_float, is_concrete
from jaxcr.sky.harmonics.modes import mode_degrees
from jaxcr.sky.harmonics.transforms import analyse, synthesise
from jaxcr.sky.healpix.grid import nside_of, pixel_centers

SkyMap = Float[Array | np.ndarray, " pixel"]
Mask = Bool[Array | np.ndarray, " mask_pixel"]


class Dipole(eqx.Module):
    """The fit monopole + vector . p to a map at arrival directions p, in units of the map."""

    monopole: Scalar
    vector: Vector

    @property
    def amplitude(self) -> Scalar:
        """Length of the vector; its derivative is zero where the vector is."""
        square = jnp.sum(self.vector**2)
        return jnp.where(square > 0, jnp.sqrt(jnp.where(square > 0, square, 1)), 0)

    @property
    def direction(self) -> Vector:
        """Unit vector of the maximum; zero where the vector is."""
        return self.vector / jnp.where(self.amplitude > 0, self.amplitude, 1)


def fit_dipole(map: SkyMap, *, mask: Mask | None = None) -> Dipole:
    """Fit monopole + vector . p to a map by least squares over the pixels.

    Parameters
    ----------
    map
        (pixel,), RING order; NaN is allowed where the mask is False.
    mask
        (pixel,), True where the map is used; everywhere if not given.

    Returns
    -------
    The `Dipole`, in units of the map.

    Raises
    ------
    ValueError
        If the map has no HEALPix size, the mask another shape or fewer than 4 pixels.

    Notes
    -----
    Equal to ``healpy.fit_dipole``, also on a cut sky. Linear in the map.
    """
    map = as_float(map)
    solution = _least_squares(map, _used_pixels(map, mask), _design(map))
    return Dipole(solution[0], solution[1:])


def remove_dipole(map: SkyMap, *, mask: Mask | None = None) -> Float[Array, " pixel"]:
    """Return the map less its least-squares monopole and dipole.

    Parameters
    ----------
    map, mask
        As in `fit_dipole`.

    Returns
    -------
    (pixel,); the fit is subtracted from every pixel, also where the mask is False.

    Raises
    ------
    ValueError
        As `fit_dipole`.

    Notes
    -----
    Equal to ``healpy.remove_dipole`` on the pixels used.
    """
    map = as_float(map)
    dipole = fit_dipole(map, mask=mask)
    coefficients = jnp.concatenate([dipole.monopole[None], dipole.vector])
    return map - jnp.matmul(_design(map), coefficients, precision=jax.lax.Precision.HIGHEST)


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
        If the map has no HEALPix size.

    Notes
    -----
    Never take C_l from a smoothed map: 3 degrees of sigma leave a third of the power at l = 20.
    Equal to ``healpy.smoothing``.
    """
    map = as_float(map)
    nside = nside_of(map.shape[-1])
    lmax = 3 * nside - 1
    degree = mode_degrees(lmax).astype(map.dtype)
    variance = jnp.asarray(fwhm, dtype=map.dtype) ** 2 / (8 * math.log(2.0))
    beam = jnp.exp(-degree * (degree + 1) * variance / 2)
    return synthesise(analyse(map, nside, lmax) * beam, nside, lmax)


@jax.jit
def _least_squares(map: Array, used: Array, design: Array) -> Array:
    """Solve the normal equations of map = design @ solution over the pixels used."""
    weighted = jnp.where(used[:, None], design, 0)
    normal = jnp.matmul(weighted.T, design, precision=jax.lax.Precision.HIGHEST)
    moment = jnp.matmul(weighted.T, jnp.where(used, map, 0), precision=jax.lax.Precision.HIGHEST)
    return jnp.linalg.solve(normal, moment)


def _design(map: Float[Array, " pixel"]) -> Float[np.ndarray, "pixel 4"]:
    """Return the functions fitted, 1 and the three components of p, in the map's dtype."""
    centers = pixel_centers(nside_of(map.shape[-1]))
    return np.concatenate([np.ones((len(centers), 1)), centers], axis=1).astype(map.dtype)


def _used_pixels(map: Float[Array, " pixel"], mask: Mask | None) -> Mask:
    """Return the mask, checked as far as its values are known."""
    if mask is None:
        return np.ones(map.shape, bool)
    if mask.shape != map.shape:
        raise argument_error(
            "mask",
            expected=f"the shape of the map, {map.shape}",
            got=mask.shape,
            remedy="Give one bool a pixel.",
        )
    if is_concrete(mask) and np.sum(mask) < 4:
        raise argument_error(
            "mask",
            expected="at least 4 pixels that are True",
            got=int(np.sum(mask)),
            remedy="True marks the pixels that are used; perhaps invert the mask.",
        )
    return mask
