"""The analysis of an array on the ground, run on a simulated sky."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxcr.checks import check_positive, check_range
from jaxcr.sky.healpix.rings import on_host, ring_table
from jaxcr.sky.partial.bins import SpectrumBins
from jaxcr.sky.partial.coupling import PseudoCoupling
from jaxcr.sky.partial.declination import Maps, checked_maps
from jaxcr.sky.partial.deconvolution import deconvolve_spectrum, forward_spectrum
from jaxcr.sky.partial.estimates import SpectrumEstimate
from jaxcr.sky.partial.pseudo import pseudo_spectrum
from jaxcr.sky.partial.window import SkyWindow


class GroundSpectrum(eqx.Module):
    """What a windowed map says about the spectrum, forward and inverted.

    Attributes
    ----------
    pseudo, noise
        (..., ell): spectrum of the windowed map with its noise, and the noise alone, sr.
    model, model_error
        (ell,): pseudo-spectrum of a model sky without noise, and the standard deviation of
        ``pseudo`` from sky to sky if it is true; None without a model. To be held against
        pseudo - noise.
    estimate
        The binned spectrum of the whole sky.
    """

    pseudo: Float[Array, "*batch ell"]
    noise: Float[Array, "*batch ell"]
    model: Float[Array, " ell"] | None
    model_error: Float[Array, " ell"] | None
    estimate: SpectrumEstimate


class ObservedSky(eqx.Module):
    """Counts in a window and the counts that an isotropic sky would give there.

    Attributes
    ----------
    counts, background
        (..., pixel), RING order, equatorial; 0 where nothing is seen.
    window
        The `SkyWindow`.
    """

    counts: Float[Array, "*batch pixel"]
    background: Float[Array, "*batch pixel"]
    window: SkyWindow

    def __check_init__(self):
        check_range("ObservedSky: counts", self.counts, 0.0)
        check_range("ObservedSky: background", self.background, 0.0)

    @property
    def relative_intensity(self) -> Float[Array, "*batch pixel"]:
        """Counts over background, less 1; 0 where nothing is expected."""
        none = self.background == 0
        return jnp.where(none, 0, self.counts / jnp.where(none, 1, self.background) - 1)

    @property
    def variance(self) -> Float[Array, "*batch pixel"]:
        """Of the relative intensity, one over the background; 0 where nothing is expected."""
        none = self.background == 0
        return jnp.where(none, 0, 1 / jnp.where(none, 1, self.background))

    @property
    def error(self) -> Float[Array, "*batch pixel"]:
        """Statistical error of the relative intensity."""
        return jnp.sqrt(self.variance)

    @property
    def noise_level(self) -> Float[Array, "*batch"]:
        """White level N_l, sr, of a whole sky with the mean variance of the window."""
        num = self.background.shape[-1]
        seen = jnp.sum((self.background > 0).astype(self.background.dtype), axis=-1)
        return 4 * jnp.pi / num * jnp.sum(self.variance, axis=-1) / seen

    def spectrum(
        self,
        coupling: PseudoCoupling,
        bins: SpectrumBins,
        *,
        fiducial: Float[Array | np.ndarray, " ell_in"] | None = None,
        model: Float[Array | np.ndarray, " ell_model"] | None = None,
        exposure_weighted: bool = False,
    ) -> GroundSpectrum:
        """Return pseudo-spectrum, noise, deconvolved spectrum, and a model to compare with.

        Parameters
        ----------
        coupling
            Of this window with the same ``exposure_weighted``, from `pseudo_coupling`.
        bins, fiducial
            As in `deconvolve_spectrum`.
        model
            C_l of a model of the sky, from l = 0, sr.

        Raises
        ------
        ValueError
            As `deconvolve_spectrum`.
        """
        pseudo = pseudo_spectrum(
            self.relative_intensity,
            self.window,
            lmax=coupling.lmax,
            exposure_weighted=exposure_weighted,
        )
        estimate = deconvolve_spectrum(
            pseudo, coupling, bins, variance=self.variance, fiducial=fiducial
        )
        noise = coupling.noise_spectrum(self.variance)
        forward, error = None, None
        if model is not None:
            forward = forward_spectrum(model, coupling)
            error = self._model_error(coupling, jnp.asarray(model))
        return GroundSpectrum(pseudo, noise, forward, error, estimate)

    def _model_error(self, coupling: PseudoCoupling, model: Array) -> Float[Array, " ell"]:
        """Return the standard deviation of the pseudo-spectrum of a model sky with this noise."""
        missing = max(coupling.lmax_in + 1 - model.shape[0], 0)
        c_ell = jnp.pad(model, (0, missing))[: coupling.lmax_in + 1]
        variance = jnp.mean(self.variance.reshape(-1, self.variance.shape[-1]), axis=0)
        return jnp.sqrt(jnp.diagonal(coupling.covariance(c_ell, variance)))


def observe(
    maps: Maps, window: SkyWindow, *, num_events: float | int, seed: int = 0
) -> ObservedSky:
    """Return what an experiment counts of model skies, by a draw of Poisson numbers.

    Expected are counts in proportion to exposure (1 + dI/I). The background is taken from the
    counts: on each ring if the window is blind to m = 0, in the whole window if not.

    Parameters
    ----------
    maps
        dI/I of the whole sky, (..., pixel), RING order, equatorial, at least -1 where seen.
    window
        Of the same nside.
    num_events
        Number of events that an isotropic sky would give in the window.
    seed
        Start of NumPy's generator.

    Raises
    ------
    ValueError
        If the window has another nside, the number is not positive, or dI/I is below -1 or not
        finite where seen.

    Notes
    -----
    On the host. The values at the pixel centres count as those of the pixels, so that no pixel
    window is needed in the comparison with the C_l of the map.
    """
    intensity = on_host("observe: maps", checked_maps(maps, window, "observe"))
    exposure = on_host("observe: window", window.exposure)
    check_positive("observe: num_events", num_events)
    remedy = "Give relative intensity, not percent, of at least -1."
    check_range("observe: maps", np.where(exposure > 0, intensity, 0), -1, remedy=remedy)
    expected = exposure * (num_events / np.sum(exposure))
    seen = exposure > 0
    rate = expected * (1 + np.where(seen, intensity, 0))
    counts = np.random.default_rng(seed).poisson(rate).astype(float)
    return ObservedSky(
        jnp.asarray(counts), jnp.asarray(_background(counts, expected, window)), window
    )


def _background(
    counts: Float[np.ndarray, "*batch pixel"],
    expected: Float[np.ndarray, " pixel"],
    window: SkyWindow,
) -> Float[np.ndarray, "*batch pixel"]:
    """Return the expected counts scaled to the counts found, ring by ring if blind to m = 0."""
    if not window.m0_blind:
        return expected * np.sum(counts, axis=-1, keepdims=True) / np.sum(expected)
    table = ring_table(window.nside)
    total = np.add.reduceat(expected, table.start)
    found = np.add.reduceat(counts, table.start, axis=-1) / np.where(total > 0, total, 1)
    return expected * found[..., table.of_pixel]
