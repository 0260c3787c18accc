"""Describe a gridded field: the numbers that prove what it is."""

import math

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxcr.arrays import Scalar, Vector, argument_error
from jaxcr.fields.field import Field, Lattice, sample_field
from jaxcr.fields.shells import Shells, average_shells, count_mirrored, fit_index
from jaxcr.fields.wave_vectors import wave_vectors


class FieldReport(eqx.Module):
    """What was measured on the samples of a field (lengths pc, fields µG).

    ``spectrum`` is E(k) of the fluctuations in shells around ``wavenumber``, the harmonic mean
    of the modes in each; ``index`` minus its slope over the shells that hold power throughout,
    nan when fewer than two do; ``divergence`` the rms of k·B over k|B|, zero for a solenoidal
    field.
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
    E(k) is the mean of 4 pi k² times the power density of the modes in a shell, so it does not
    depend on how many lattice modes the shell happens to hold. A mean over N modes scatters by
    1/sqrt(N), so the fit of ``index`` weighs each shell by its number of modes. Cost: one Fourier
    transform.
    """
    lattice = field.lattice()
    if lattice is None:
        raise argument_error(
            "describe: field",
            expected="a field that contains a grid",
            got=type(field).__name__,
            remedy="Describe the GridField that realise_grid or read_field returned.",
        )
    spacing = np.asarray(lattice.spacing, dtype=float)
    num_shells = math.floor(min(spacing * lattice.shape) / (2 * max(spacing)) + 1e-6)
    mean, rms, length, divergence, shells = _measure(
        sample_field(field, lattice), lattice, num_shells
    )
    return FieldReport(
        lattice=lattice,
        mean=mean,
        rms=float(rms),
        index=fit_index(shells),
        correlation_length=float(length),
        divergence=float(divergence),
        wavenumber=shells.wavenumber,
        spectrum=shells.spectrum,
    )


@eqx.filter_jit
def _measure(
    samples: Float[Array, "nx ny nz xyz=3"], lattice: Lattice, num_shells: int
) -> tuple[Vector, Scalar, Scalar, Scalar, Shells]:
    """Return mean, rms, correlation length (pi/2) <1/k>, divergence and shells of samples."""
    mean = jnp.mean(samples, axis=(0, 1, 2))
    modes = jnp.fft.rfftn(samples - mean[None, None, None], axes=(0, 1, 2)) / samples[..., 0].size
    k = wave_vectors(lattice.shape, lattice.spacing)
    size = jnp.sqrt(jnp.sum(k**2, axis=-1))
    safe = jnp.where(size > 0, size, 1)
    power = jnp.where(size > 0, jnp.sum(jnp.abs(modes) ** 2, axis=-1), 0)
    divergence = jnp.abs(jnp.sum(k.astype(modes.dtype) * modes, axis=-1)) / safe
    count = jnp.broadcast_to(count_mirrored(lattice.shape[2], size.dtype), size.shape)
    total = jnp.sum(count * power)
    return (
        mean,
        jnp.sqrt(total),
        jnp.pi / 2 * jnp.sum(count * power / safe) / total,
        jnp.sqrt(jnp.sum(count * divergence**2) / total),
        average_shells(size, power, count, lattice, num_shells),
    )
