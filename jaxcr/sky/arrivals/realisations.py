"""Skies in many realisations of a field, one after the other in flat memory."""

from collections.abc import Callable, Iterable
from typing import Any

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxcr.arrays import ScalarLike
from jaxcr.checks import check_range
from jaxcr.fields import Field
from jaxcr.orbits import Pusher, Stop
from jaxcr.sky.arrivals.backtrack import Arrivals, backtrack
from jaxcr.sky.arrivals.boundaries import BoundaryDistribution
from jaxcr.sky.arrivals.intensity import half_maps
from jaxcr.sky.harmonics import cross_spectrum


def realisation_spectra(
    make_field: Callable[[int], Field],
    numbers: Iterable[int],
    *,
    boundary: BoundaryDistribution | Callable[[Field], BoundaryDistribution],
    rigidity: ScalarLike | Float[Array, "..."],
    stop: Stop,
    observer: Float[Array, "*observer xyz=3"],
    lmax: int,
    nside: int | None = None,
    per_pixel: int = 4,
    directions: Float[Array, "pixel child xyz=3"] | None = None,
    pusher: Pusher | None = None,
    dtype=None,
    progress: Callable[[Iterable[int]], Any] = iter,
    **options,
) -> Float[Array, "realisation *batch ell"]:
    """Return the half-cross C_l of every realisation of a field: the cosmic variance.

    Parameters
    ----------
    make_field
        From a number to a field, e.g. ``realise_grid`` with the number folded into a key.
    numbers
        Of the realisations.
    boundary
        One distribution, or a function from the field to it, for those that need the local field.
    rigidity, stop, observer, nside, per_pixel, directions, pusher, dtype, options
        As for `backtrack`; observers far apart in one field save fields, but are not independent
        when the field has structure as large as their distance.
    lmax
        Highest multipole.
    progress
        Wraps the loop over realisations, e.g. ``tqdm``.

    Returns
    -------
    ``(realisation, *observer, *stop, lmax + 1)`` in steradian. Half-cross spectra are unbiased by
    noise and may be negative. `spectrum_statistics` makes mean, covariance and bands of them.

    Raises
    ------
    ValueError
        When there are no numbers, or fewer than four orbits in a pixel.

    Notes
    -----
    Compiled once for fields of one structure. Memory: one field and its orbits. A number gives
    the same sky in any run. Small fields, above all of plane waves, go through `backtrack` all at
    once under ``jax.vmap`` over their keys.
    """
    spectra = []
    for number in progress(numbers):
        field = make_field(number)
        outside = boundary if isinstance(boundary, BoundaryDistribution) else boundary(field)
        arrivals = backtrack(
            field, rigidity=rigidity, stop=stop, observer=observer, nside=nside,
            per_pixel=per_pixel, directions=directions, pusher=pusher, dtype=dtype, **options,
        )  # fmt: skip
        spectra.append(_half_cross(arrivals, outside, lmax))
    check_range("realisation_spectra: length of numbers", len(spectra), 1, remedy="E.g. range(32).")
    return jnp.stack(spectra)


@eqx.filter_jit
def _half_cross(arrivals: Arrivals, boundary: BoundaryDistribution, lmax: int):
    """Return the cross spectrum of the two halves of the orbits."""
    return cross_spectrum(*half_maps(arrivals, boundary), lmax=lmax)
