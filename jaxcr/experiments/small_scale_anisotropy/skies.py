"""Skies of a particle set at several radii, in many fields, and their spectra."""

import dataclasses
import functools
from typing import NamedTuple

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxcr import orbits, sky
from jaxcr.experiments.experiment import Size, Verdict
from jaxcr.experiments.small_scale_anisotropy.setup import AXIS, LEVEL, make_place, numbers, pusher
from jaxcr.statistics import Estimate, jackknife

LMAX = 32
FIT = slice(2, 17)
"""Multipoles of slopes and mean degrees: beyond the dipole, above the noise of each sky."""
DIPOLE_POWER = 4 * np.pi / 9
"""C_1 of the boundary's dipole itself, sr: the unit of spectra here."""
PUBLISHED_EVENTS = 100_000

Spectra = Float[np.ndarray, "field stop ell"]


class Skies(NamedTuple):
    """Two maps of dI/I from disjoint halves of the orbits, ``(field, stop, pixel)``.

    ``lost`` is the share of orbits of each field that never reach the last sphere, for a static
    field traps some; they are left out.
    """

    first: Float[np.ndarray, "field stop pixel"]
    second: Float[np.ndarray, "field stop pixel"]
    lost: Float[np.ndarray, " field"]

    @property
    def mean(self) -> Float[np.ndarray, "field stop pixel"]:
        """The map of all orbits."""
        return (self.first + self.second) / 2

    def spectra(self) -> Spectra:
        """Return half-cross C_l in units of the power of the boundary's dipole."""
        return np.asarray(sky.cross_spectrum(self.first, self.second, lmax=LMAX)) / DIPOLE_POWER


def measure_skies(
    particles: orbits.ParticleSet,
    radii: tuple[float, ...],
    size: Size,
    *,
    level: float = LEVEL,
    local: bool = False,
) -> Skies:
    """Return the skies of one observer in each field.

    Parameters
    ----------
    radii
        Of the spheres about the observer, pc.
    local
        Measure the boundary's dipole, n . b of the momentum, against the local field; else against
        the mean field, as published.
    """
    return _both_skies(particles, radii, size, level)[local]


@functools.lru_cache(maxsize=8)
def _both_skies(particles, radii, size, level) -> tuple[Skies, Skies]:
    """Return the skies against the mean field, and against the local one."""
    mean, local, lost = [], [], []
    stop = orbits.Sphere(jnp.array(radii))
    for number in numbers(particles, size):
        field, observer = make_place(particles, size, number, level=level)
        arrivals = _arrivals(
            field, observer, stop, particles.rigidity, pusher(particles), size.nside, size.per_pixel
        )
        lost.append(float(arrivals.lost_share()))
        mean.append(sky.half_maps(arrivals, sky.DipoleBoundary(AXIS, 1.0)))
        local.append(sky.half_maps(arrivals, sky.DipoleBoundary(field, 1.0)))
    return _stacked(mean, lost), _stacked(local, lost)


@eqx.filter_jit
def _arrivals(field, observer, stop, rigidity, pusher, nside, per_pixel) -> sky.Arrivals:
    """Return the arrivals; within jit, orbits that are trapped are no error."""
    return sky.backtrack(
        field, rigidity=rigidity, observer=observer, nside=nside, per_pixel=per_pixel,
        stop=stop, pusher=pusher, dtype=jnp.float32,
    )  # fmt: skip


def _stacked(halves, lost) -> Skies:
    """Return the halves of all fields."""
    first, second = (
        np.stack([np.asarray(x, float) for x in half]) for half in zip(*halves, strict=True)
    )
    return Skies(first, second, np.asarray(lost))


def note_lost(verdict: Verdict, skies: Skies) -> Verdict:
    """Return the verdict with a note on trapped orbits where they are more than one percent."""
    worst = float(skies.lost.max())
    if worst <= 0.01:
        return verdict
    text = f"Up to {worst:.0%} of the orbits of an observer are trapped and left out."
    return dataclasses.replace(verdict, note=f"{verdict.note} {text}".strip())


def slope(spectra: Float[np.ndarray, "field ell"]) -> Estimate:
    """Return d ln C_l / d ln l of the mean spectrum over l = 2 ... 16."""
    return jackknife(slope_of, jnp.asarray(spectra))


def mean_degree(spectra: Float[np.ndarray, "field ell"]) -> Estimate:
    """Return the mean multipole of the power (2l+1) C_l over l = 2 ... 16."""
    return jackknife(mean_degree_of, jnp.asarray(spectra))


def change(
    estimator, last: Float[np.ndarray, "field ell"], first: Float[np.ndarray, "field ell"]
) -> Estimate:
    """Return the estimator of one spectrum less that of another in the same fields."""
    pair = (jnp.asarray(last), jnp.asarray(first))
    return jackknife(lambda x: estimator(x[0]) - estimator(x[1]), pair)


def dipole_power(c_ell: Float[Array, "... ell"]) -> Float[Array, "..."]:
    """Return C_1."""
    return c_ell[..., 1]


def high_power(c_ell: Float[Array, "... ell"]) -> Float[Array, "..."]:
    """Return the mean C_l over l = 8 ... 16."""
    return jnp.mean(c_ell[..., 8:17], axis=-1)


def slope_of(c_ell: Float[Array, " ell"]) -> Float[Array, ""]:
    """Return the slope of one spectrum, l = 2 ... 16 with equal weight."""
    x = jnp.log(jnp.arange(FIT.start, FIT.stop, dtype=c_ell.dtype))
    y = jnp.log(jnp.maximum(c_ell[FIT], 1e-12))
    away = x - jnp.mean(x)
    return jnp.sum(away * y) / jnp.sum(away**2)


def mean_degree_of(c_ell: Float[Array, " ell"]) -> Float[Array, ""]:
    """Return the mean multipole of one spectrum."""
    l = jnp.arange(FIT.start, FIT.stop, dtype=c_ell.dtype)
    power = (2 * l + 1) * c_ell[FIT]
    return jnp.sum(l * power) / jnp.sum(power)
