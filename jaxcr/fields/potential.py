"""A gridded field that is the curl of a splined vector potential: divergence-free everywhere."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxcr.annotations import checked
from jaxcr.arrays import Scalar, ScalarLike, Vector
from jaxcr.checks import as_float
from jaxcr.fields.boundaries import Periodic
from jaxcr.fields.field import Field, Lattice
from jaxcr.fields.grid import GridField, as_cell, check_samples
from jaxcr.fields.stencils import CubicSpline
from jaxcr.fields.wave_vectors import wave_vectors

_OVERSHOOT = 1.5


class PotentialGridField(Field):
    """B as a mean plus the curl of a vector potential on a periodic cubic spline.

    Parameters
    ----------
    samples
        B in µG, shape ``(nx, ny, nz, 3)``, periodic; what of it has a divergence is left out.
    spacing, origin, storage, scale
        As for ``GridField``; the store is that of the potential.

    Raises
    ------
    ValueError
        As ``GridField``.

    Notes
    -----
    The curl of the spline meets the samples of a divergence-free field, but for the waves of two
    cells; between them it is of third order, and its divergence is zero to round-off. One gather
    of 4×4×4 vectors. The potential comes from one division in Fourier space by the wave numbers
    that the spline has at its samples, 3 sin(kh) / (2 + cos(kh)) / h.
    """

    potential: GridField
    mean: Vector
    strength: Scalar

    def __init__(
        self,
        samples: Float[Array, "nx ny nz xyz=3"],
        *,
        spacing: ScalarLike | Vector,
        origin: Vector,
        storage=None,
        scale: ScalarLike = 1.0,
    ):
        check_samples("PotentialGridField", samples, periodic=True)
        spacing = as_cell("PotentialGridField: spacing", spacing, origin)
        storage = samples.dtype if storage is None else storage
        potential, self.mean, strength = _vector_potential(samples, spacing)
        self.potential = GridField(
            potential,
            spacing=spacing,
            origin=origin,
            stencil=CubicSpline(),
            boundary=Periodic(),
            storage=storage,
            scale=scale,
        )
        factor = as_float(scale).astype(strength.dtype)
        self.mean = factor * self.mean
        self.strength = jnp.abs(factor) * strength

    @checked
    def __call__(self, position: Vector) -> Vector:
        """Return B in µG at ``position`` in pc."""
        slope = self.potential.jacobian(position)
        curl = jnp.stack(
            [slope[2, 1] - slope[1, 2], slope[0, 2] - slope[2, 0], slope[1, 0] - slope[0, 1]]
        )
        return self.mean.astype(position.dtype) + curl

    def max_strength(self) -> Scalar:
        """Return 1.5 times the largest sample."""
        return _OVERSHOOT * self.strength

    def lattice(self) -> Lattice | None:
        """Return the cells of the grid."""
        return self.potential.lattice()


@eqx.filter_jit
def _vector_potential(
    samples: Float[Array, "nx ny nz xyz=3"], spacing: Vector
) -> tuple[Float[Array, "nx ny nz xyz=3"], Vector, Scalar]:
    """Return A with spline curl B, the mean of B, and the largest strength."""
    shape = samples.shape[:3]
    k = _spline_wave_vectors(shape, spacing.astype(samples.dtype))
    square = jnp.sum(k**2, axis=-1, keepdims=True)
    modes = jnp.fft.rfftn(samples, axes=(0, 1, 2))
    # curl A = B and div A = 0: A = i k × B / k²
    safe = jnp.where(square > 1e-12 * jnp.max(square), square, jnp.inf)
    potential = 1j * jnp.cross(k.astype(modes.dtype), modes) / safe.astype(modes.dtype)
    samples_squared = jnp.sum(samples**2, axis=-1)
    return (
        jnp.fft.irfftn(potential, s=shape, axes=(0, 1, 2)).astype(samples.dtype),
        jnp.mean(samples, axis=(0, 1, 2)),
        jnp.sqrt(jnp.max(samples_squared)),
    )


def _spline_wave_vectors(
    shape: tuple[int, int, int], spacing: Vector
) -> Float[Array, "kx ky kz xyz=3"]:
    """Return what differentiating the spline at its samples multiplies each mode by, over i."""
    cell = spacing[None, None, None]
    phase = wave_vectors(shape, spacing) * cell
    derivative = 3 * jnp.sin(phase) / (2 + jnp.cos(phase)) / cell
    return jnp.where(jnp.abs(phase) > jnp.pi * (1 - 1e-6), 0, derivative)
