"""What the experiments share: the field of a particle set, observers, and how orbits are stepped.

Field frame throughout: the mean field is along +x; lengths in pc, fields in µG. The published
skies are in equatorial coordinates, but the direction of the mean field there is not given, and
no number here depends on it.
"""

import dataclasses
import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxcr import fields, orbits
from jaxcr.arrays import Vector
from jaxcr.checks import argument_error
from jaxcr.experiments.experiment import Size, Verdict
from jaxcr.fields.spectra import power_between

SOURCE = "López-Barquero et al., ApJ 830 (2016) 19"
AXIS = np.array([1.0, 0.0, 0.0])
"""Of the mean field."""
LEVEL = 0.5
"""dB/B0 of synthetic turbulence.

That which a simulation at the published Alfvén Mach number has: .49 in the cube of the package, at
.81 for .773. The study says only that fluctuations are on the order of the mean field; `table_1`
takes them equal as well.
"""
EQUAL_LEVEL = 1.0
"""dB/B0 of turbulence as strong as the mean field."""
_INDEX = 5 / 3
_INNER_CELLS = 5
"""The published damping scale."""
_COARSE_CELLS = 4
"""Cells of a coarse grid in its shortest wave."""
_FINEST = 1.0
"""Cells of the field in a gyroradius below which orbits feel the interpolation alone."""
_COARSE = "The gyroradius is below one cell of this cube: the waves that scatter most are missing."


class Place(NamedTuple):
    """A field and an observer in it, pc."""

    field: fields.Field
    observer: Vector


def make_place(
    particles: orbits.ParticleSet,
    size: Size,
    number: int,
    *,
    level: float = LEVEL,
    stencil: fields.Stencil | None = None,
) -> Place:
    """Return the place of that number: a realisation, or an observer in the simulated cube."""
    if size.simulated:
        half = particles.outer_scale / 0.4 / 2  # the simulation was driven at 0.4 boxes too
        draw = np.random.default_rng(number).uniform(-half, half, 3)
        return Place(_simulated_field(particles, stencil), jnp.asarray(draw, jnp.float32))
    field = synthetic_field(particles, size.cells, number, level=level, stencil=stencil)
    return Place(field, jnp.zeros(3, jnp.float32))


def synthetic_field(
    particles: orbits.ParticleSet,
    cells: int,
    number: int,
    *,
    level: float = LEVEL,
    stencil: fields.Stencil | None = None,
) -> fields.Field:
    """Return isotropic Kolmogorov turbulence about the mean field, on the published waves.

    From the outer scale down to five cells of the published grid. Fewer than its 512 cells hold
    the waves in two periodic grids: the whole box on coarse cells down to four of them, and what
    is shorter on published cells in a smaller box.

    Raises
    ------
    ValueError
        When the two boxes do not overlap in scale, below 48 cells.
    """
    if not 48 <= cells <= particles.cells:
        raise argument_error(
            "synthetic_field: cells",
            expected=f"48 ... {particles.cells}",
            got=cells,
            remedy="The waves between outer and inner scale fit no fewer.",
        )
    key = jax.random.fold_in(jax.random.key(20), number)
    rms = level * particles.mean_field
    inner = _INNER_CELLS * particles.cell
    whole = fields.PowerLaw(_INDEX, outer_scale=particles.outer_scale, inner_scale=inner)
    coarse = particles.cell * particles.cells / cells
    split = max(_COARSE_CELLS * coarse, inner)
    mean = fields.UniformField(particles.mean_field * AXIS)

    def grid(outer: float, inner: float, cell: float, key) -> fields.Field:
        low, high = (jnp.asarray(2 * np.pi / x) for x in (outer, inner))
        share = float(power_between(whole, low, high, num_nodes=16))
        return fields.realise_grid(
            fields.PowerLaw(_INDEX, outer_scale=outer, inner_scale=inner), key=key,
            shape=(cells,) * 3, spacing=cell, rms=rms * np.sqrt(share), storage=jnp.float32,
            stencil=stencil,
        )  # fmt: skip

    large = mean + grid(particles.outer_scale, split, coarse, key)
    if split == inner:
        return large
    return large + grid(split, inner, particles.cell, jax.random.fold_in(key, 1))


@functools.lru_cache(maxsize=1)
def _simulated_field(particles: orbits.ParticleSet, stencil: fields.Stencil | None) -> fields.Field:
    """Return the cube of the package with the published driving scale, at its own dB/B0."""
    return fields.rescale_field(
        fields.mhd_snapshot(stencil=stencil),
        injection_cells=fields.mhd_snapshot_notes()["injection_cells"],
        injection_scale=particles.outer_scale,
    )


def numbers(particles: orbits.ParticleSet, size: Size) -> range:
    """Return the numbers of the places of a set; no other set has them."""
    first = 1000 * [other.name for other in orbits.PARTICLE_SETS.values()].index(particles.name)
    return range(first, first + size.fields)


def describe_field(size: Size, level: float = LEVEL) -> str:
    """Return what the field was, and the frame, for a record."""
    medium = "simulated cube of the package" if size.simulated else f"synthetic, dB/B0 {level:g}"
    return f"{medium}; field frame, mean field along +x"


def gyroradius_in_cells(particles: orbits.ParticleSet, size: Size) -> float:
    """Return the gyroradius in cells of the field that is used."""
    if not size.simulated:
        return particles.gyroradius_cells
    notes = fields.mhd_snapshot_notes()
    return particles.gyroradius / particles.outer_scale * notes["injection_cells"]


def withhold(verdict: Verdict, size: Size, *used: orbits.ParticleSet) -> Verdict:
    """Return the verdict, open where the field does not resolve one of the gyroradii used."""
    if all(gyroradius_in_cells(particles, size) >= _FINEST for particles in used):
        return verdict
    return dataclasses.replace(verdict, holds=None, note=_COARSE)


def pusher(particles: orbits.ParticleSet) -> orbits.Boris:
    """Return the scheme: steps of a tenth of a gyroradius and at most a published cell."""
    return orbits.Boris(step=min(0.1 * particles.gyroradius, particles.cell))


def random_states(
    particles: orbits.ParticleSet, num: int, number: int
) -> tuple[Float[Array, "particle xyz=3"], Float[Array, "particle xyz=3"]]:
    """Return positions (pc) spread over the box, and isotropic directions."""
    rng = np.random.default_rng(number)
    half = particles.cells * particles.cell / 2
    position = rng.uniform(-half, half, (num, 3))
    direction = rng.standard_normal((num, 3))
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    return jnp.asarray(position, jnp.float32), jnp.asarray(direction, jnp.float32)
