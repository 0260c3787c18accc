"""Realise turbulence of a given spectrum and geometry as plane waves, from a key."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from jaxcr.arrays import Scalar, ScalarLike
from jaxcr.checks import as_float, check_range, check_size
from jaxcr.fields.geometries import (
    BOTH,
    POLOIDAL,
    Geometry,
    Isotropic,
    check_index,
    check_rms,
    helical_shares,
)
from jaxcr.fields.spectra import Spectrum, power_between
from jaxcr.fields.wave_vectors import transverse_frame
from jaxcr.fields.waves import WaveField
from jaxcr.untrusted.sizes import most_memory

_Waves = tuple[Float[Array, "wave xyz=3"], Float[Array, " wave"], Float[Array, "wave xyz=3"]]

_NODES = 8
"""Of Gauss's rule for the power of one cell in ln k."""


def realise_waves(
    spectrum: Spectrum,
    *,
    key: Key[Array, ""],
    num_waves: int,
    rms: ScalarLike,
    geometry: Geometry | None = None,
) -> WaveField:
    """Draw turbulence as plane waves that are spaced evenly in ln k.

    Parameters
    ----------
    spectrum
        E(k), over any range of scales.
    key
        Fixes wave vectors within their cells, directions, polarisations and phases.
    num_waves
        Waves in all, for each kind of the geometry alike; 20 to 50 for each decade of k. With
        helicity each counts twice in the field.
    rms
        Root mean square of |B| in µG; differentiable, like every parameter of the spectrum.
    geometry
        ``Isotropic()`` (default), ``Slab``, ``TwoDimensional``, ``SlabTwoD``,
        ``GoldreichSridhar``, ``Alfven``, ``Slow`` or ``Fast``.

    Raises
    ------
    ValueError
        When there are fewer than ten waves, ``rms`` is negative, or the geometry holds for another
        spectral index.

    Notes
    -----
    Each wave carries the power of its cell, the integral of E(k) over it, so that every
    realisation has the asked rms in the mean over space. With few waves a decade the field at
    one point is not Gaussian across realisations of large scales: amplitudes are fixed, phases
    are not. Phases are float64 where JAX has it. Source: Giacalone & Jokipii, ApJ 520 (1999) 204.
    """
    check_range(
        "realise_waves: num_waves", num_waves, 10.0, remedy="Take 20 to 50 for each decade of k."
    )
    check_size("realise_waves: num_waves", 56.0 * num_waves, most_memory(), remedy="Give fewer.")
    check_rms("realise_waves", rms)
    geometry = Isotropic() if geometry is None else geometry
    check_index(geometry, spectrum)
    frequencies, phases, amplitudes = _waves(spectrum, geometry, key, num_waves)
    return WaveField(frequencies, phases, amplitudes, scale=as_float(rms))


@eqx.filter_jit
def _waves(spectrum: Spectrum, geometry: Geometry, key: Key[Array, ""], num_waves: int) -> _Waves:
    """Return frequencies, phases and amplitudes of unit rms: one program in place of 90."""
    wave_vectors, phases, amplitudes = _draw(spectrum, geometry, key, num_waves)
    if geometry.helicity is not None:
        helicity = geometry.helicity.astype(phases.dtype)
        wave_vectors, phases, amplitudes = _turn(wave_vectors, phases, amplitudes, helicity)
    return wave_vectors / (2 * jnp.pi), phases, amplitudes


def _draw(spectrum: Spectrum, geometry: Geometry, key: Key[Array, ""], num_waves: int) -> _Waves:
    """Return wave vectors, phases and amplitudes of unit rms, evenly spaced in ln k."""
    dtype = jnp.result_type(float)
    of_place, of_direction, of_angle, of_phase = jax.random.split(key, 4)
    low, high = (jnp.log(x) for x in spectrum.edges(dtype))
    num_cells = num_waves // geometry.kinds
    num_waves = num_cells * geometry.kinds
    width = (high - low) / num_cells
    bottom = low + width * (jnp.arange(num_waves) // geometry.kinds).astype(dtype)
    wavenumber = jnp.exp(bottom + width * jax.random.uniform(of_place, (num_waves,), dtype))
    vectors, modes = geometry.draw(of_direction, wavenumber, spectrum)
    power = power_between(spectrum, jnp.exp(bottom), jnp.exp(bottom + width), num_nodes=_NODES)
    amplitude = jnp.sqrt(2 * modes.power * power / geometry.kinds)
    # Toroidal at 0, poloidal at a quarter turn, anywhere where they share the power.
    angle = 2 * jnp.pi * jax.random.uniform(of_angle, (num_waves,), dtype)
    turn = jnp.where(modes.toroidal == POLOIDAL, jnp.pi / 2, 0)
    angle = jnp.where(modes.toroidal == BOTH, angle, turn)
    _, toroidal, poloidal = transverse_frame(geometry.axis, vectors)
    polarisation = jnp.cos(angle)[:, None] * toroidal + jnp.sin(angle)[:, None] * poloidal
    phases = jax.random.uniform(of_phase, (num_waves,), dtype)
    return vectors, phases, amplitude[:, None] * polarisation


def _turn(
    vectors: Float[Array, "wave xyz=3"],
    phases: Float[Array, " wave"],
    amplitudes: Float[Array, "wave xyz=3"],
    helicity: Scalar,
) -> tuple[Float[Array, "half xyz=3"], Float[Array, " half"], Float[Array, "half xyz=3"]]:
    """Return each wave as two, a quarter of a cycle apart and across: an elliptic wave."""
    straight, turned = helical_shares(helicity)
    outward = vectors / jnp.linalg.norm(vectors, axis=1, keepdims=True)
    return (
        jnp.concatenate([vectors, vectors]),
        jnp.concatenate([phases, phases - 0.25]),
        jnp.concatenate([straight * amplitudes, -turned * jnp.cross(outward, amplitudes)]),
    )
