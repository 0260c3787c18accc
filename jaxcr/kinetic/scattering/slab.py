"""Scattering by slab turbulence: waves along the mean field, static, of any spectrum."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxcr.arrays import Scalar, ScalarLike
from jaxcr.fields.spectra import Spectrum
from jaxcr.kinetic.scattering.model import ScatteringModel, as_turbulence, mean_gyroradius
from jaxcr.kinetic.scattering.resonance_functions import Detuning, ResonanceFunction, SharpResonance

_ENDLESS = 1e5
"""How far beyond its range an endless spectrum is integrated; what lies beyond is negligible."""


class SlabScattering(ScatteringModel):
    """Gyroresonance with static waves along the mean field, B across it in both directions alike.

    D_mumu = Omega² (1 - mu²) rms² / (4 B0²) sum_± int E(k) R(k v mu ± Omega) dk; for a sharp
    resonance pi Omega² (1 - mu²) rms² E(Omega/(v abs(mu))) / (4 B0² v abs(mu)).

    Parameters
    ----------
    spectrum
        E(k) over k along the field; the same object that makes fields.
    rms
        Root mean square of all components, in µG.
    mean_strength
        B0 in µG.
    resonance
        What the resonance looks like.
    endless
        Whether E falls on beyond its largest k, with the slope that it has there.

    Raises
    ------
    ValueError
        If known: a negative rms, a mean field that is not positive.

    Notes
    -----
    With a sharp resonance and a spectrum that ends, particles of mu below 1/(k_max r_L) are not
    scattered at all, and the parallel mean free path is infinite: broaden the resonance, or set
    ``endless``. Source: Jokipii, ApJ 146 (1966) 480; Schlickeiser, Cosmic Ray Astrophysics
    (2002), chapter 13.
    """

    spectrum: Spectrum
    rms: Scalar
    mean_strength: Scalar
    resonance: ResonanceFunction
    endless: bool = eqx.field(static=True)

    def __init__(
        self,
        spectrum: Spectrum,
        *,
        rms: ScalarLike,
        mean_strength: ScalarLike,
        resonance: ResonanceFunction | None = None,
        endless: bool = False,
    ):
        self.spectrum = spectrum
        self.rms, self.mean_strength = as_turbulence("SlabScattering", rms, mean_strength)
        self.resonance = SharpResonance() if resonance is None else resonance
        self.endless = endless

    def pitch_angle_diffusion(
        self, cosine: Float[Array, "..."], rigidity: Scalar, speed: Scalar
    ) -> Float[Array, "..."]:
        """Return D_mumu in 1/pc, by one integral over k for each mu (none if sharp)."""
        gyration = speed / mean_gyroradius(rigidity, self.mean_strength)
        amplitude = (self.rms / self.mean_strength).astype(cosine.dtype)
        low, high = self.spectrum.edges(cosine.dtype)
        high = high * _ENDLESS if self.endless else high

        def at(mu, offset):
            detuning = Detuning(speed * mu, offset, speed, mu, amplitude)
            return self.resonance.integrate(self._power, low, high, detuning)

        over_signs = jax.vmap(at, (None, 0))
        both = jax.vmap(over_signs, (0, None))(cosine.reshape(-1), jnp.stack([gyration, -gyration]))
        total = jnp.sum(both, axis=1).reshape(cosine.shape)
        return (gyration * amplitude) ** 2 * (1 - cosine**2) / 4 * total

    def _power(self, wavenumber: Float[Array, "..."]) -> Float[Array, "..."]:
        return endless(self.spectrum, wavenumber) if self.endless else self.spectrum(wavenumber)


def endless(spectrum: Spectrum, wavenumber: Float[Array, "..."]) -> Float[Array, "..."]:
    """Return E in pc, continued beyond its largest k by the power law that it has there.

    Notes
    -----
    E inside the range is unchanged, so that the power of the continuation comes on top of rms².
    """
    _, top = spectrum.edges(wavenumber.dtype)

    def log_power(log_k):
        return jnp.log(spectrum(jnp.exp(log_k)))

    last, slope = jax.jvp(log_power, (jnp.log(top),), (jnp.ones_like(top),))
    beyond = wavenumber > top
    ratio = jnp.where(beyond, wavenumber / top, 1)
    return jnp.where(beyond, jnp.exp(last + slope * jnp.log(ratio)), spectrum(wavenumber))
