"""The ensemble of simulated skies behind a model: numbered fields, observers, a convention."""

import itertools

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxcr.arrays import ScalarLike
from jaxcr.checks import argument_error, check_one_of, check_positive
from jaxcr.fields import GridField, Stencil, UniformField, WaveField, mhd_snapshot
from jaxcr.infer.skies.conventions import FixedPath, PathConvention
from jaxcr.infer.skies.sky_parameters import (
    SKY_PARAMETERS,
    SPECTRAL_PARAMETERS,
    SkyParameters,
    check_sky_parameters,
)
from jaxcr.infer.skies.turbulence import AXIS, cube_turbulence, realise_turbulence, wave_turbulence
from jaxcr.orbits import Boris, Pusher, Stop
from jaxcr.sky import Arrivals, backtrack
from jaxcr.units import GYRORADIUS

_CUBES = {"mhd": mhd_snapshot}


class SkyEnsemble(eqx.Module):
    """Skies in turbulence on a periodic grid, or of plane waves, all lengths in cells.

    The same field number gives the same phases at every value of the parameters, so that skies
    differ only by what was changed.

    Attributes
    ----------
    seed
        Fixes all phases; field ``i`` uses the key folded with ``i``.
    cube
        Name of a shipped cube that takes the place of synthetic turbulence: ``"mhd"``. Its
        fluctuations are scaled to every level; a field number moves it about the observers, so
        that skies of different numbers come from one realisation and are not independent.
    waves
        Number of plane waves that take the place of a grid: any range of scales, no box. The unit
        of length is then any one, ``cells`` only says how far apart observers are.
    cells
        Of the box, on each axis.
    index, outer_scale, inner_scale, gyroradius, slab_share, level
        Of the fiducial `SkyParameters`.
    path
        The fiducial reach: the number of the convention, by default the length of every orbit in
        gyroradii.
    convention
        Where orbits end when parameters change.
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
    waves: int | None = eqx.field(static=True, default=None)
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
    level: float = eqx.field(static=True, default=1.0)
    slab_share: float = eqx.field(static=True, default=0.0)
    convention: PathConvention = eqx.field(default_factory=FixedPath)

    def __check_init__(self):
        check_one_of("SkyEnsemble: cube", self.cube, [None, *_CUBES], remedy="Or leave it out.")
        if self.cube is not None and self.waves is not None:
            raise argument_error(
                "SkyEnsemble: cube, waves",
                expected="one of them",
                got="both",
                remedy="Waves take the place of a grid, a cube is one.",
            )
        check_positive("SkyEnsemble: step", self.step, remedy="A twentieth of r_L will do.")
        check_sky_parameters("SkyEnsemble", self.fiducial, self._lattice)

    @property
    def num_observers(self) -> int:
        """Observers, hence skies, in one field."""
        return self.observers_per_axis**3

    @property
    def fiducial(self) -> SkyParameters:
        """The parameters that the ensemble was made with."""
        own = {name: getattr(self, name) for name in SKY_PARAMETERS if name != "reach"}
        return SkyParameters(**own, reach=self.path)

    def at(self, **changes: ScalarLike) -> SkyParameters:
        """Return the fiducial parameters with some changed, for example ``at(level=0.8)``.

        Raises
        ------
        ValueError
            For an unknown name, a known value that no sky can have (a scale beyond the box, a
            negative level, a reach of 0), or a change of the spectrum of a shipped cube.
        """
        fixed = [name for name in changes if name in SPECTRAL_PARAMETERS]
        if self.cube is not None and fixed:
            raise argument_error(
                f"SkyEnsemble.at: {fixed[0]}",
                expected="a parameter that a shipped cube leaves free",
                got=repr(fixed[0]),
                remedy="A cube has the spectrum that it has; leave cube out.",
            )
        parameters = self.fiducial.at(**changes)
        check_sky_parameters("SkyEnsemble.at", parameters, self._lattice)
        return parameters

    def conventions(self) -> str:
        """Return one line on what is held, for every output: "dB/B0 at fixed path of 6 r_L"."""
        return self.convention.describe(self.path)

    def turbulence(
        self,
        number: int,
        parameters: SkyParameters | None = None,
        *,
        stencil: Stencil | None = None,
        storage=jnp.float32,
    ) -> GridField | WaveField:
        """Return field ``number`` with unit rms (µG); the mean field is added by `arrivals`.

        Parameters
        ----------
        parameters
            Of its spectrum, default the fiducial ones; a cube has its own.
        stencil, storage
            As for `realise_turbulence`.
        """
        key = jax.random.fold_in(jax.random.key(self.seed), number)
        if self.cube is not None:
            return cube_turbulence(_CUBES[self.cube](), key)
        parameters = self.fiducial if parameters is None else parameters
        if self.waves is not None:
            return wave_turbulence(parameters, key, num_waves=self.waves, storage=storage)
        return realise_turbulence(
            parameters, key, cells=self.cells, stencil=stencil, storage=storage
        )

    def observers(self) -> Float[Array, "observer xyz=3"]:
        """Return the positions of the observers, in cells."""
        axis = [i * self._cells / self.observers_per_axis for i in range(self.observers_per_axis)]
        return jnp.array(list(itertools.product(axis, repeat=3)))

    def arrivals(
        self,
        turbulence: GridField | WaveField,
        parameters: SkyParameters | ScalarLike,
        *,
        pusher: Pusher | None = None,
        stop: Stop | None = None,
        observer: Float[Array, "xyz=3"] | None = None,
        dtype=jnp.float32,
    ) -> Arrivals:
        """Return the back-tracked skies of all observers, or of one.

        Parameters
        ----------
        parameters
            Level, gyroradius and reach act here; a number is dB/B0, the rest fiducial.
        pusher, stop
            Default: Boris steps of `step` to the end of the convention.
        observer
            In cells, default all of `observers`.
        dtype
            Of the orbits.

        Returns
        -------
        Shapes ``(observer, pixel, child, ...)``, or ``(observer, stop, pixel, child, ...)``.

        Notes
        -----
        Differentiable in the parameters and the field in both modes, unless a pusher that adapts
        its step is given.
        """
        p = as_parameters(self, parameters)
        return backtrack(
            UniformField(jnp.array(AXIS, dtype)) + p.level * turbulence,
            rigidity=p.gyroradius / GYRORADIUS,
            stop=self.convention.stop(p) if stop is None else stop,
            observer=self.observers() if observer is None else observer,
            nside=self.nside,
            per_pixel=self.per_pixel,
            pusher=Boris(step=self.step) if pusher is None else pusher,
            dtype=dtype,
        )

    @property
    def max_outer_scale(self) -> float:
        """The longest wave that there is room for: the box, or any for waves without one."""
        return float("inf") if self._lattice is None else float(self._lattice)

    @property
    def _lattice(self) -> int | None:
        """Cells that hold the turbulence, ``None`` for waves."""
        return None if self.waves is not None else self._cells

    @property
    def _cells(self) -> int:
        return self.cells if self.cube is None else _CUBES[self.cube]().shape[0]


def as_parameters(skies: SkyEnsemble, parameters: SkyParameters | ScalarLike) -> SkyParameters:
    """Return the parameters; a number is dB/B0, with all others fiducial."""
    if isinstance(parameters, SkyParameters):
        return parameters
    return skies.at(level=parameters)
