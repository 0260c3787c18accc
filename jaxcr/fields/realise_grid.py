"""Realise turbulence of a given spectrum and geometry on a grid, from a key."""

import math
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Bool, Complex, Float, Key

from jaxcr.arrays import Scalar, ScalarLike, Vector
from jaxcr.checks import (
    argument_error,
    as_float,
    check_positive,
    check_range,
    check_size,
    is_concrete,
)
from jaxcr.fields.boundaries import Periodic
from jaxcr.fields.geometries import Geometry, Isotropic, check_index, check_rms, helical_shares
from jaxcr.fields.grid import GridField, as_storage
from jaxcr.fields.shells import count_mirrored
from jaxcr.fields.spectra import Spectrum
from jaxcr.fields.stencils import Stencil
from jaxcr.fields.wave_vectors import transverse_frame
from jaxcr.untrusted.sizes import most_memory


def realise_grid(
    spectrum: Spectrum,
    *,
    key: Key[Array, ""],
    shape: tuple[int, int, int],
    spacing: ScalarLike,
    rms: ScalarLike,
    geometry: Geometry | None = None,
    stencil: Stencil | None = None,
    origin: Vector | None = None,
    storage=jnp.float32,
    exact_rms: bool = False,
) -> GridField:
    """Draw a divergence-free periodic Gaussian field with the given spectrum and geometry.

    Parameters
    ----------
    spectrum
        E(k); its range must fit the grid.
    key
        Fixes the random amplitude of every mode, whatever the number of cells: the same key on a
        finer grid of the same box gives the same large-scale field.
    shape, spacing
        Number of cells on each axis, and their size in pc.
    rms
        Root mean square of |B| in µG over realisations, ``rms² = ∫E dk``; differentiable, as are
        the parameters of spectrum and geometry.
    geometry
        ``Isotropic()`` (default), ``Slab``, ``TwoDimensional``, ``SlabTwoD``,
        ``GoldreichSridhar``, ``Alfven``, ``Slow`` or ``Fast``.
    origin
        Corner of the box in pc; default: the box is centred on 0.
    storage
        Type of the stored grid, see ``GridField``. Modes are float64 for a float64 store, else
        float32.
    exact_rms
        Rescale this one realisation to ``rms``; otherwise it is exact on average.

    Raises
    ------
    ValueError
        When shape, spacing or rms cannot be, the outer scale exceeds the box, the inner scale is
        below two cells, slab or two-dimensional waves do not fit the box, or the geometry has
        another spectral index.

    Notes
    -----
    A mode has the power of its cell of k, E averaged over one width of the cell: partial at both
    ends of the range, above E itself by a share 0.2/n² at n waves in the box. Every mode obeys
    k·B = 0 to round-off. Memory: about 7 grids of the type of the modes.
    """
    geometry = Isotropic() if geometry is None else geometry
    check_rms("realise_grid", rms)
    check_range("realise_grid: shape", shape, 1.0, remedy="Give the cells on each axis.")
    remedy = "Give fewer cells on each axis, or realise_waves, which takes no memory."
    # The modes and the samples are there at once.
    check_size("realise_grid: shape", 24.0 * math.prod(shape), most_memory(), remedy=remedy)
    check_positive("realise_grid: spacing", spacing, expected="one positive length, cubic cells")
    _check_geometry(geometry, spectrum)
    _check_scales(spectrum, geometry, shape, spacing)
    storage = as_storage("realise_grid: storage", storage, jnp.float32)
    working = storage if storage == jnp.float64 else jnp.float32
    cell_size = as_float(spacing)
    samples = _realise(
        spectrum, geometry, key, cell_size.astype(working), shape, exact_rms=exact_rms
    )
    if origin is None:
        origin = cell_size * (-0.5 * np.array(shape, cell_size.dtype))
    return GridField(
        samples,
        spacing=spacing,
        origin=origin,
        stencil=stencil,
        boundary=Periodic(),
        storage=storage,
        scale=rms,
    )


@partial(jax.jit, static_argnames=("shape", "exact_rms"))
def _realise(
    spectrum: Spectrum,
    geometry: Geometry,
    key: Key[Array, ""],
    spacing: Scalar,
    shape: tuple[int, int, int],
    *,
    exact_rms: bool,
) -> Float[Array, "nx ny nz xyz=3"]:
    """Return samples of unit rms."""
    modes, power = _draw_modes(spectrum, geometry, key, spacing, shape)
    samples = [
        jnp.fft.irfftn(_hermitian(modes[i]), s=shape, axes=(0, 1, 2), norm="forward")
        for i in range(3)
    ]
    if exact_rms:
        power = sum(jnp.mean(x**2) for x in samples)
    return jnp.stack([x / jnp.sqrt(power) for x in samples], axis=-1)


def _draw_modes(
    spectrum: Spectrum,
    geometry: Geometry,
    key: Key[Array, ""],
    spacing: Scalar,
    shape: tuple[int, int, int],
) -> tuple[Complex[Array, "xyz=3 kx ky kz"], Scalar]:
    """Return the amplitudes of all modes, and the power that they have on average."""
    counts = [jnp.fft.fftfreq(n, 1 / n, dtype=spacing.dtype) for n in shape[:2]]
    counts.append(jnp.arange(shape[2] // 2 + 1, dtype=spacing.dtype))
    cell = 2 * jnp.pi / (jnp.array(shape, spacing.dtype) * spacing)
    doubled = count_mirrored(shape[2], spacing.dtype)
    # Phases count from the corner of the box, half a cell before the first sample.
    turns = [jnp.pi * x / n for x, n in zip(counts, shape, strict=True)]

    def plane(x: Scalar, turn: Scalar) -> tuple[Complex[Array, "xyz=3 ky kz"], Scalar]:
        number = jnp.stack(jnp.meshgrid(x[None], counts[1], counts[2], indexing="ij"), axis=-1)[0]
        k = number * cell[None, None]
        power, toroidal = geometry.lattice_modes(k, cell, spectrum)
        keep = _below_nyquist(number, shape) & (power > 0)
        power = jnp.where(keep, power, 0)
        normals = _normals(jax.random.fold_in(key, _unsigned(x)), counts[1], counts[2].size)
        amplitude = jnp.where(keep, jnp.sqrt(jnp.where(keep, power, 1)), 0)
        normals = amplitude[..., None] * normals.astype(k.dtype)
        phase = (turn + turns[1][:, None] + turns[2][None])[..., None]
        modes = _polarise(geometry, k, normals, toroidal)
        modes = modes * lax.complex(jnp.cos(phase), jnp.sin(phase))
        return jnp.moveaxis(modes, -1, 0), jnp.sum(doubled[None] * power)

    modes, power = lax.map(lambda row: plane(*row), (counts[0], turns[0]))
    return jnp.moveaxis(modes, 1, 0), jnp.sum(power)


def _normals(
    key: Key[Array, ""], rows: Float[Array, " ky"], num: int
) -> Float[Array, "ky kz four=4"]:
    """Return normal deviates that depend on the numbers of waves only, not on how many there are.

    Each row has its own key, and what a key gives first does not depend on how much it gives.
    """
    keys = jax.vmap(lambda y: jax.random.fold_in(key, _unsigned(y)))(rows)
    return jax.vmap(lambda k: jax.random.normal(k, (num, 4), jnp.float32))(keys)


def _polarise(
    geometry: Geometry,
    wave_vector: Float[Array, "ky kz xyz=3"],
    normals: Float[Array, "ky kz four=4"],
    toroidal: Float[Array, "ky kz"],
) -> Complex[Array, "ky kz xyz=3"]:
    """Return complex vectors across k, of squares like those of the deviates."""
    outward, along, across = transverse_frame(geometry.axis, wave_vector)
    shares = jnp.sqrt(jnp.stack([toroidal, 1 - toroidal], axis=-1) / 2)[..., None]
    real, imaginary = (
        shares[..., 0, :] * normals[..., i, None] * along
        + shares[..., 1, :] * normals[..., i + 2, None] * across
        for i in (0, 1)
    )
    if geometry.helicity is not None:
        straight, turned = helical_shares(geometry.helicity.astype(normals.dtype))
        real, imaginary = (
            straight * real - turned * jnp.cross(outward, imaginary),
            straight * imaginary + turned * jnp.cross(outward, real),
        )
    return lax.complex(real, imaginary)


def _hermitian(modes: Complex[Array, "kx ky kz"]) -> Complex[Array, "kx ky kz"]:
    """Return modes of which those without waves along z are each other's conjugates.

    A real transform reads only one of k and -k there, some from either half: without this they
    would be taken apart, and lose half of their power.
    """
    plane = modes[:, :, 0]
    mirrored = jnp.conj(jnp.roll(jnp.flip(plane, (0, 1)), 1, (0, 1)))
    x = jnp.arange(plane.shape[0])[:, None]
    y = jnp.arange(plane.shape[1])[None]
    half_x, half_y = (plane.shape[0] + 1) // 2, (plane.shape[1] + 1) // 2
    own = jnp.where(x == 0, y < half_y, x < half_x)
    return modes.at[:, :, 0].set(jnp.where(own, plane, mirrored))


def _unsigned(number: Scalar) -> Array:
    """Return an integer for a number of waves of either sign."""
    whole = number.astype(jnp.int32)
    return jnp.where(whole < 0, -2 * whole - 1, 2 * whole)


def _below_nyquist(
    number: Float[Array, "ky kz xyz=3"], shape: tuple[int, int, int]
) -> Bool[Array, "ky kz"]:
    """Return which modes lie below the Nyquist frequency on every axis: the rest have no sign."""
    return jnp.all(2 * jnp.abs(number) < jnp.array(shape, number.dtype)[None, None], axis=-1)


def _check_scales(
    spectrum: Spectrum, geometry: Geometry, shape: tuple[int, int, int], spacing: ScalarLike
) -> None:
    """Raise when the spectrum has wavelengths that the grid cannot hold."""
    if not is_concrete(spectrum, spacing, geometry.axis):
        return
    along = np.abs(np.asarray(geometry.axis)) > 0.5
    varies = np.where(along, geometry.varies_along, geometry.varies_across)
    box, cell = min(np.array(shape)[varies]) * float(spacing), float(spacing)
    check_range(
        "realise_grid: spectrum.outer_scale",
        spectrum.outer_scale,
        0.0,
        box * (1 + 1e-6),
        expected=f"at most the box, {box:g} pc",
        remedy="Enlarge shape or spacing, or choose a smaller outer_scale.",
    )
    check_range(
        "realise_grid: spectrum.inner_scale",
        spectrum.inner_scale,
        2 * cell * (1 - 1e-6),
        expected=f"at least two cells, {2 * cell:g} pc",
        remedy="Refine spacing, or choose a larger inner_scale.",
    )


def _check_geometry(geometry: Geometry, spectrum: Spectrum) -> None:
    """Raise when a periodic box or the spectrum does not suit the geometry."""
    check_index(geometry, spectrum)
    if not (geometry.needs_lattice_axis and is_concrete(geometry.axis)):
        return
    if np.max(np.abs(np.asarray(geometry.axis))) < 1 - 1e-6:
        raise argument_error(
            f"realise_grid: axis of {type(geometry).__name__}",
            expected="an axis of the box: x, y or z",
            got=str([round(float(x), 4) for x in geometry.axis]),
            remedy="Waves along another direction do not fit a periodic box: use realise_waves.",
        )
