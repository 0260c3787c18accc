"""Scattering by isotropic waves: gyroresonance at all angles, and transit-time damping."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxcr.arrays import Scalar, ScalarLike
from jaxcr.checks import as_float, check_range
from jaxcr.fields.spectra import Spectrum
from jaxcr.kinetic.scattering.bessel import bessel_functions
from jaxcr.kinetic.scattering.model import ScatteringModel, as_turbulence, mean_gyroradius
from jaxcr.kinetic.scattering.quadrature import peaked_nodes
from jaxcr.kinetic.scattering.resonance_functions import Detuning, ResonanceFunction, SharpResonance

MAX_HARMONICS = 7
OUTER_NODES, INNER_NODES = 32, 24
BATCH = 16
"""Pitch angles done at a time: a few tens of MB."""
_LEAST_COSINE = 1e-6


class IsotropicWaveScattering(ScatteringModel):
    """Gyroresonance with waves in all directions, their power spread evenly over the sphere.

    D_mumu = Omega² (1 - mu²)/B0² int d³k P(k) sum_n W_n R(k_par v mu - k V + n Omega), with
    P = rms² E/(4 pi k²) and w = k_perp v_perp / Omega; W_n = (n J_n(w)/w)² where B is toroidal,
    along axis × k, and (k_par/k)² J_n'(w)² where it is poloidal.

    Parameters
    ----------
    spectrum
        E(k) over the size of k.
    rms, mean_strength
        Of all components, and B0, in µG.
    toroidal
        Share of the power with B along axis × k: 1/2 for turbulence with B anywhere across k,
        0 for fast waves, 1 for Alfvén waves (static: theirs is omega = abs(k_par) V).
    wave_speed
        V = omega/k in c, alike for all directions; 0 for a static field.
    resonance
        What the resonances look like; sharp by default.
    num_harmonics
        Largest n; n and -n both count.

    Raises
    ------
    ValueError
        If known: a negative rms, a mean field that is not positive, a share outside [0, 1], a
        wave speed outside [0, 1), num_harmonics outside 1 to 7.

    Notes
    -----
    Without n = 0, which `TransitTimeScattering` is. A product of Gauss's rules in k and in the
    angle of k: 1e-3 for spectra over six decades; a broad resonance costs as much as
    thousands of sharp ones. Electric fields of the waves enter through the frequency only (V << v).
    Source: Kulsrud & Pearce, ApJ 156 (1969) 445; Yan & Lazarian, PRL 89 (2002) 281102.
    """

    spectrum: Spectrum
    rms: Scalar
    mean_strength: Scalar
    toroidal: Scalar
    wave_speed: Scalar
    resonance: ResonanceFunction
    num_harmonics: int = eqx.field(static=True)

    def __init__(
        self,
        spectrum: Spectrum,
        *,
        rms: ScalarLike,
        mean_strength: ScalarLike,
        toroidal: ScalarLike = 0.5,
        wave_speed: ScalarLike = 0.0,
        resonance: ResonanceFunction | None = None,
        num_harmonics: int = 3,
    ):
        name = "IsotropicWaveScattering"
        self.spectrum = spectrum
        self.rms, self.mean_strength = as_turbulence(name, rms, mean_strength)
        self.toroidal = as_toroidal(name, toroidal)
        self.wave_speed = _as_wave_speed(name, wave_speed)
        self.resonance = SharpResonance() if resonance is None else resonance
        self.num_harmonics = as_harmonics(name, num_harmonics)

    def pitch_angle_diffusion(
        self, cosine: Float[Array, "..."], rigidity: Scalar, speed: Scalar
    ) -> Float[Array, "..."]:
        """Return D_mumu in 1/pc."""

        def at(mu):
            return sum(
                _harmonic(self, self.toroidal, n, mu, rigidity, speed)
                for n in range(1, self.num_harmonics + 1)
            )

        return jax.lax.map(at, cosine.reshape(-1), batch_size=BATCH).reshape(cosine.shape)


class TransitTimeScattering(ScatteringModel):
    """Transit-time damping of isotropic fast waves: mirrors that move with the particle.

    D_mumu = v² (1 - mu²)²/4 int d³k k_par² (P_par/B0²) [2 J_1(w)/w]² R(k_par v mu - k V), with
    P_par = sin²(angle of k) rms² E/(4 pi k²): the term n = 0 of waves with poloidal B.

    Parameters
    ----------
    spectrum
        E(k) over the size of k.
    rms, mean_strength
        Of all components, and B0, in µG.
    wave_speed
        V = omega/k in c.
    resonance
        What the resonance looks like; sharp by default.

    Raises
    ------
    ValueError
        If known: a negative rms, a mean field that is not positive, a wave speed outside [0, 1).

    Notes
    -----
    Sharp, it needs abs(mu) v > V, so that it leaves a gap at 90 degrees; broadened it is largest
    there, since the mirror force grows with 1 - mu². It vanishes along the field: add a
    gyroresonance. Accuracy and cost as for `IsotropicWaveScattering`.
    Source: Schlickeiser & Miller, ApJ 492 (1998) 352; Yan & Lazarian, ApJ 614 (2004) 757.
    """

    spectrum: Spectrum
    rms: Scalar
    mean_strength: Scalar
    wave_speed: Scalar
    resonance: ResonanceFunction

    def __init__(
        self,
        spectrum: Spectrum,
        *,
        rms: ScalarLike,
        mean_strength: ScalarLike,
        wave_speed: ScalarLike,
        resonance: ResonanceFunction | None = None,
    ):
        name = "TransitTimeScattering"
        self.spectrum = spectrum
        self.rms, self.mean_strength = as_turbulence(name, rms, mean_strength)
        self.wave_speed = _as_wave_speed(name, wave_speed)
        self.resonance = SharpResonance() if resonance is None else resonance

    def pitch_angle_diffusion(
        self, cosine: Float[Array, "..."], rigidity: Scalar, speed: Scalar
    ) -> Float[Array, "..."]:
        """Return D_mumu in 1/pc."""

        def at(mu):
            return _harmonic(self, jnp.zeros_like(mu), 0, mu, rigidity, speed)

        return jax.lax.map(at, cosine.reshape(-1), batch_size=BATCH).reshape(cosine.shape)


def resonance_weights(
    order: int, argument: Float[Array, "..."]
) -> tuple[Float[Array, "..."], Float[Array, "..."]]:
    """Return (n J_n(w)/w)² and J_n'(w)², by the recurrences, which divide by nothing."""
    order = abs(order)
    bessel = bessel_functions(order + 1, argument)
    before = bessel[order - 1] if order > 0 else -bessel[1]
    return (before + bessel[order + 1]) ** 2 / 4, (before - bessel[order + 1]) ** 2 / 4


def _harmonic(model, toroidal: Scalar, n: int, mu: Scalar, rigidity: Scalar, speed: Scalar):
    """Return the terms n and -n of D_mumu for isotropic waves."""
    dtype = mu.dtype
    gyroradius = mean_gyroradius(rigidity, model.mean_strength)
    gyration = speed / gyroradius
    amplitude = (model.rms / model.mean_strength).astype(dtype)
    wave_speed, toroidal = model.wave_speed.astype(dtype), toroidal.astype(dtype)
    across = gyroradius * jnp.sqrt(jnp.maximum(1 - mu**2, 0))

    def at_angle(k, x):
        inside = x <= 1
        x = jnp.where(inside, x, 0.5)
        sine = jnp.sqrt(jnp.maximum(1 - x**2, jnp.finfo(dtype).tiny))
        of_toroidal, of_poloidal = resonance_weights(n, k * across * sine)
        weight = toroidal * of_toroidal + (1 - toroidal) * x**2 * of_poloidal
        return jnp.where(inside, weight, 0)

    def over_angles(k, sense, order):
        offset = order * gyration - k * wave_speed
        detuning = Detuning(sense * k * speed * mu, offset, k * speed, mu, amplitude)
        least, one = jnp.asarray(_LEAST_COSINE, dtype), jnp.ones((), dtype)
        return model.resonance.integrate(
            lambda x: at_angle(k, x), least, one, detuning, num_nodes=INNER_NODES
        )

    def over_wavenumbers(sense, order):
        # The smallest k of a sharp resonance, where its k lies along the field, ends a panel.
        approach = jnp.abs(speed * jnp.abs(mu) + jnp.sign(order) * wave_speed)
        first = max(n, 1) * gyration / jnp.maximum(approach, jnp.finfo(dtype).eps)
        k, weight = peaked_nodes(*model.spectrum.edges(dtype), first, first, num_nodes=OUTER_NODES)
        values = jax.vmap(over_angles, (0, None, None))(k, sense, order)
        return jnp.sum(weight * model.spectrum(k) * values)

    senses = jnp.array([1, -1, 1, -1] if n else [1, -1], dtype)
    orders = jnp.array([n, n, -n, -n] if n else [0, 0], dtype)
    total = jnp.sum(jax.vmap(over_wavenumbers)(senses, orders)) / 2
    return (gyration * amplitude) ** 2 * (1 - mu**2) * total


def as_toroidal(name: str, value: ScalarLike) -> Scalar:
    """Return the toroidal share as an array; raise unless it lies between 0 and 1."""
    value = as_float(value)
    check_range(f"{name}: toroidal", value, 0, 1, remedy="It is a share of the power.")
    return value


def as_harmonics(name: str, value: int) -> int:
    """Return the number of harmonics; raise unless it is from 1 to 7."""
    check_range(f"{name}: num_harmonics", value, 1, MAX_HARMONICS, remedy="Three hold 95 per cent.")
    return value


def _as_wave_speed(name: str, value: ScalarLike) -> Scalar:
    value = as_float(value)
    check_range(f"{name}: wave_speed", value, 0, 1, ends="[)", remedy="About 1e-4 in the Galaxy.")
    return value
