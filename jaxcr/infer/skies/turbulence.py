"""The fluctuating field of a sky: a grid or waves, of one seed at all parameters, or a cube."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from jaxcr.arrays import Scalar
from jaxcr.checks import argument_error, is_concrete
from jaxcr.fields import (
    Geometry,
    GridField,
    Isotropic,
    Linear,
    Periodic,
    PowerLaw,
    Slab,
    Stencil,
    WaveField,
    realise_grid,
    realise_waves,
)
from jaxcr.fields.field import sample_field
from jaxcr.infer.skies.sky_parameters import SkyParameters

AXIS = (1.0, 0.0, 0.0)
"""Direction of the mean field, and of the boundary's symmetry axis."""

_SLAB_KEY = 1


def realise_turbulence(
    parameters: SkyParameters,
    key: Key[Array, ""],
    *,
    cells: int,
    stencil: Stencil | None = None,
    storage=jnp.float32,
) -> GridField:
    """Return fluctuations of unit rms (µG) in a periodic box of unit cells.

    Parameters
    ----------
    parameters
        Index, scales and slab share, all differentiable; level, gyroradius and reach do not
        enter.
    key
        Fixes the phases at all values of the parameters.
    cells
        On each axis.
    stencil, storage
        Default trilinear, float32; ``CubicSpline()`` in float64 makes orbits smooth functions of
        the parameters.

    Notes
    -----
    Isotropic and slab part have phases of their own; each and their sum have an rms of exactly
    one. A known slab share of 0 costs nothing, any other a second field. Between the values at
    which a mode of the lattice enters or leaves the range of k the field is smooth in the scales;
    there its amplitude starts like a square root, and so it does in a slab share of 0, whose
    derivative is returned as 0.
    """
    spectrum = PowerLaw(
        parameters.index, outer_scale=parameters.outer_scale, inner_scale=parameters.inner_scale
    )

    def part(geometry: Geometry, key, stencil, storage) -> GridField:
        return realise_grid(
            spectrum,
            key=key,
            shape=(cells,) * 3,
            spacing=1.0,
            rms=1.0,
            geometry=geometry,
            stencil=stencil,
            storage=storage,
            exact_rms=True,
        )

    stencil = Linear() if stencil is None else stencil
    share = parameters.slab_share
    if is_concrete(share) and float(share) == 0:
        return part(Isotropic(), key, stencil, storage)
    isotropic = part(Isotropic(), key, Linear(), storage)
    slab = part(Slab(jnp.array(AXIS)), jax.random.fold_in(key, _SLAB_KEY), Linear(), storage)
    return GridField(
        _mixed(_samples(isotropic), _samples(slab), share),
        spacing=1.0,
        origin=isotropic.origin,
        stencil=stencil,
        boundary=Periodic(),
        storage=storage,
    )


def wave_turbulence(
    parameters: SkyParameters, key: Key[Array, ""], *, num_waves: int, storage=jnp.float32
) -> WaveField:
    """Return isotropic fluctuations of unit rms (µG) in the mean over space, as plane waves.

    Parameters
    ----------
    parameters
        Index and scales act here, in any one unit of length.
    key
        Fixes phases, and directions and places in ln k within the range of scales.
    storage
        float32 knows k · x to 6e-8 of itself: enough for paths of 1e4 of the shortest waves.

    Raises
    ------
    ValueError
        For a known share of slab waves other than 0: they are drawn on a grid only.
    """
    share = parameters.slab_share
    if not is_concrete(share) or float(share) != 0:
        raise argument_error(
            "SkyEnsemble: slab_share",
            expected="0 with plane waves",
            got=str(share),
            remedy="Leave waves out: a grid mixes isotropic and slab turbulence.",
        )
    spectrum = PowerLaw(
        parameters.index, outer_scale=parameters.outer_scale, inner_scale=parameters.inner_scale
    )
    waves = realise_waves(spectrum, key=key, num_waves=num_waves, rms=1.0)
    return jax.tree.map(lambda x: x.astype(storage), waves)


def cube_turbulence(cube: GridField, key: Key[Array, ""]) -> GridField:
    """Return a cube's fluctuations with unit rms and cells, moved at random about the origin."""
    return _moved(_fluctuations(cube), key)


@jax.jit
def _mixed(
    isotropic: Float[Array, "nx ny nz xyz=3"], slab: Float[Array, "nx ny nz xyz=3"], share: Scalar
) -> Float[Array, "nx ny nz xyz=3"]:
    """Return the sum of both parts, rescaled to unit rms."""
    share = share.astype(isotropic.dtype)
    present = share > 0
    weight = jnp.where(present, jnp.sqrt(jnp.where(present, share, 1)), 0)
    left = share < 1
    samples = jnp.where(left, jnp.sqrt(jnp.where(left, 1 - share, 1)), 0) * isotropic
    samples = samples + weight * slab
    return samples / jnp.sqrt(jnp.mean(jnp.sum(samples**2, axis=-1)))


def _samples(grid: GridField) -> Float[Array, "nx ny nz xyz=3"]:
    """Return the samples of a trilinear grid, which are its coefficients before the padding."""
    nx, ny, nz = grid.shape
    return grid.coefficients[:nx, :ny, :nz]


def _fluctuations(cube: GridField) -> GridField:
    """Return a cube without its mean, with unit rms and cells of unit size."""
    samples = sample_field(cube, cube.lattice())
    samples = samples - jnp.mean(samples, axis=(0, 1, 2))[None, None, None]
    rms = jnp.sqrt(jnp.mean(jnp.sum(samples**2, axis=-1)))
    origin = jnp.zeros(3, samples.dtype)
    return GridField(samples / rms, spacing=1.0, origin=origin, storage=jnp.float32)


def _moved(grid: GridField, key: Key[Array, ""]) -> GridField:
    """Return a periodic grid moved by a random part of its box."""
    shift = jax.random.uniform(key, (3,), grid.origin.dtype)
    return grid.at(shift * jnp.array(grid.shape, shift.dtype), grid.spacing)
