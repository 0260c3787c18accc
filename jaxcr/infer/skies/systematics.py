"""What the fixed path does to the fitted amplitude."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np

from jaxcr.arrays import ScalarLike
from jaxcr.checks import argument_error
from jaxcr.compilation import jit_loop
from jaxcr.infer.skies.ensemble import SkyEnsemble, as_parameters
from jaxcr.infer.skies.sky_parameters import SkyParameters
from jaxcr.infer.skies.turbulence import AXIS
from jaxcr.orbits import PathLength
from jaxcr.sky import DipoleBoundary, cross_spectrum, half_maps


class PathSystematic(eqx.Module):
    """Mean C_1 for paths in units of the model's, and the amplitude that would replace A.

    ``amplitude_factor`` is sqrt(C_1(path) / C_1(factor × path)): at fixed data a longer path
    needs that much more amplitude on the boundary.
    """

    factors: tuple[float, ...] = eqx.field(static=True)
    c_1: np.ndarray
    amplitude_factor: np.ndarray


def path_systematic(
    skies: SkyEnsemble,
    parameters: SkyParameters | ScalarLike,
    *,
    num_fields: int,
    factors: tuple[float, ...] = (0.5, 1.0, 2.0),
) -> PathSystematic:
    """Simulate C_1 of a dipole boundary for shorter and longer paths, in one pass.

    Parameters
    ----------
    parameters
        From ``skies.at(...)``; a number is dB/B0.
    num_fields
        Realisations of turbulence to average over.
    factors
        Paths over the model's path, rising, with 1 among them.

    Raises
    ------
    ValueError
        Where orbits end on a sphere, or the factors do not rise from above 0 through 1.
    """
    p = as_parameters(skies, parameters)
    stop = skies.convention.stop(p)
    if not isinstance(stop, PathLength):
        raise argument_error(
            "path_systematic: skies.convention",
            expected="orbits of fixed path",
            got=str(skies.convention),
            remedy="Use FixedPath().",
        )
    if 1.0 not in factors or list(factors) != sorted({*factors, 0.0})[1:]:
        raise argument_error(
            "path_systematic: factors",
            expected="positive factors in rising order, with 1 among them",
            got=str(factors),
            remedy="The default is (0.5, 1.0, 2.0).",
        )
    stops = PathLength(jnp.array(factors) * stop.length)
    spectra = [
        np.asarray(_dipole_power(skies, skies.turbulence(i, p), p, stops))
        for i in range(num_fields)
    ]
    c_1 = np.mean(spectra, axis=(0, 1))
    return PathSystematic(factors, c_1, np.sqrt(c_1[factors.index(1.0)] / c_1))


@jit_loop
def _dipole_power(skies: SkyEnsemble, turbulence, parameters, stops):
    """Return C_1 of all observers at every path, ``(observer, factor)``."""
    arrivals = skies.arrivals(turbulence, parameters, stop=stops)
    boundary = DipoleBoundary(jnp.array(AXIS, jnp.float32), jnp.float32(1))
    return cross_spectrum(*half_maps(arrivals, boundary), lmax=1)[..., 1]
