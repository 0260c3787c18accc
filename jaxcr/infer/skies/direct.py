"""One sky's spectrum as one smooth function of all physical parameters, in both modes."""

import math

import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxcr.compilation import jit_loop
from jaxcr.fields import CubicSpline, Stencil, UniformField
from jaxcr.infer.skies.boundary_parameters import BoundaryParameters
from jaxcr.infer.skies.ensemble import SkyEnsemble
from jaxcr.infer.skies.fixed_path import backtrack_fixed_path
from jaxcr.infer.skies.sky_parameters import SkyParameters
from jaxcr.infer.skies.turbulence import AXIS
from jaxcr.orbits import Boris, Sphere
from jaxcr.sky import (
    Arrivals,
    BoundaryDistribution,
    backtrack,
    cross_spectrum,
    half_maps,
    refined_directions,
)
from jaxcr.sky.arrivals.backtrack import MAX_LOST_SHARE
from jaxcr.units import GYRORADIUS

_LONGEST_PATH = 10.0
"""In radii of a sphere: beyond the 99th percentile for spheres up to 3 gyroradii."""


def direct_spectrum(
    skies: SkyEnsemble,
    parameters: SkyParameters,
    boundary: BoundaryParameters | BoundaryDistribution,
    number: int,
    *,
    observer: int = 0,
    stencil: Stencil | None = None,
    num_steps: int | None = None,
) -> Float[Array, " ell"]:
    """Return half-cross C_l (sr), l = 0 ... lmax, of one observer in field ``number``.

    Parameters
    ----------
    parameters
        From ``skies.at(...)``, all differentiable; the level's type is that of field and orbits.
    boundary
        Its parameters or, differentiable as well, any distribution.
    observer
        Which of ``skies.observers()``.
    stencil
        Default ``CubicSpline()``, with which orbits have two continuous derivatives.
    num_steps
        Equal steps of an orbit, default ``skies.num_steps``. On a sphere the most of one, default
        10 radii in steps of ``skies.step``, and C_l is NaN when more than 1 % of the orbits are
        still inside.

    Notes
    -----
    Forward and reverse mode agree with differences to round-off, with kinks where a mode of the
    lattice enters the range of k, at equal mirrors and at whole places in the chain. What is
    exact for one sky need not be for the ensemble's mean: beyond a path of about 3 gyroradii the
    mean of such derivatives drowns in chaos. For one sky at a time: `simulated_spectra` and
    `simulated_tensors` are faster for many.
    """
    if isinstance(boundary, BoundaryParameters):
        boundary = boundary.distribution()
    stencil = CubicSpline() if stencil is None else stencil
    dtype = parameters.level.dtype
    turbulence = skies.turbulence(number, parameters, stencil=stencil, storage=dtype)
    num_steps = _num_steps(skies, parameters) if num_steps is None else num_steps
    return _spectrum(skies, turbulence, parameters, boundary, observer, num_steps)


def _num_steps(skies: SkyEnsemble, parameters: SkyParameters) -> int:
    """Return the default number of steps, that of the fiducial sphere where there is one."""
    along_path = skies.num_steps(parameters)
    return along_path or math.ceil(_LONGEST_PATH * skies.path * skies.gyroradius / skies.step)


@jit_loop
def _spectrum(skies, turbulence, parameters, boundary, observer: int, num_steps: int):
    arrivals = _arrivals(skies, turbulence, parameters, observer, num_steps)
    c_ell = cross_spectrum(*half_maps(arrivals, boundary), lmax=skies.lmax)
    return jnp.where(arrivals.lost_share() > MAX_LOST_SHARE, jnp.nan, c_ell)


def _arrivals(skies, turbulence, parameters, observer: int, num_steps: int) -> Arrivals:
    """Return the arrivals of one observer, along a fixed path or on the sphere."""
    stop, dtype = skies.convention.stop(parameters), parameters.level.dtype
    place = skies.observers()[observer]
    rigidity = parameters.gyroradius / GYRORADIUS
    field = UniformField(jnp.array(AXIS, dtype)) + parameters.level * turbulence
    if isinstance(stop, Sphere):
        return backtrack(
            field,
            rigidity=rigidity,
            stop=stop,
            observer=place,
            nside=skies.nside,
            per_pixel=skies.per_pixel,
            pusher=Boris(step=skies.step),
            max_steps=num_steps,
            dtype=dtype,
        )
    arrivals = backtrack_fixed_path(
        field,
        rigidity=rigidity,
        stop=stop,
        num_steps=(num_steps,),
        observers=place[None],
        directions=jnp.asarray(refined_directions(skies.nside, skies.per_pixel), dtype),
    )
    return arrivals.select(observer=0)
