"""Scattering by the critically balanced cascade, whose small eddies lie along the field."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxcr.arrays import Scalar, ScalarLike
from jaxcr.fields.cascade import GoldreichSridhar, as_alfven_mach
from jaxcr.fields.geometries import check_index
from jaxcr.fields.spectra import Spectrum
from jaxcr.kinetic.scattering.model import ScatteringModel, as_turbulence, mean_gyroradius
from jaxcr.kinetic.scattering.quadrature import unit_gauss
from jaxcr.kinetic.scattering.resonance_functions import Detuning, ResonanceFunction, SharpResonance
from jaxcr.kinetic.scattering.waves import BATCH, as_harmonics, as_toroidal, resonance_weights

_OUTER_NODES, _INNER_NODES = 256, 24
_LOWEST, _HIGHEST = 1e-6, 40.0
"""Range of k along the field over its cut-off, for broadened resonances."""


class GoldreichSridharScattering(ScatteringModel):
    """Gyroresonance with critically balanced Alfvén waves in a static approximation.

    D_mumu = Omega² (1 - mu²)/B0² int d³k P sum_n W_n R(k_par v mu + n Omega), with
    2 pi k_perp P = rms² E(k_perp) exp(-abs(k_par)/k_c)/(2 k_c), k_c = M_A^(4/3) k_0^(1/3)
    k_perp^(2/3), k_0 = 2 pi/outer_scale: the power of the geometry `GoldreichSridhar`.

    Parameters
    ----------
    spectrum
        E over k across the field.
    rms, mean_strength
        Of all components, and B0, in µG.
    alfven_mach
        M_A, above 0 and at most 1.
    toroidal
        Share of the power with B along axis × k: 1 for Alfvén, 0 for slow waves.
    resonance
        What the resonances look like; sharp by default.
    num_harmonics
        Largest n; n and -n both count.

    Raises
    ------
    ValueError
        If known: a negative rms, a mean field that is not positive, M_A outside (0, 1], a share
        outside [0, 1], num_harmonics outside 1 to 7, a spectrum of another index than 5/3.

    Notes
    -----
    Waves with k_par ~ 1/r_L then have k_perp r_L ~ (k_perp/k_0)^(1/3) >> 1 and push a gyrating
    particle many times to and fro, so that such turbulence scatters orders of magnitude less than
    slab or isotropic waves of equal rms. The exponential along the field matters where k_par
    exceeds k_c. Anisotropic about the mean field; see the note of the geometry. Gauss's rule in
    ln k_perp: 1e-3. Source: Chandran, PRL 85 (2000) 4656; Yan & Lazarian, PRL 89 (2002) 281102.
    """

    spectrum: Spectrum
    rms: Scalar
    mean_strength: Scalar
    alfven_mach: Scalar
    toroidal: Scalar
    resonance: ResonanceFunction
    num_harmonics: int = eqx.field(static=True)

    def __init__(
        self,
        spectrum: Spectrum,
        *,
        rms: ScalarLike,
        mean_strength: ScalarLike,
        alfven_mach: ScalarLike = 1.0,
        toroidal: ScalarLike = 1.0,
        resonance: ResonanceFunction | None = None,
        num_harmonics: int = 3,
    ):
        name = "GoldreichSridharScattering"
        check_index(GoldreichSridhar(jnp.array([0.0, 0.0, 1.0])), spectrum)
        self.spectrum = spectrum
        self.rms, self.mean_strength = as_turbulence(name, rms, mean_strength)
        self.alfven_mach = as_alfven_mach(name, alfven_mach)
        self.toroidal = as_toroidal(name, toroidal)
        self.resonance = SharpResonance() if resonance is None else resonance
        self.num_harmonics = as_harmonics(name, num_harmonics)

    def pitch_angle_diffusion(
        self, cosine: Float[Array, "..."], rigidity: Scalar, speed: Scalar
    ) -> Float[Array, "..."]:
        """Return D_mumu in 1/pc."""
        dtype = cosine.dtype
        gyroradius = mean_gyroradius(rigidity, self.mean_strength)
        amplitude = (self.rms / self.mean_strength).astype(dtype)
        low, high = self.spectrum.edges(dtype)
        places, weights = unit_gauss(_OUTER_NODES, dtype)
        across = low * (high / low) ** places
        cutoff = jnp.cbrt(self.alfven_mach.astype(dtype) ** 4 * low) * jnp.cbrt(across) ** 2
        share = jnp.log(high / low) * weights * across * self.spectrum(across)

        def at(mu):
            rings = jax.vmap(lambda k, k_c: self._ring(k, k_c, mu, gyroradius, speed, amplitude))
            total = jnp.sum(share * rings(across, cutoff))
            return (speed / gyroradius * amplitude) ** 2 * (1 - mu**2) * total

        return jax.lax.map(at, cosine.reshape(-1), batch_size=BATCH).reshape(cosine.shape)

    def _ring(self, across, cutoff, mu, gyroradius, speed, amplitude) -> Scalar:
        """Return the integral over k along the field, for one k across it."""
        toroidal = self.toroidal.astype(mu.dtype)
        argument = across * gyroradius * jnp.sqrt(jnp.maximum(1 - mu**2, 0))
        total = jnp.zeros_like(mu)
        for n in range(1, self.num_harmonics + 1):
            weights = resonance_weights(n, argument)

            def density(along, weights=weights):
                tilt = along**2 / (along**2 + across**2)
                weight = toroidal * weights[0] + (1 - toroidal) * tilt * weights[1]
                return weight * jnp.exp(-along / cutoff) / (2 * cutoff)

            def at(offset, density=density):
                return self.resonance.integrate(
                    density, _LOWEST * cutoff, _HIGHEST * cutoff,
                    Detuning(speed * mu, offset, speed, mu, amplitude), num_nodes=_INNER_NODES,
                )  # fmt: skip

            offset = n * speed / gyroradius
            # k along the field of either sign: (k, n) and (-k, -n) have one mismatch.
            total = total + 2 * jnp.sum(jax.vmap(at)(jnp.stack([offset, -offset])))
        return total
