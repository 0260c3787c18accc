"""The job that benchmarks of orbits share: one particle energy in one turbulent field."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxcr import fields, orbits

RIGIDITY = 30.0  # PV: a gyroradius of 10.8 cells in the mean field
RMS = 3.0  # µG, of the turbulence, and the mean field along x
STEP = 0.5  # cells, of Boris; a cell is 1 pc


def turbulent_field(
    cells: int, stencil: fields.Stencil | None = None, storage=jnp.float32
) -> fields.Field:
    """Return 3 µG along x plus as much Kolmogorov turbulence in ``cells``³ cells of 1 pc.

    Parameters
    ----------
    stencil
        Default ``Linear()``.
    storage
        Type of the grid.
    """
    spectrum = fields.PowerLaw(5 / 3, outer_scale=0.4 * cells, inner_scale=4.0)
    grid = fields.realise_grid(
        spectrum, key=jax.random.key(0), shape=(cells,) * 3, spacing=1.0, rms=RMS,
        stencil=stencil, storage=storage, exact_rms=True,
    )  # fmt: skip
    return fields.UniformField(jnp.array([RMS, 0.0, 0.0])) + grid


def directions(num: int, dtype=jnp.float32) -> Float[Array, "particle xyz=3"]:
    """Return isotropic unit vectors (num, 3), the same first ones for any number."""
    n = np.random.default_rng(0).standard_normal((num, 3))
    return jnp.asarray(n / np.linalg.norm(n, axis=1, keepdims=True), dtype)


def trace(
    field: fields.Field,
    direction: Float[Array, "particle xyz=3"],
    path: float,
    pusher: orbits.Pusher | None = None,
    *,
    num_devices: int = 1,
    lanes: int | None = None,
) -> orbits.Exits:
    """Return where orbits from the origin are after a path in pc, on so many local devices."""
    return orbits.trace_ensemble(
        field, jnp.zeros(3), direction, rigidity=RIGIDITY, stop=orbits.PathLength(path),
        pusher=orbits.Boris(STEP) if pusher is None else pusher, lanes=lanes,
        devices=jax.local_devices()[:num_devices],
    )  # fmt: skip
