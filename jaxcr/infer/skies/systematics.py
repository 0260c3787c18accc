"""What the fixed path does to the fitted amplitude."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np

from jaxcr.arrays import ScalarLike
from jaxcr.infer.skies.ensemble import AXIS, SkyEnsemble
from jaxcr.orbits import Boris, PathLength
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
    level: ScalarLike,
    *,
    num_fields: int,
    factors: tuple[float, ...] = (0.5, 1.0, 2.0),
) -> PathSystematic:
    """Simulate C_1 of a dipole boundary for shorter and longer paths, in one pass.

    Parameters
    ----------
    level
        dB/B0.
    num_fields
        Realisations of turbulence to average over.
    factors
        Paths over the model's path, rising, with 1 among them.
    """
    spectra = [
        np.asarray(_dipole_power(skies, skies.turbulence(i), jnp.asarray(level), factors))
        for i in range(num_fields)
    ]
    c_1 = np.mean(spectra, axis=(0, 1))
    return PathSystematic(factors, c_1, np.sqrt(c_1[factors.index(1.0)] / c_1))


@eqx.filter_jit
def _dipole_power(skies: SkyEnsemble, turbulence, level, factors):
    """Return C_1 of all observers at every path, ``(observer, factor)``."""
    lengths = PathLength(jnp.array(factors) * skies.path * skies.gyroradius)
    arrivals = skies.arrivals(
        turbulence, level.astype(jnp.float32), stop=lengths, pusher=Boris(step=skies.step)
    )
    boundary = DipoleBoundary(jnp.array(AXIS, jnp.float32), jnp.float32(1))
    return cross_spectrum(*half_maps(arrivals, boundary), lmax=1)[..., 1]
