"""Orbits of a particle set spread over its fields: magnetic moment and mean free paths."""

import functools
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxcr import orbits
from jaxcr.experiments.experiment import Size
from jaxcr.experiments.small_scale_anisotropy.setup import (
    make_place,
    numbers,
    pusher,
    random_states,
)
from jaxcr.statistics import Estimate, jackknife

_BOXES = 3
"""Path over the side of the box: the published integration volume has three of them."""
_SAMPLES = 600


class Transport(NamedTuple):
    """What orbits say in each field, lengths in pc, moments in 1/µG.

    Attributes
    ----------
    path
        ``(time,)``.
    turning, turning_distance, turned_share
        As in ``orbits.MeanFreePath``, ``(field,)``.
    correlation
        Running integral of the correlation of directions, ``(field, time)``.
    ensemble
        Mean moment of all orbits, ``(field, time)``.
    mean, sigma
        Of the moment along each orbit, ``(field, orbit)``.
    """

    path: Float[np.ndarray, " time"]
    turning: Float[np.ndarray, " field"]
    turning_distance: Float[np.ndarray, " field"]
    turned_share: Float[np.ndarray, " field"]
    correlation: Float[np.ndarray, "field time"]
    ensemble: Float[np.ndarray, "field time"]
    mean: Float[np.ndarray, "field orbit"]
    sigma: Float[np.ndarray, "field orbit"]

    @property
    def ratio(self) -> Float[np.ndarray, "field orbit"]:
        """Sigma over mean of the moment."""
        return self.sigma / self.mean


@functools.lru_cache(maxsize=8)
def measure_transport(particles: orbits.ParticleSet, size: Size, *, level: float) -> Transport:
    """Return the measurements of ``size.orbits`` orbits of a set, a share in each field."""
    rows = []
    for number in numbers(particles, size):
        field, _ = make_place(particles, size, number, level=level)
        position, direction = random_states(particles, size.orbits // size.fields, number)
        tracks = orbits.record_tracks(
            field, position, direction, rigidity=particles.rigidity, num_samples=_SAMPLES,
            path_length=_BOXES * particles.cells * particles.cell, pusher=pusher(particles),
        )  # fmt: skip
        free_path = orbits.mean_free_path(tracks, num_groups=2)
        moment = orbits.moment_scatter(field, tracks, num_groups=2)
        rows.append(
            Transport(
                tracks.path, free_path.turning.value, free_path.turning_distance.value,
                free_path.turned_share, free_path.correlation.value, moment.ensemble.value,
                moment.mean, moment.sigma,
            )
        )  # fmt: skip
    stacked = [
        np.stack([np.asarray(x, float) for x in column]) for column in zip(*rows, strict=True)
    ]
    return Transport(stacked[0][0], *stacked[1:])


def field_mean(values: Float[Array | np.ndarray, "field ..."]) -> Estimate:
    """Return the mean over fields with its standard error."""
    return jackknife(lambda x: x, jnp.asarray(values))
