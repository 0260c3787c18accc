"""The direction of the mean field: the axis of boundaries, and of transport along and across."""

import itertools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxcr.arrays import Vector
from jaxcr.checks import argument_error, check_range
from jaxcr.cli.field_config import InField
from jaxcr.cli.field_source import AXIS, has_cube
from jaxcr.fields import Field
from jaxcr.fields.field import sample_field

_DIGITS = 6
"""Of the components: beyond is the rounding of float32 samples."""


class MeanField(NamedTuple):
    """Unit vector along the mean field, or in its place, and what it is in words."""

    axis: Vector
    text: str


def mean_field(config: InField, field: Field) -> MeanField:
    """Return the direction: as asked for, x of turbulence, that of the mean over a cube's samples.

    Raises
    ------
    ValueError
        When none was asked for and the mean over the cube is below its error, which is that of
        the means over its octants.
    """
    if config.mean_direction:
        asked = np.array(config.mean_direction)
        return _named("axis, as asked for in place of the mean field", asked)
    if not has_cube(config.cube):
        has_mean = config.particles is not None or config.turbulence.mean_field > 0
        return _named("mean field" if has_mean else "no mean field; axis in its place", AXIS)
    mean, error = _mean(field)
    size = float(np.linalg.norm(mean))
    if not size > error:
        raise argument_error(
            "--mean-direction",
            expected="x y z, with a cube that has no mean field",
            got=f"none, and a mean of {size:.2g} ± {error:.2g} µG",
            remedy="Name the axis that boundary and transport shall have.",
        )
    return _named("mean field", mean)


def check_kappa(kappa: dict[str, Any]) -> None:
    """Raise ``ValueError`` for diffusion along the mean field below 0 by three errors."""
    check_range(
        "kappa along the mean field / v",
        float(kappa["value"]) + 3 * float(kappa["error"]),
        0.0,
        expected="a coefficient that is not negative within three errors",
        remedy="Trace more orbits, or longer ones; is --mean-direction right?",
    )


def angles(axis: Vector) -> tuple[float, float]:
    """Return longitude and latitude of a unit vector in rad."""
    x, y, z = np.asarray(axis, float)
    return float(np.arctan2(y, x)), float(np.arcsin(np.clip(z, -1, 1)))


def place(axis: Vector) -> str:
    """Return longitude and latitude of a unit vector in words."""
    longitude, latitude = (round(float(np.degrees(x)), 1) + 0.0 for x in angles(axis))
    return f"longitude {longitude % 360:g}°, latitude {latitude:g}°"


def _named(what: str, vector: np.ndarray) -> MeanField:
    unit = np.round(vector / np.linalg.norm(vector), _DIGITS) + 0.0
    axis = jnp.asarray(unit / np.linalg.norm(unit))
    return MeanField(axis, f"{what}: {place(axis)}")


def _mean(field: Field) -> tuple[np.ndarray, float]:
    """Return the mean of the samples of a cube, µG, and its error from the means of octants."""
    octants = np.asarray(_octant_means(sample_field(field, field.lattice())), float)
    mean = np.mean(octants, axis=0)
    scatter = np.sum((octants - mean) ** 2)
    return mean, float(np.sqrt(scatter / (len(octants) * max(len(octants) - 1, 1))))


@jax.jit
def _octant_means(samples: jax.Array) -> jax.Array:
    """Return the means over the octants, ``(octant, 3)``; fewer for cubes of one cell on an axis.

    A middle plane is in both halves, so that all octants are of one size.
    """
    halves = [
        [slice(0, -(-n // 2)), slice(n // 2, n)] if n > 1 else [slice(0, 1)]
        for n in samples.shape[:3]
    ]
    return jnp.stack([jnp.mean(samples[x], axis=(0, 1, 2)) for x in itertools.product(*halves)])
