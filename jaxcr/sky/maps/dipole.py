"""The dipole of one sky map by least squares: vector, amplitude, direction and their errors."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxcr.arrays import Scalar, Vector
from jaxcr.sky.healpix.grid import nside_of, pixel_centers, without_unseen
from jaxcr.sky.maps.least_squares import Design, Error, Fit, Mask, SkyMap, fit_functions


class Dipole(eqx.Module):
    """The fit monopole + vector . p to a map at arrival directions p, in units of the map.

    Attributes
    ----------
    monopole, vector
        Mean and dipole.
    covariance
        Of (monopole, x, y, z), (4, 4).
    """

    monopole: Scalar
    vector: Vector
    covariance: Float[Array, "4 4"]

    @property
    @jax.jit
    def amplitude(self) -> Scalar:
        """Length of the vector; its derivative is zero where the vector is."""
        return safe_root(jnp.sum(self.vector**2))

    @property
    @jax.jit
    def direction(self) -> Vector:
        """Unit vector of the maximum; zero where the vector is."""
        return self.vector / jnp.where(self.amplitude == 0, 1, self.amplitude)

    @property
    @jax.jit
    def amplitude_error(self) -> Scalar:
        """Standard error of the amplitude, to first order in error / amplitude."""
        return safe_root(self.direction @ self.covariance[1:, 1:] @ self.direction)

    @property
    @jax.jit
    def direction_error(self) -> Scalar:
        """Standard error of the direction along one axis, rad: rms over the two axes.

        To first order in error / amplitude; infinite where the amplitude is zero.
        """
        block = self.covariance[1:, 1:]
        across = (jnp.trace(block) - self.direction @ block @ self.direction) / 2
        none = self.amplitude == 0
        return jnp.where(none, jnp.inf, safe_root(across) / jnp.where(none, 1, self.amplitude))


def fit_dipole(map: SkyMap, *, mask: Mask | None = None, error: Error | None = None) -> Dipole:
    """Fit monopole + vector . p to a map by least squares over the pixels.

    Parameters
    ----------
    map
        (pixel,), RING order.
    mask
        (pixel,), True where the map is used; everywhere if not given. Pixels that are NaN or
        UNSEEN were not observed and count as False; inside jit they make the result NaN.
    error
        Standard error of each pixel, (pixel,), independent between pixels. The fit then
        weighs with 1 / error². If not given, all pixels weigh the same and the covariance
        follows from the scatter about the fit.

    Returns
    -------
    The `Dipole`, in units of the map.

    Raises
    ------
    ValueError
        If the map has no HEALPix size, mask or error another shape, the pixels used are
        fewer than 4, infinite or do not determine the fit, or their error is not > 0.

    Notes
    -----
    Equal to ``healpy.fit_dipole`` without an error, also on a cut sky. Linear in the map.
    The scatter counts smaller structure of the sky as noise.
    """
    map = without_unseen(map)
    return _named(fit_functions(map, dipole_design(map), mask, error))


@jax.jit
def _named(fit: Fit) -> Dipole:
    return Dipole(fit.solution[0], fit.solution[1:], fit.covariance)


def dipole_design(map: Float[Array, " pixel"]) -> Design:
    """Return the functions fitted, 1 and the three components of p, in the map's dtype."""
    centers = pixel_centers(nside_of(map.shape[-1]))
    return np.concatenate([np.ones((len(centers), 1)), centers], axis=1).astype(map.dtype)


def safe_root(square: Scalar) -> Scalar:
    """Return the square root, with a zero derivative at zero."""
    positive = ~(square <= 0)  # NaN stays NaN
    return jnp.where(positive, jnp.sqrt(jnp.where(positive, square, 1)), 0)
