"""Averages over shells of wave vectors, and the slope of a spectrum through them."""

import math

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from jaxcr.arrays import Scalar
from jaxcr.fields.field import Lattice


class Shells(eqx.Module):
    """Averages over shells of wave vectors, each as wide as the fundamental.

    ``wavenumber`` (1/pc) is the harmonic mean of the modes in the shell, at which the mean of a
    power law near 1/k is the power law; ``spectrum`` is E(k) in µG² pc; ``filled`` says whether
    the whole shell lies a fundamental within the smallest and the largest wavenumber that hold
    power: modes nearer to the end of a spectrum have part of their cell beyond it.
    """

    wavenumber: Float[Array, " bin"]
    spectrum: Float[Array, " bin"]
    num_modes: Float[Array, " bin"]
    filled: Bool[Array, " bin"]


def count_mirrored(num: int, dtype) -> Float[Array, " kz"]:
    """Return how many modes each column of a real transform stands for: itself and its mirror."""
    column = jnp.arange(num // 2 + 1)
    return jnp.where((column == 0) | (2 * column == num), 1, 2).astype(dtype)


def average_shells(
    size: Float[Array, "kx ky kz"],
    power: Float[Array, "kx ky kz"],
    count: Float[Array, "kx ky kz"],
    lattice: Lattice,
    num_shells: int,
) -> Shells:
    """Average over shells around 1, 2, ... fundamentals, up to the last below Nyquist."""
    box = jnp.array(lattice.shape, size.dtype) * lattice.spacing
    shell = jnp.round(size * jnp.min(box) / (2 * jnp.pi)).astype(jnp.int32).ravel()
    shell = jnp.minimum(shell, num_shells)

    def gather(reduce, values):
        return reduce(values.ravel(), shell, num_shells + 1)[1:num_shells]

    density = power * mode_density(lattice, size.dtype)
    num_modes = gather(jax.ops.segment_sum, count)
    inverse = gather(jax.ops.segment_sum, count / jnp.where(size > 0, size, 1))
    energy = gather(jax.ops.segment_sum, count * 4 * jnp.pi * size**2 * density)
    fundamental = 2 * jnp.pi / jnp.min(box)
    low, high = power_edges(size, power)
    filled = (gather(jax.ops.segment_min, size) >= low + fundamental) & (
        gather(jax.ops.segment_max, size) <= high - fundamental
    )
    return Shells(num_modes / inverse, energy / num_modes, num_modes, filled)


def power_edges(
    size: Float[Array, "kx ky kz"], power: Float[Array, "kx ky kz"]
) -> tuple[Scalar, Scalar]:
    """Return the smallest and the largest wavenumber (1/pc) that hold power; inf, 0 if none do."""
    # Far above the rounding of float32 and int16 stores, far below any resolved power law.
    powered = power > 1e-10 * jnp.max(power)
    return jnp.min(jnp.where(powered, size, jnp.inf)), jnp.max(jnp.where(powered, size, 0))


def fit_index(shells: Shells) -> float:
    """Return minus the slope of ln E over ln k in the filled shells, weighted by their modes."""
    filled = np.asarray(shells.filled)
    if filled.sum() < 2:
        return math.nan
    x, y = (np.log(np.asarray(v)[filled]) for v in (shells.wavenumber, shells.spectrum))
    weight = np.asarray(shells.num_modes)[filled]
    x = x - np.average(x, weights=weight)
    return -float(np.sum(weight * x * y) / np.sum(weight * x**2))


def effective_modes(
    size: Float[Array, "kx ky kz"],
    power: Float[Array, "kx ky kz"],
    count: Float[Array, "kx ky kz"],
    lattice: Lattice,
    shells: Shells,
) -> Float[Array, " bin"]:
    """Return N of each shell whose spectrum scatters by 1/sqrt(N) between realisations.

    It is the number of modes in isotropic turbulence, and that of those with power where few have
    it: (sum p)² / sum p², times 3/2, the mean of p² over squared mean p of two polarisations.
    """
    relative = power / jnp.maximum(jnp.max(power), jnp.finfo(power.dtype).tiny)
    num_shells = shells.num_modes.size + 1
    first = average_shells(size, relative, count, lattice, num_shells).spectrum
    second = average_shells(size, (size * relative) ** 2, count, lattice, num_shells).spectrum
    unit = 4 * jnp.pi * mode_density(lattice, size.dtype)
    ratio = first**2 / jnp.where(second > 0, unit * second, 1)
    return shells.num_modes * jnp.where(second > 0, 1.5 * ratio, 1)


def mode_density(lattice: Lattice, dtype) -> Scalar:
    """Return how many modes of the box a unit of wave-vector space holds, in pc³."""
    box = jnp.array(lattice.shape, dtype) * lattice.spacing
    return jnp.prod(box) / (2 * jnp.pi) ** 3
