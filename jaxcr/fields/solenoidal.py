"""The divergence-free part of a periodic cube."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxcr.arrays import Vector
from jaxcr.checks import check_one_of
from jaxcr.fields.boundaries import Periodic
from jaxcr.fields.field import sample_field
from jaxcr.fields.grid import GridField
from jaxcr.fields.wave_vectors import wave_vectors


def solenoidal_part(field: GridField) -> GridField:
    """Return a periodic grid without the part of each Fourier mode along its wave vector.

    Parameters
    ----------
    field
        A periodic ``GridField``; stencil and type of store are kept.

    Raises
    ------
    ValueError
        When the grid is not periodic.

    Notes
    -----
    The result has k·B = 0 at every mode to round-off; waves of two cells, whose sign is not
    known, are kept. What was taken away tells how far the samples were from a magnetic field:
    compare ``describe`` before and after.
    """
    remedy = "The projection works on Fourier modes: use PotentialGridField, or cut a periodic box."
    kind = type(field.boundary).__name__
    check_one_of("solenoidal_part: boundary of field", kind, [Periodic.__name__], remedy=remedy)
    lattice = field.lattice()
    return GridField(
        _project(sample_field(field, lattice), lattice.spacing),
        spacing=lattice.spacing,
        origin=lattice.origin,
        stencil=field.stencil,
        boundary=field.boundary,
        storage=field.coefficients.dtype,
    )


@eqx.filter_jit
def _project(
    samples: Float[Array, "nx ny nz xyz=3"], spacing: Vector
) -> Float[Array, "nx ny nz xyz=3"]:
    """Return the samples without the part along k."""
    k = wave_vectors(samples.shape[:3], spacing.astype(samples.dtype))
    cell = spacing.astype(samples.dtype)[None, None, None]
    k = jnp.where(jnp.abs(k * cell) > jnp.pi * (1 - 1e-6), 0, k)
    square = jnp.sum(k**2, axis=-1, keepdims=True)
    modes = jnp.fft.rfftn(samples, axes=(0, 1, 2))
    along = jnp.sum(k.astype(modes.dtype) * modes, axis=-1, keepdims=True)
    modes = modes - k.astype(modes.dtype) * along / jnp.where(square > 0, square, 1).astype(
        modes.dtype
    )
    return jnp.fft.irfftn(modes, s=samples.shape[:3], axes=(0, 1, 2)).astype(samples.dtype)
