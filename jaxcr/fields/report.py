"""Describe a gridded field: the numbers that prove what it is."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxcr.arrays import Vector, argument_error
from jaxcr.fields.field import Field, Lattice
from jaxcr.fields.realise_grid import wave_vectors


class FieldReport(eqx.Module):
    """What was measured on the samples of a field (lengths pc, fields µG).

    ``spectrum`` is E(k) of the fluctuations at ``wavenumber``; ``index`` its slope, fitted over
    the bins that hold power; ``divergence`` the rms of k·B over k|B|, zero for a solenoidal field.
    """

    lattice: Lattice
    mean: Vector
    rms: float
    index: float
    correlation_length: float
    divergence: float
    wavenumber: Float[Array, " bin"]
    spectrum: Float[Array, " bin"]

    def __str__(self) -> str:
        mean = ", ".join(f"{x:.4g}" for x in np.asarray(self.mean))
        box = " × ".join(
            f"{n * float(d):g}"
            for n, d in zip(self.lattice.shape, self.lattice.spacing, strict=True)
        )
        return (
            f"box                 {box} pc, {' × '.join(map(str, self.lattice.shape))} cells\n"
            f"mean field          ({mean}) µG\n"
            f"rms fluctuation     {self.rms:.4g} µG\n"
            f"spectral index      {self.index:.3f}\n"
            f"correlation length  {self.correlation_length:.4g} pc (one-sided)\n"
            f"divergence          {self.divergence:.1e} (k·B over k|B|, rms)"
        )


def describe(field: Field) -> FieldReport:
    """Measure a gridded field: mean, rms, spectrum, correlation length, divergence.

    Parameters
    ----------
    field
        A ``GridField``, or a sum or multiple that contains one.

    Raises
    ------
    ValueError
        When the field has no grid.

    Notes
    -----
    E(k) is 4 pi k² times the mean power of the modes in shells as wide as the fundamental, so it
    does not depend on how many lattice modes a shell happens to hold. Cost: one Fourier transform.
    """
    lattice = field.lattice()
    if lattice is None:
        raise argument_error(
            "describe: field",
            expected="a field that contains a grid",
            got=type(field).__name__,
            remedy="Describe the GridField that realise_grid or read_field returned.",
        )
    mean, rms, divergence, length, k, spectrum = _measure(field, lattice)
    used = np.asarray(spectrum) > 1e-3 * np.asarray(spectrum).max() * 1e-3
    slope = np.polyfit(np.log(np.asarray(k)[used]), np.log(np.asarray(spectrum)[used]), 1)[0]
    return FieldReport(
        lattice, mean, float(rms), -float(slope), float(length), float(divergence), k, spectrum
    )


@eqx.filter_jit
def _measure(field: Field, lattice: Lattice):
    samples = jax.vmap(field)(lattice.centers().reshape(-1, 3)).reshape(*lattice.shape, 3)
    mean = jnp.mean(samples, axis=(0, 1, 2))
    modes = jnp.fft.rfftn(samples - mean[None, None, None], axes=(0, 1, 2)) / samples[..., 0].size
    k = wave_vectors(lattice.shape, lattice.spacing)
    size = jnp.sqrt(jnp.sum(k**2, axis=-1))
    # rfftn keeps half of the modes: those inside count for two.
    column = jnp.arange(modes.shape[2])
    single = (column == 0) | ((lattice.shape[2] % 2 == 0) & (column == lattice.shape[2] // 2))
    count = jnp.broadcast_to(jnp.where(single, 1.0, 2.0), size.shape).astype(size.dtype)
    power = jnp.sum(jnp.abs(modes) ** 2, axis=-1)
    total = jnp.sum(count * power)
    safe = jnp.where(size > 0, size, 1)
    divergence = jnp.abs(jnp.sum(k * modes, axis=-1)) / safe
    box = jnp.array(lattice.shape, size.dtype) * lattice.spacing
    width = 2 * jnp.pi / jnp.min(box)
    num_bins = min(lattice.shape) // 2
    shell = jnp.clip(jnp.round(size / width), 0, num_bins).astype(jnp.int32)
    sums = [
        jax.ops.segment_sum((count * x).ravel(), shell.ravel(), num_bins + 1)[1:num_bins]
        for x in (power, jnp.ones_like(power), size)
    ]
    centers = sums[2] / sums[1]
    density = sums[0] / sums[1] * jnp.prod(box) / (2 * jnp.pi) ** 3
    return (
        mean,
        jnp.sqrt(total),
        jnp.sqrt(jnp.sum(count * divergence**2) / total),
        jnp.pi / 2 * jnp.sum(jnp.where(size > 0, count * power / safe, 0)) / total,
        centers,
        4 * jnp.pi * centers**2 * density,
    )
