"""The sky itself at low l: Gaussian a_lm or pixels, with covariance from the model's C_l."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from jaxcr.arrays import Scalar
from jaxcr.checks import check_positive, check_range, check_shape
from jaxcr.infer.likelihood.base import Likelihood
from jaxcr.infer.likelihood.whitening import whitened
from jaxcr.infer.models.base import Prediction
from jaxcr.observed.data import SpectrumData
from jaxcr.sky import SkyWindow, mode_degrees
from jaxcr.sky.harmonics.modes import mode_table, synthesis_matrix

_LEAST_SHARE = 1e-9
"""Directions in the space of pixels with less than this of the largest square are lost."""


class LowSky(eqx.Module):
    """A sky at low l as independent data d = P a + n, a the real modes and n white noise.

    Attributes
    ----------
    values
        d, relative intensity, (datum,).
    design
        P, from the modes l = 1 ... lmax to the data, (datum, mode).
    degrees
        l of each mode, (mode,).
    noise
        Variance of each datum, > 0, (datum,).
    """

    values: Float[Array, " datum"]
    design: Float[Array, "datum mode"]
    degrees: Int[Array | np.ndarray, " mode"]
    noise: Float[Array, " datum"]

    def spectrum(self) -> SpectrumData:
        """Return the multipoles that a model must predict, l = 1 ... lmax.

        C_l are those that explain the data's modes one by one; the likelihood does not use them.
        """
        ell = np.unique(np.asarray(self.degrees))
        modes = np.asarray(jnp.linalg.pinv(self.design) @ self.values)
        c_ell = np.array([np.mean(modes[np.asarray(self.degrees) == l] ** 2) for l in ell])
        zeros = np.zeros(ell.size)
        return SpectrumData(ell, c_ell, zeros, zeros, label="low multipoles of a map")


class MapLikelihood(Likelihood):
    """-2 ln L = d^T S^-1 d + ln det 2 pi S, S = P diag(C_l) P^T + noise.

    The likelihood of a Gaussian, statistically isotropic sky, on the full sky or a part of it.

    Notes
    -----
    Exact for noise and for fields of many independent scatterings (``CascadeModel``). The sky of
    ONE turbulent field after a few gyroradii is not such a field: its C_1 ... C_4 have 13, 4.8,
    6.0, 7.9 effective degrees of freedom in place of 2l+1, and its dipole is aligned; nor is the
    gyrotropic sky of a trap. O(datum³).
    """

    sky: LowSky
    reason: str = eqx.field(
        static=True, default="a map at low l: its a_lm are Gaussian, the cut sky mixes them"
    )

    def log_density(self, prediction: Prediction, data: SpectrumData) -> Scalar:
        """Return ln of the density of the map; of ``data`` only the multipoles count."""
        white, log_determinant = self._whitened(prediction, data)
        return -0.5 * (jnp.sum(white**2) + log_determinant + white.size * jnp.log(2 * jnp.pi))

    def residuals(self, prediction: Prediction, data: SpectrumData) -> Float[Array, " residual"]:
        """Return whitened data and the root of ln det S above that of the noise alone."""
        white, log_determinant = self._whitened(prediction, data)
        above = log_determinant - jnp.sum(jnp.log(self.sky.noise))
        return jnp.concatenate([white, jnp.sqrt(jnp.maximum(above, 1e-12))[None]])

    def information(
        self, prediction: Prediction, slopes: Prediction
    ) -> Float[Array, "parameter parameter"]:
        """Return F_ij = tr(S^-1 S_i S^-1 S_j)/2."""
        order = self._order()
        inverse = jnp.linalg.inv(self._covariance(prediction))
        seen = self.sky.design.T @ inverse @ self.sky.design
        slopes_of_modes = slopes.mean[order]
        return 0.5 * jnp.einsum("mn,mi,nj->ij", seen**2, slopes_of_modes, slopes_of_modes)

    def chi_squared(self, prediction: Prediction, data: SpectrumData) -> Scalar:
        """Return d^T S^-1 d, scaled to one for each multipole of ``data``."""
        white, _ = self._whitened(prediction, data)
        return jnp.mean(white**2) * data.ell.size

    def __str__(self) -> str:
        return "Gaussian in the map"

    def _order(self) -> Int[Array, " mode"]:
        """Return the place of each mode's multipole in a prediction, l = 1 ... lmax."""
        return jnp.asarray(self.sky.degrees) - 1

    def _covariance(self, prediction: Prediction) -> Float[Array, "datum datum"]:
        power = prediction.mean[self._order()]
        design = self.sky.design
        return (design * power[None]) @ design.T + jnp.diag(self.sky.noise)

    def _whitened(self, prediction: Prediction, data: SpectrumData):
        """Return data in units of their covariance, and its ln det."""
        white, factor = whitened(self._covariance(prediction), self.sky.values)
        return white, 2 * jnp.sum(jnp.log(jnp.diagonal(factor)))


def low_sky(
    maps: Float[Array | np.ndarray, " pixel"],
    window: SkyWindow,
    *,
    lmax: int,
    noise: float,
) -> LowSky:
    """Return the low multipoles of a map on the full sky or a part of it.

    Parameters
    ----------
    maps
        dI/I, RING order, (pixel,); any value where nothing is seen.
    window
        Where the sky is seen, of the same nside. Its exposure only marks the pixels that count.
    lmax
        Highest multipole; the map must have no power beyond it that matters.
    noise
        Standard deviation of a pixel, > 0.

    Raises
    ------
    ValueError
        Unless noise > 0, nside fits and there are at most 3072 pixels.

    Notes
    -----
    The monopole, and all m = 0 modes if the window is blind to them, are projected out: exactly
    what a flat prior on them gives. Directions in pixel space that no mode reaches are left out.
    """
    _check_map(maps, window, noise)
    table = mode_table(lmax)
    seen = np.asarray(window.seen)
    matrix = synthesis_matrix(window.nside, lmax)[:, seen].T
    hidden = (table.degree == 0) | (window.m0_blind & (table.order == 0))
    unknown, _ = np.linalg.qr(matrix[:, hidden])
    design = matrix[:, ~hidden] - unknown @ (unknown.T @ matrix[:, ~hidden])
    values = np.asarray(maps, float)[seen]
    basis, sizes, _ = np.linalg.svd(design, full_matrices=False)
    basis = basis[:, sizes**2 > _LEAST_SHARE * sizes[0] ** 2]
    return LowSky(
        jnp.asarray(basis.T @ values),
        jnp.asarray(basis.T @ design),
        table.degree[~hidden],
        jnp.full(basis.shape[1], noise**2),
    )


def low_sky_from_modes(modes: Float[Array, " mode"], noise: Float[Array, " ell"]) -> LowSky:
    """Return the full sky from its real modes.

    Parameters
    ----------
    modes
        As ``sky.real_harmonics`` returns them, ((lmax+1)²,).
    noise
        Power N_l > 0 of the noise in sr, l = 0 ... lmax.
    """
    degrees = mode_degrees(noise.size - 1)
    return LowSky(
        modes[1:],
        jnp.eye(modes.size - 1, dtype=modes.dtype),
        degrees[1:],
        noise[degrees[1:]],
    )


def _check_map(maps, window: SkyWindow, noise: float) -> None:
    """Raise ``ValueError`` for maps that do not fit, no noise, or too many pixels."""
    check_shape(
        "low_sky: maps", maps, window.exposure.shape, remedy="Bring the map to the window's nside."
    )
    check_range("low_sky: nside", window.nside, 1, 16, remedy="Degrade it: matrices are dense.")
    check_positive("low_sky: noise", noise, remedy="Without it the covariance has no inverse.")
