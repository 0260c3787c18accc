"""The three waves of ideal MHD at one wave vector: what they move and what they resonate with."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from jaxcr.arrays import Scalar, ScalarLike, Vector
from jaxcr.checks import as_float, check_positive
from jaxcr.fields.mhd_modes import Alfven, Fast, Mode, Slow
from jaxcr.vectors import cross, dot, unit_vector

PerMode = Float[Array, " mode=3"]
VectorPerMode = Float[Array, "mode=3 xyz=3"]

_NEAR_ZERO = 1e-30  # cosine that stands for 0: ratios of vanishing numbers then have their limit


class MHDWaves(eqx.Module):
    """The Alfvén, the slow and the fast wave (axis ``mode``, in this order) at one wave vector.

    Amplitudes are relative to that of the velocity in Alfvén speeds: a wave with velocity
    a V_A ``polarisation`` exp[i (k · x - omega t)] has dB/B0 = a ``magnetic`` and
    d rho / rho0 = a ``density`` with the same phase.

    Attributes
    ----------
    frequency
        omega in rad/pc, not negative, ``(mode,)``.
    phase_speed
        omega/k over the speed of light, ``(mode,)``.
    group_velocity
        d omega / d k over the speed of light, ``(mode, 3)``.
    polarisation
        Unit vector of the velocity, ``(mode, 3)``; its sign is free.
    magnetic
        dB/B0, ``(mode, 3)``, of size 1 for Alfvén waves.
    density
        d rho / rho0, ``(mode,)``.
    compressibility
        Share (k · v)² / (k v)² of the kinetic energy that compresses, from 0 to 1, ``(mode,)``.
    magnetic_parallel, magnetic_transverse
        Part of dB/B0 along B0, and the size of that across, ``(mode,)``.
    gyroresonant
        Whether dB has a part across B0, that turns pitch angles where omega - k_par v mu = n Omega
        with n = ±1, ..., ``(mode,)``.
    transit_time
        Whether dB has a part along B0, whose mirror force acts where omega = k_par v mu.
    """

    frequency: PerMode
    phase_speed: PerMode
    group_velocity: VectorPerMode
    polarisation: VectorPerMode
    magnetic: VectorPerMode
    density: PerMode
    compressibility: PerMode
    magnetic_parallel: PerMode
    magnetic_transverse: PerMode
    gyroresonant: Bool[Array, " mode=3"]
    transit_time: Bool[Array, " mode=3"]


def mhd_waves(
    wave_vector: Vector, mean_field: Vector, *, alfven_speed: ScalarLike, beta: ScalarLike
) -> MHDWaves:
    """Return the three linear waves of an isothermal plasma at one wave vector.

    Induction gives dB/B0 = [b (k · v) - v (k · b)] / omega, continuity d rho/rho0 = k · v / omega.

    Parameters
    ----------
    wave_vector
        k in rad/pc, ``(3,)``.
    mean_field
        B0, ``(3,)``; any length.
    alfven_speed
        V_A over that of light: 7.3e-6 B/µG over the root of protons per cm³.
    beta
        Gas over magnetic pressure, 2 c_s²/V_A².

    Raises
    ------
    ValueError
        When k or B0 is known and zero, the Alfvén speed or beta not positive.

    Notes
    -----
    Eigenvectors to 1e-13 at angles between k and B0 above 1e-3 rad, 90° too, for beta from 1e-4 to
    100; nearer to B0 the sine itself loses digits. At k across B0 the Alfvén and the slow wave
    stand still; their amplitudes are the limit from cos > 0, their group velocity is the mean of
    both sides, 0. For k along B0 the directions across are arbitrary. Derivatives of amplitudes do
    not exist at either end, those of speeds not for k along B0 at beta = 2, where all three are
    one. All three bend field lines, the slow wave at low beta by little, and can gyroresonate; only
    slow and fast waves change |B|.
    Source: Cho & Lazarian, MNRAS 345 (2003) 325, appendix A; Kulsrud, Plasma Physics for
    Astrophysics (2005), ch. 5.
    """
    wave_vector = as_float(wave_vector)
    unit_vector("mhd_waves: wave_vector", wave_vector)
    axis = unit_vector("mhd_waves: mean_field", mean_field).astype(wave_vector.dtype)
    alfven_speed = _as_speed(alfven_speed).astype(wave_vector.dtype)
    modes = (Alfven(axis), Slow(axis, beta), Fast(axis, beta))

    def frequencies(k: Vector) -> PerMode:
        size = jnp.sqrt(dot(k, k))
        return alfven_speed * size * _phase_speeds(modes, dot(k, axis) / size)

    size = jnp.sqrt(dot(wave_vector, wave_vector))
    cosine = jnp.clip(dot(wave_vector, axis) / size, -1, 1)
    parts, density, magnetic = _amplitudes(modes, cosine)
    frame = _frame(wave_vector / size, axis)
    sine = jnp.sqrt(1 - cosine**2)
    transverse = jnp.sqrt(magnetic[:, 1] ** 2 + magnetic[:, 2] ** 2)
    smallest = 4 * jnp.finfo(size.dtype).eps ** 0.5  # the sine of an angle that is round-off
    frequency = frequencies(wave_vector)
    return MHDWaves(
        frequency=frequency,
        phase_speed=frequency / size,
        group_velocity=jax.jacfwd(frequencies)(wave_vector),
        polarisation=parts @ frame,
        magnetic=magnetic @ frame,
        density=density,
        compressibility=(cosine * parts[:, 0] + sine * parts[:, 1]) ** 2,
        magnetic_parallel=magnetic[:, 0],
        magnetic_transverse=transverse,
        gyroresonant=transverse > smallest,
        transit_time=jnp.abs(magnetic[:, 0]) > smallest,
    )


def _phase_speeds(modes: tuple[Mode, ...], cosine: Scalar) -> PerMode:
    """Return omega/k in Alfvén speeds."""
    return jnp.stack([mode.phase_speed(cosine) for mode in modes])


def _amplitudes(modes: tuple[Mode, ...], cosine: Scalar) -> tuple[Array, PerMode, Array]:
    """Return velocity, density and field in the parts: along B0, along k across it, B0 × k."""
    cosine = jnp.where(jnp.abs(cosine) < _NEAR_ZERO, _NEAR_ZERO, cosine)
    sine = jnp.sqrt(jnp.maximum(1 - cosine**2, 0))
    velocity = jnp.stack([mode.displacement(cosine) for mode in modes])
    speed = _phase_speeds(modes, cosine)
    field = jnp.stack([sine * velocity[:, 1], -cosine * velocity[:, 1], -cosine * velocity[:, 2]])
    compression = cosine * velocity[:, 0] + sine * velocity[:, 1]
    return velocity, compression / speed, (field / speed[None]).T


def _frame(direction: Vector, axis: Vector) -> Float[Array, "part=3 xyz=3"]:
    """Return the axis, the direction of k across it, and axis × that, as rows."""
    normal = cross(axis, direction)
    length = jnp.sqrt(dot(normal, normal))
    lost = length == 0
    least = jnp.eye(3, dtype=axis.dtype)[jnp.argmin(jnp.abs(axis))]
    any_normal = cross(axis, least)
    normal = jnp.where(lost, any_normal, normal)
    normal = normal / jnp.sqrt(dot(normal, normal))
    return jnp.stack([axis, cross(normal, axis), normal])


def _as_speed(alfven_speed: ScalarLike) -> Scalar:
    """Return the Alfvén speed as an array; raise unless it is positive."""
    alfven_speed = as_float(alfven_speed)
    check_positive("mhd_waves: alfven_speed", alfven_speed, remedy="1 µG and 1 proton/cm³: 7.3e-6.")
    return alfven_speed
