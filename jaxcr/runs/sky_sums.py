"""Sums for maps and spectra of a dipole seen through the orbits."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from jaxcr.sky.harmonics.directions import weighted_sums

Grouped = Callable[[Array], Array]
"""From ``(particle, ...)`` to ``(group, member, ...)``."""


def harmonic_sums(
    lmax: int,
    arrival: Float[Array, "particle xyz=3"],
    excess: Float[Array, "stop particle"],
    used: Bool[Array, " particle"],
    grouped: Grouped,
) -> dict[str, Array]:
    """Return sums of the excess d times the harmonics of the arrival directions.

    Returns
    -------
    dict
        ``harmonics`` (group, half, stop, mode): sum of d Y_lm(arrival), halves by turns;
        ``half_used`` (group, half) orbits and ``half_power`` (group, half, stop), sum of d².
    """

    def halves(values):
        """Return particles as (group, half, member, ...)."""
        rows = grouped(values)
        rows = rows.reshape(rows.shape[0], -1, 2, *rows.shape[2:])
        return jnp.swapaxes(rows, 1, 2)

    by_half = halves(excess.T)
    flat = by_half.reshape(-1, *by_half.shape[2:])
    directions = halves(arrival).reshape(flat.shape[0], -1, 3)
    modes = jax.lax.map(lambda x: weighted_sums(x[0], x[1].T, lmax), (directions, flat))
    return {
        "harmonics": modes.reshape(*by_half.shape[:2], *modes.shape[1:]),
        "half_used": halves(used.astype(excess.dtype)).sum(2),
        "half_power": (by_half**2).sum(2),
    }


def pixel_sums(
    num_pixels: int,
    pixel: Int[np.ndarray, " particle"],
    excess: Float[np.ndarray, "stop particle"],
    used: Bool[np.ndarray, " particle"],
) -> dict[str, np.ndarray]:
    """Return orbits ``pixel_used`` (pixel,), ``pixel_sum`` and ``pixel_square`` (stop, pixel) of d.

    On the host: some devices add to a pixel in an order that changes from run to run.
    """

    def to_pixels(values):
        return np.bincount(pixel, values, num_pixels)

    return {
        "pixel_used": to_pixels(used),
        "pixel_sum": np.stack([to_pixels(x) for x in excess]),
        "pixel_square": np.stack([to_pixels(x**2) for x in excess]),
    }
