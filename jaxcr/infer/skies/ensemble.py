"""The ensemble of simulated skies behind a model: numbered fields, observers, fixed path."""

import itertools

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from jaxcr.arrays import ScalarLike, argument_error
from jaxcr.fields import GridField, Linear, PowerLaw, UniformField, mhd_snapshot, realise_grid
from jaxcr.fields.field import sample_field
from jaxcr.orbits import Boris, PathLength, Pusher, Stop
from jaxcr.sky import (
    Arrivals,
    BoundaryDistribution,
    DipoleBoundary,
    backtrack,
    cross_spectrum,
    half_maps,
)
from jaxcr.units import GYRORADIUS

AXIS = (1.0, 0.0, 0.0)
"""Direction of the mean field, and of the boundary's symmetry axis."""


_CUBES = {"mhd": mhd_snapshot}


class SkyEnsemble(eqx.Module):
    """Skies in isotropic turbulence on a periodic grid, all lengths in cells.

    The same field number gives the same phases at every amplitude, so that skies differ only
    by what was changed.

    Attributes
    ----------
    seed
        Fixes all phases; field ``i`` uses the key folded with ``i``.
    cube
        Name of a shipped cube that takes the place of synthetic turbulence: ``"mhd"``. Its
        fluctuations are scaled to every level; a field number moves it about the observers, so
        that skies of different numbers come from one realisation and are not independent.
    cells, index, outer_scale, inner_scale
        Grid and spectrum E(k) ~ k^-index of synthetic turbulence, scales in cells.
    gyroradius
        In the mean field, cells.
    path
        Length of every orbit in gyroradii: the orbits end there, not on a sphere.
    step
        Boris step in cells. One cell (a twentieth of the default gyroradius) changes the mean
        ln C_l by less than 0.015 against half a cell, with the same phases.
    observers_per_axis
        Observers in one field, on a cubic lattice.
    nside, per_pixel, lmax, boundary_lmax
        Sky, orbits in a pixel, multipoles of sky and boundary.
    """

    seed: int = eqx.field(static=True, default=0)
    cube: str | None = eqx.field(static=True, default=None)
    cells: int = eqx.field(static=True, default=128)
    index: float = eqx.field(static=True, default=5 / 3)
    outer_scale: float = eqx.field(static=True, default=51.2)
    inner_scale: float = eqx.field(static=True, default=4.0)
    gyroradius: float = eqx.field(static=True, default=20.0)
    path: float = eqx.field(static=True, default=6.0)
    step: float = eqx.field(static=True, default=1.0)
    observers_per_axis: int = eqx.field(static=True, default=2)
    nside: int = eqx.field(static=True, default=8)
    per_pixel: int = eqx.field(static=True, default=4)
    lmax: int = eqx.field(static=True, default=16)
    boundary_lmax: int = eqx.field(static=True, default=24)

    def __check_init__(self):
        if self.cube is not None and self.cube not in _CUBES:
            raise argument_error(
                "SkyEnsemble: cube",
                expected=" or ".join(map(repr, _CUBES)),
                got=repr(self.cube),
                remedy="Leave it out for synthetic turbulence.",
            )

    @property
    def num_observers(self) -> int:
        """Observers, hence skies, in one field."""
        return self.observers_per_axis**3

    def turbulence(self, number: int) -> GridField:
        """Return field ``number`` with unit rms (µG); the mean field is added by `arrivals`."""
        key = jax.random.fold_in(jax.random.key(self.seed), number)
        if self.cube is not None:
            return _moved(_fluctuations(_CUBES[self.cube]()), key)
        return realise_grid(
            PowerLaw(self.index, outer_scale=self.outer_scale, inner_scale=self.inner_scale),
            key=key,
            shape=(self.cells,) * 3,
            spacing=1.0,
            rms=1.0,
            stencil=Linear(),
            exact_rms=True,
        )

    def observers(self) -> Float[Array, "observer xyz=3"]:
        """Return the positions of the observers, in cells."""
        cells = self.cells if self.cube is None else _CUBES[self.cube]().shape[0]
        axis = [i * cells / self.observers_per_axis for i in range(self.observers_per_axis)]
        return jnp.array(list(itertools.product(axis, repeat=3)))

    def arrivals(
        self,
        turbulence: GridField,
        level: ScalarLike,
        *,
        pusher: Pusher | None = None,
        stop: Stop | None = None,
        dtype=jnp.float32,
    ) -> Arrivals:
        """Return the back-tracked skies of all observers at dB/B0 = ``level``.

        Shapes ``(observer, pixel, child, ...)``. Differentiable in ``level`` by forward mode.
        """
        field = UniformField(jnp.array(AXIS, dtype)) + level * turbulence
        return backtrack(
            field,
            rigidity=self.gyroradius / GYRORADIUS,
            stop=PathLength(self.path * self.gyroradius) if stop is None else stop,
            observer=self.observers(),
            nside=self.nside,
            per_pixel=self.per_pixel,
            pusher=Boris(step=self.step) if pusher is None else pusher,
            dtype=dtype,
        )


def simulated_spectra(
    skies: SkyEnsemble,
    level: ScalarLike,
    number: int,
    *,
    boundary: BoundaryDistribution | None = None,
    pusher: Pusher | None = None,
) -> Float[Array, "observer ell"]:
    """Return half-cross C_l of all observers in field ``number``, straight through the orbits.

    Parameters
    ----------
    level
        dB/B0; forward-mode differentiable, the phases depend on ``number`` alone.
    boundary
        Default: a dipole of unit amplitude along the mean field.
    """
    boundary = DipoleBoundary(jnp.array(AXIS), 1.0) if boundary is None else boundary
    return _spectra(skies, skies.turbulence(number), jnp.asarray(level), boundary, pusher)


@eqx.filter_jit
def _spectra(skies, turbulence, level, boundary, pusher):
    arrivals = skies.arrivals(turbulence, level, pusher=pusher, dtype=level.dtype)
    return cross_spectrum(*half_maps(arrivals, boundary), lmax=skies.lmax)


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
