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
from jaxcr.sky.arrivals.null_tests import unchanged
from jaxcr.statistics import Estimate, jackknife

_HIGHEST = 8
"""Beyond, the noise of the simulated skies is larger than what a path changes."""


class PathSystematic(eqx.Module):
    """Mean C_l of a dipole boundary for paths in units of the model's.

    Attributes
    ----------
    factors
        Paths over the model's, rising.
    c_ell
        sr, ``(factor, ell)``.
    change
        C_l at the longest path less that at the model's, over the latter, l = 1 ... lmax: a null
        test. A boundary that stands for a stationary state changes nothing.
    """

    factors: tuple[float, ...] = eqx.field(static=True)
    c_ell: np.ndarray
    change: Estimate

    @property
    def amplitude_factor(self) -> np.ndarray:
        """sqrt(C_1(path) / C_1(factor × path)): what a longer path wants of the amplitude."""
        c_1 = self.c_ell[:, 1]
        return np.sqrt(c_1[self.factors.index(1.0)] / c_1)

    def passed(self) -> bool:
        """Return whether the null test of `run_null_tests` for two stops holds."""
        return unchanged(self.change.value, self.change.error)


def path_systematic(
    skies: SkyEnsemble,
    parameters: SkyParameters | ScalarLike,
    *,
    num_fields: int,
    factors: tuple[float, ...] = (0.5, 1.0, 2.0),
) -> PathSystematic:
    """Simulate C_l of a dipole boundary for shorter and longer paths, in one pass.

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
    spectra = jnp.stack(
        [_dipole_power(skies, skies.turbulence(i, p), p, stops) for i in range(num_fields)]
    )
    own = factors.index(1.0)
    change = jackknife(lambda x: (x[-1, 1:] - x[own, 1:]) / x[own, 1:], spectra)
    return PathSystematic(factors, np.mean(np.asarray(spectra), axis=0), change)


@jit_loop
def _dipole_power(skies: SkyEnsemble, turbulence, parameters, stops):
    """Return the mean C_l of all observers at every path, ``(factor, ell)``."""
    arrivals = skies.arrivals(turbulence, parameters, stop=stops)
    boundary = DipoleBoundary(jnp.array(AXIS, jnp.float32), jnp.float32(1))
    c_ell = cross_spectrum(*half_maps(arrivals, boundary), lmax=min(_HIGHEST, skies.lmax))
    return jnp.mean(c_ell, axis=0)
