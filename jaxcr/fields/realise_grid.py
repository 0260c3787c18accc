"""Realise isotropic turbulence of a given spectrum on a grid, from a key."""

from functools import partial

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Key

from jaxcr.arrays import Scalar, ScalarLike, Vector, argument_error, as_float, is_concrete
from jaxcr.fields.boundaries import Periodic
from jaxcr.fields.grid import GridField
from jaxcr.fields.spectra import Spectrum
from jaxcr.fields.stencils import Stencil


def realise_grid(
    spectrum: Spectrum,
    *,
    key: Key[Array, ""],
    shape: tuple[int, int, int],
    spacing: ScalarLike,
    rms: ScalarLike,
    stencil: Stencil | None = None,
    origin: Vector | None = None,
    storage=jnp.float32,
    exact_rms: bool = False,
) -> GridField:
    """Draw a divergence-free, isotropic, periodic Gaussian field with the given spectrum.

    Parameters
    ----------
    spectrum
        E(k); its range must fit the grid.
    key
        Fixes the random phases.
    shape, spacing
        Number of cells on each axis, and their size in pc.
    rms
        Root mean square of |B| in µG, ``rms² = ∫E dk``; differentiable. The modes of the grid
        sum to this integral within 7% up to half a box as outer scale, 25% at a whole box.
    origin
        Corner of the box in pc; default: the box is centred on 0.
    storage
        Type of the stored grid, see ``GridField``.
    exact_rms
        Rescale this one realisation to ``rms``; otherwise the spectrum is exact on average.

    Raises
    ------
    ValueError
        When the outer scale exceeds the box or the inner scale is below two cells.

    Notes
    -----
    White noise is filtered by sqrt(E/(8 pi k²)) and projected across k in Fourier space, so
    every mode obeys k·B = 0 to round-off. Memory: about 10 grids of float64.
    """
    _check_scales(spectrum, shape, spacing)
    noise = jax.random.normal(key, (*shape, 3), dtype=as_float(spacing).dtype)
    samples = _filter(noise, spectrum, as_float(spacing), exact_rms)
    if origin is None:
        origin = -0.5 * as_float(spacing) * jnp.array(shape, samples.dtype)
    return GridField(
        samples,
        spacing=spacing,
        origin=origin,
        stencil=stencil,
        boundary=Periodic(),
        storage=storage,
        scale=rms,
    )


def wave_vectors(shape: tuple[int, int, int], spacing: Vector) -> Float[Array, "kx ky kz xyz=3"]:
    """Return the wave vectors (1/pc) of a real Fourier transform of the grid."""
    frequencies = [jnp.fft.fftfreq(n, dtype=spacing.dtype) for n in shape[:2]]
    frequencies.append(jnp.fft.rfftfreq(shape[2], dtype=spacing.dtype))
    axes = [2 * jnp.pi * f / spacing[i] for i, f in enumerate(frequencies)]
    return jnp.stack(jnp.meshgrid(*axes, indexing="ij"), axis=-1)


@partial(jax.jit, static_argnames="exact_rms")
def _filter(
    noise: Float[Array, "nx ny nz xyz=3"], spectrum: Spectrum, spacing: Scalar, exact_rms: bool
) -> Float[Array, "nx ny nz xyz=3"]:
    """Return samples of unit rms: white noise, filtered and projected."""
    shape = noise.shape[:3]
    modes = jnp.fft.rfftn(noise, axes=(0, 1, 2))
    k = wave_vectors(shape, jnp.broadcast_to(spacing, (3,)))
    k_squared = jnp.sum(k**2, axis=-1)
    safe = jnp.where(k_squared > 0, k_squared, 1)
    cell = (2 * jnp.pi) ** 3 / jnp.prod(jnp.array(shape, spacing.dtype) * spacing)
    power = spectrum(jnp.sqrt(safe)) / (4 * jnp.pi * safe) * cell
    # Two of three components survive the projection; the Nyquist planes have no direction.
    keep = (k_squared > 0) & _below_nyquist(k, spacing)
    num_cells = shape[0] * shape[1] * shape[2]
    keep = keep & (power > 0)
    amplitude = jnp.where(keep, jnp.sqrt(jnp.where(keep, num_cells * power / 2, 1)), 0)
    direction = (k / jnp.sqrt(safe)[..., None]).astype(modes.dtype)
    along = jnp.sum(direction * modes, axis=-1, keepdims=True)
    modes = (modes - direction * along) * amplitude[..., None].astype(modes.dtype)
    samples = jnp.fft.irfftn(modes, s=shape, axes=(0, 1, 2))
    if exact_rms:
        samples = samples / jnp.sqrt(jnp.mean(jnp.sum(samples**2, axis=-1)))
    return samples


def _below_nyquist(
    k: Float[Array, "kx ky kz xyz=3"], spacing: Float[Array, ""]
) -> Bool[Array, "kx ky kz"]:
    """Return which modes lie below the Nyquist frequency on every axis."""
    return jnp.all(jnp.abs(k) < jnp.pi / spacing * (1 - 1e-6), axis=-1)


def _check_scales(spectrum: Spectrum, shape: tuple[int, int, int], spacing: ScalarLike) -> None:
    """Raise when the spectrum has wavelengths that the grid cannot hold."""
    if not is_concrete(spectrum, spacing):
        return
    box, cell = min(shape) * float(spacing), float(spacing)
    outer, inner = float(spectrum.outer_scale), float(spectrum.inner_scale)
    if outer > box * (1 + 1e-6):
        raise argument_error(
            "realise_grid: spectrum.outer_scale",
            expected=f"at most the box, {box:g} pc",
            got=f"{outer:g} pc",
            remedy="Enlarge shape or spacing, or choose a smaller outer_scale.",
        )
    if inner < 2 * cell * (1 - 1e-6):
        raise argument_error(
            "realise_grid: spectrum.inner_scale",
            expected=f"at least two cells, {2 * cell:g} pc",
            got=f"{inner:g} pc",
            remedy="Refine spacing, or choose a larger inner_scale.",
        )
