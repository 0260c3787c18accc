"""Spectra of simulated skies, straight through the orbits."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxcr.arrays import ScalarLike
from jaxcr.compilation import jit_loop
from jaxcr.infer.skies.ensemble import SkyEnsemble, as_parameters
from jaxcr.infer.skies.sky_parameters import SkyParameters
from jaxcr.infer.skies.turbulence import AXIS
from jaxcr.orbits import Pusher
from jaxcr.sky import BoundaryDistribution, DipoleBoundary, cross_spectrum, half_maps


def simulated_spectra(
    skies: SkyEnsemble,
    parameters: SkyParameters | ScalarLike,
    number: int,
    *,
    boundary: BoundaryDistribution | None = None,
    pusher: Pusher | None = None,
) -> Float[Array, "observer ell"]:
    """Return half-cross C_l of all observers in field ``number``, straight through the orbits.

    Parameters
    ----------
    parameters
        From ``skies.at(...)``; a number is dB/B0. The phases depend on ``number`` alone, the
        type of the level is that of the orbits.
    boundary
        Default: a dipole of unit amplitude along the mean field.
    pusher
        Default: Boris steps of ``SkyEnsemble.step``.

    Returns
    -------
    ``(observer, lmax + 1)``, sr.

    Notes
    -----
    Differentiable in every parameter and in the boundary, in both modes. The field is trilinear:
    along orbits its derivative jumps at cell faces. `direct_spectrum` has a smooth one.
    """
    boundary = DipoleBoundary(jnp.array(AXIS), 1.0) if boundary is None else boundary
    p = as_parameters(skies, parameters)
    return _spectra(skies, skies.turbulence(number, p), p, boundary, pusher)


@jit_loop
def _spectra(skies, turbulence, parameters, boundary, pusher):
    arrivals = skies.arrivals(turbulence, parameters, pusher=pusher, dtype=parameters.level.dtype)
    return cross_spectrum(*half_maps(arrivals, boundary), lmax=skies.lmax)
