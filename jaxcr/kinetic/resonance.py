"""Resonances of waves and gyration: omega - k_par v mu = n Omega."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxcr.annotations import broadcasting
from jaxcr.arrays import ScalarLike
from jaxcr.checks import as_float, check_positive, is_concrete
from jaxcr.kinetic.kinematics import as_speed
from jaxcr.units import gyroradius

Numbers = Float[Array, "..."] | float | int


@broadcasting
def gyrofrequency(
    rigidity: ScalarLike, strength: ScalarLike, *, speed: ScalarLike = 1.0
) -> Float[Array, ""]:
    """Return Omega = v / r_L = v B / (r_1 R) in rad/pc, positive for a positive charge.

    Parameters
    ----------
    rigidity
        In PV with the sign of the charge.
    strength
        |B| in µG.
    speed
        v over that of light.

    Returns
    -------
    Omega in rad/pc. Seen along B, the velocity across B has the azimuth -Omega t: positive
    charges turn clockwise when B points to the observer.

    Raises
    ------
    ValueError
        When the rigidity is known and 0, the strength not positive, the speed not in (0, 1].
    """
    rigidity = as_float(rigidity)
    strength = as_float(strength).astype(rigidity.dtype)
    check_positive("gyrofrequency: strength", strength)
    if is_concrete(rigidity):
        check_positive("gyrofrequency: |rigidity|", np.abs(rigidity))
    return as_speed("gyrofrequency", speed, rigidity.dtype) / gyroradius(rigidity, strength)


@broadcasting
def resonant_wavenumber(
    cosine: Numbers,
    rigidity: ScalarLike,
    strength: ScalarLike,
    *,
    harmonic: ScalarLike = 1,
    speed: ScalarLike = 1.0,
    wave_speed: ScalarLike = 0.0,
) -> Float[Array, "..."]:
    """Return the k_par with which a particle resonates, k_par = n Omega / (V - v mu).

    Parameters
    ----------
    cosine
        Pitch-angle cosine mu, any shape.
    rigidity, strength
        In PV with the sign of the charge; |B| in µG.
    harmonic
        n, not 0. For n = ±1 the wave is dB_x + i dB_y ~ exp[±i (k_par z - omega t)] with z along
        B0: n = 1 is left-handed, turning in time as positive charges do.
    speed
        v of the particle over that of light.
    wave_speed
        V = omega / k_par over that of light, negative for waves that run against B0: the Alfvén
        speed, or 0 for a static field.

    Returns
    -------
    Wave number along B0 in rad/pc, signed; inf where v mu = V.

    Raises
    ------
    ValueError
        When the harmonic is known and 0, or as ``gyrofrequency``.

    Notes
    -----
    In a static field |k_par| = |n| / (|mu| r_L): the 90° gap is that k runs away as mu -> 0.
    Harmonics beyond ±1 need k_perp r_L of order 1. Source: Schlickeiser, Cosmic Ray Astrophysics
    (2002), ch. 12; the sign of Omega is kept here.
    """
    cosine = as_float(cosine)
    n = _as_harmonic("resonant_wavenumber", harmonic).astype(cosine.dtype)
    omega = gyrofrequency(rigidity, strength, speed=speed).astype(cosine.dtype)
    slip = as_float(wave_speed).astype(cosine.dtype) - as_float(speed).astype(cosine.dtype) * cosine
    keeps_up = slip == 0
    return jnp.where(keeps_up, jnp.inf, n * omega / jnp.where(keeps_up, 1, slip))


@broadcasting
def resonant_cosine(
    wavenumber: Numbers,
    rigidity: ScalarLike,
    strength: ScalarLike,
    *,
    harmonic: ScalarLike = 1,
    speed: ScalarLike = 1.0,
    wave_speed: ScalarLike = 0.0,
) -> Float[Array, "..."]:
    """Return the pitch-angle cosine that resonates, mu = (V - n Omega / k_par) / v.

    Parameters
    ----------
    wavenumber
        k_par in rad/pc, signed, any shape.
    rigidity, strength, harmonic, speed, wave_speed
        See ``resonant_wavenumber``; n = 0 is allowed.

    Returns
    -------
    mu, any shape. Outside [-1, 1] no particle of this rigidity resonates; infinite at k_par = 0.

    Raises
    ------
    ValueError
        As ``gyrofrequency``.
    """
    wavenumber = as_float(wavenumber)
    omega = gyrofrequency(rigidity, strength, speed=speed).astype(wavenumber.dtype)
    turns = as_float(harmonic).astype(wavenumber.dtype) * omega
    endless = wavenumber == 0
    lag = jnp.where(endless, jnp.inf, turns / jnp.where(endless, 1, wavenumber))
    velocity = as_float(wave_speed).astype(wavenumber.dtype) - jnp.where(turns == 0, 0, lag)
    return velocity / as_float(speed).astype(wavenumber.dtype)


@broadcasting
def transit_time_cosine(
    phase_speed: Numbers, wave_cosine: Numbers, *, speed: ScalarLike = 1.0
) -> Float[Array, "..."]:
    """Return the mu of transit-time damping (n = 0): v mu = omega / k_par = V_ph / cos(theta).

    Parameters
    ----------
    phase_speed
        V_ph = omega / k over the speed of light.
    wave_cosine
        cos(theta) of the angle between k and B0.
    speed
        v of the particle over that of light.

    Returns
    -------
    mu; beyond 1 in size no particle keeps up with the wave, inf for waves across B0.

    Raises
    ------
    ValueError
        When the speed is known and not in (0, 1].

    Notes
    -----
    At any rigidity: the particle rides with a magnetic mirror, so that it needs dB along B0.
    mu is of the order V_A/c, so sharp resonance leaves out mu = 0 itself. But the mirror force,
    -(v/2) (1 - mu²) d(dB_par/B0)/dz, does not vanish there: with resonances of finite width
    transit-time damping is what scatters through 90°. Source: Schlickeiser & Miller, ApJ 492
    (1998) 352; Yan & Lazarian, ApJ 673 (2008) 942.
    """
    phase_speed = as_float(phase_speed)
    wave_cosine = as_float(wave_cosine).astype(phase_speed.dtype)
    along = as_speed("transit_time_cosine", speed, phase_speed.dtype) * wave_cosine
    across = along == 0
    return jnp.where(across, jnp.inf, phase_speed / jnp.where(across, 1, along))


def _as_harmonic(name: str, harmonic: ScalarLike) -> Float[Array, ""]:
    """Return the harmonic as an array; raise when it is 0."""
    harmonic = as_float(harmonic)
    if is_concrete(harmonic):
        check_positive(
            f"{name}: |harmonic|", np.abs(harmonic), remedy="For n = 0 see transit_time_cosine."
        )
    return harmonic
