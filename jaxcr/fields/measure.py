"""Measure samples of a field in a box: moments, spectrum, divergence."""

import math
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float

from jaxcr.arrays import Scalar, Vector
from jaxcr.fields.analytic import UniformField
from jaxcr.fields.field import Field, Lattice, ScaledField, SumField, sample_field
from jaxcr.fields.grid import GridField
from jaxcr.fields.potential import PotentialGridField
from jaxcr.fields.shells import Shells, average_shells, count_mirrored, effective_modes, power_edges
from jaxcr.fields.wave_vectors import wave_vectors

_Samples = Float[Array, "nx ny nz xyz=3"]
_Modes = Complex[Array, "kx ky kz xyz=3"]

_BATCH = 16384
"""Points whose derivatives are taken at once: a third of the memory of samples, or less."""

_BEYOND = 0.005
"""Share of the power that a window may have leaked beyond either end of a spectrum."""

_OPEN = 1 / 8
"""Of a window, above which samples are read back from behind it: further out errors grow."""

LOBE = 2
"""Half the width in k of what the window makes of one wave, in fundamentals."""


class Measured(NamedTuple):
    """What samples show: lengths in pc, fields in µG, the divergence in µG/pc.

    ``along`` is the rms of k·B over k|B|, nan behind a window; ``edges`` the smallest and the
    largest wavenumber (1/pc) with power; ``num_modes`` those of ``effective_modes``.
    """

    mean: Vector
    rms: Scalar
    correlation_length: Scalar
    along: Scalar
    divergence_rms: Scalar
    divergence_max: Scalar
    edges: tuple[Scalar, Scalar]
    shells: Shells
    num_modes: Float[Array, " bin"]


def measure(field: Field, lattice: Lattice) -> Measured:
    """Measure the samples of a field: as they are where it repeats, else under a window."""
    spacing = np.asarray(lattice.spacing, dtype=float)
    num_shells = math.floor(min(spacing * lattice.shape) / (2 * max(spacing)) + 1e-6)
    if repeats(field, lattice):
        return _measure_periodic(sample_field(field, lattice), lattice, num_shells)
    divergence = _sample_divergence(field, lattice) if field.lattice() is None else None
    return _measure_windowed(sample_field(field, lattice), divergence, lattice, num_shells)


def repeats(field: Field, lattice: Lattice) -> bool:
    """Return whether the field is known to repeat after the box of the lattice."""
    if isinstance(field, SumField):
        return repeats(field.first, lattice) and repeats(field.second, lattice)
    if isinstance(field, ScaledField):
        return repeats(field.field, lattice)
    if isinstance(field, PotentialGridField):
        return repeats(field.potential, lattice)
    if isinstance(field, GridField) and field.boundary.is_periodic:
        own, box = (np.asarray(x.spacing) * x.shape for x in (field.lattice(), lattice))
        periods = box / own
        return bool(np.all((periods > 0.5) & (np.abs(periods - np.round(periods)) < 1e-5)))
    return isinstance(field, UniformField)


@eqx.filter_jit
def _measure_periodic(samples: _Samples, lattice: Lattice, num_shells: int) -> Measured:
    """Measure samples that repeat after the box: exact, one Fourier transform there and one back.

    The divergence is that of the waves through the samples, their spectral derivative.
    """
    mean, fluctuation, rms = _moments(samples)
    modes = _transform(fluctuation)
    size, power, count = _power(modes, rms, lattice)
    k = wave_vectors(lattice.shape, lattice.spacing).astype(modes.dtype)
    safe = jnp.where(size > 0, size, 1)
    along = jnp.abs(jnp.sum(k * modes, axis=-1)) / safe
    divergence = _spectral_divergence(modes, lattice)
    shells = average_shells(size, power, count, lattice, num_shells)
    return Measured(
        mean=mean,
        rms=rms,
        correlation_length=jnp.pi / 2 * jnp.sum(count * power / safe) / rms**2,
        along=jnp.sqrt(jnp.sum(count * along**2)) / rms,
        divergence_rms=jnp.sqrt(jnp.mean(divergence**2)),
        divergence_max=jnp.max(jnp.abs(divergence)),
        edges=power_edges(size, power),
        shells=shells,
        num_modes=effective_modes(size, power, count, lattice, shells),
    )


@eqx.filter_jit
def _measure_windowed(
    samples: _Samples,
    divergence: Float[Array, "nx ny nz"] | None,
    lattice: Lattice,
    num_shells: int,
) -> Measured:
    """Measure samples cut from a field that goes on; its divergence may be known.

    The spectrum is that of the samples under Hann's window, scaled to their mean square: the
    jump between opposite faces would otherwise leak a k^-2 tail over it. What is left of the
    leak falls as k^-6, but every wave is spread over two fundamentals to either side, so the
    edges are those of all but 0.5 % of the power, and the shells within two fundamentals of
    them do not count as filled. A neighbour's power is no new information: ``num_modes`` is less
    by (mean w²)² / mean w⁴ = 0.136. An unknown divergence is that of w B less B·grad w, over w,
    where w exceeds 1/8.
    """
    mean, fluctuation, rms = _moments(samples)
    window = _window(lattice.shape, samples.dtype)
    weighted = window[..., None] * fluctuation
    centre = jnp.sum(weighted, axis=(0, 1, 2)) / jnp.sum(window)
    weighted = weighted - window[..., None] * centre[None, None, None]
    modes = _transform(weighted)
    size, power, count = _power(modes, rms, lattice)
    safe = jnp.where(size > 0, size, 1)
    shells = average_shells(size, power, count, lattice, num_shells)
    low, high = _quantiles(shells)
    box = jnp.array(lattice.shape, size.dtype) * lattice.spacing
    margin = LOBE * 2 * jnp.pi / jnp.min(box)
    known = jnp.ones_like(window, bool)
    if divergence is None:
        known = window > _OPEN
        divergence = _windowed_divergence(modes, weighted, lattice) / window
    filled = (shells.wavenumber >= low + margin) & (shells.wavenumber <= high - margin)
    return Measured(
        mean=mean,
        rms=rms,
        correlation_length=jnp.pi / 2 * jnp.sum(count * power / safe) / rms**2,
        along=jnp.full((), jnp.nan, rms.dtype),
        divergence_rms=jnp.sqrt(jnp.mean(divergence**2, where=known)),
        divergence_max=jnp.max(jnp.abs(divergence), where=known, initial=0),
        edges=(low, high),
        shells=Shells(shells.wavenumber, shells.spectrum, shells.num_modes, filled),
        num_modes=effective_modes(size, power, count, lattice, shells)
        * (jnp.mean(window**2) ** 2 / jnp.mean(window**4)),
    )


@eqx.filter_jit
def _sample_divergence(field: Field, lattice: Lattice) -> Float[Array, "nx ny nz"]:
    """Return div B in µG/pc at every sample, from the derivative of the field by position."""
    centers = lattice.centers().reshape(-1, 3)
    jacobian = jax.jacfwd(field)
    divergence = jax.lax.map(lambda x: jnp.trace(jacobian(x)), centers, batch_size=_BATCH)
    return divergence.reshape(lattice.shape)


def _moments(samples: _Samples) -> tuple[Vector, _Samples, Scalar]:
    """Return the mean, the samples without it, and their rms; zero where that is rounding."""
    mean = jnp.mean(samples, axis=(0, 1, 2))
    fluctuation = samples - mean[None, None, None]
    square = jnp.mean(jnp.sum(fluctuation**2, axis=-1))
    rounding = 8 * jnp.finfo(samples.dtype).eps
    real = square > rounding**2 * jnp.sum(mean**2)
    return mean, jnp.where(real, fluctuation, 0), jnp.sqrt(jnp.where(real, square, 0))


def _transform(samples: _Samples) -> _Modes:
    """Return the amplitudes of the waves that the samples are made of."""
    return jnp.fft.rfftn(samples, axes=(0, 1, 2), norm="forward")


def _power(
    modes: _Modes, rms: Scalar, lattice: Lattice
) -> tuple[Float[Array, "kx ky kz"], Float[Array, "kx ky kz"], Float[Array, "kx ky kz"]]:
    """Return size and power of each mode, summing up to rms², and how many it stands for."""
    size = jnp.linalg.norm(wave_vectors(lattice.shape, lattice.spacing), axis=-1)
    power = jnp.where(size > 0, jnp.sum(jnp.abs(modes) ** 2, axis=-1), 0)
    count = jnp.broadcast_to(count_mirrored(lattice.shape[2], size.dtype), size.shape)
    total = jnp.sum(count * power)
    return size, power * (rms**2 / jnp.where(total > 0, total, 1)), count


def _spectral_divergence(modes: _Modes, lattice: Lattice) -> Float[Array, "nx ny nz"]:
    """Return div B in µG/pc; waves of two cells have no derivative at the samples."""
    k = wave_vectors(lattice.shape, lattice.spacing)
    phase = jnp.abs(k) * lattice.spacing[None, None, None]
    k = jnp.where(phase > jnp.pi * (1 - 1e-6), 0, k).astype(modes.dtype)
    return jnp.fft.irfftn(1j * jnp.sum(k * modes, axis=-1), s=lattice.shape, norm="forward")


def _windowed_divergence(
    modes: _Modes, weighted: _Samples, lattice: Lattice
) -> Float[Array, "nx ny nz"]:
    """Return w div B from the transform of w B: grad w is w times a cotangent."""
    result = _spectral_divergence(modes, lattice)
    for axis, num in enumerate(lattice.shape):
        place = jnp.pi * (jnp.arange(num, dtype=weighted.dtype) + 0.5) / num
        slope = 2 * jnp.pi / (num * lattice.spacing[axis]) / jnp.tan(place)
        row = slope.reshape([-1 if i == axis else 1 for i in range(3)])
        result = result - row * weighted[..., axis]
    return result


def _window(shape: tuple[int, int, int], dtype) -> Float[Array, "nx ny nz"]:
    """Return Hann's window, sin² along every axis."""
    x, y, z = (jnp.sin(jnp.pi * (jnp.arange(n, dtype=dtype) + 0.5) / n) ** 2 for n in shape)
    return x[:, None, None] * y[None, :, None] * z[None, None]


def _quantiles(shells: Shells) -> tuple[Scalar, Scalar]:
    """Return the wavenumbers of the shells with all but a small share of the power beyond each."""
    if shells.spectrum.size == 0:
        return (jnp.full((), jnp.nan, shells.spectrum.dtype),) * 2
    share = jnp.cumsum(shells.spectrum)
    share = share / jnp.where(share[-1] > 0, share[-1], 1)
    low, high = jnp.argmax(share > _BEYOND), jnp.argmax(share >= 1 - _BEYOND)
    return shells.wavenumber[low], shells.wavenumber[high]
