"""The level that random arrivals, or the scatter within pixels, add to C_l."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxcr.arrays import Scalar
from jaxcr.checks import as_float, check_range
from jaxcr.sky.arrivals.intensity import scatter_level

Samples = Float[Array | np.ndarray, "*batch pixel child"]


def poisson_noise(weights: Float[Array | np.ndarray, " particle"]) -> Scalar:
    """Return the level N_l = (4 pi / N) <w²> / <w>² that N weighted random arrivals add to C_l.

    Parameters
    ----------
    weights
        Weight of each arrival, (particle,), any unit; ones give 4 pi / N.

    Returns
    -------
    N_l in steradian, the same at every l >= 1, for the C_l of relative intensity.

    Notes
    -----
    Source: a_lm = (4 pi / N <w>) sum_i w_i Y_lm(p_i) of independent, uniform directions p_i.
    """
    weights = as_float(weights)
    return 4 * jnp.pi / weights.size * jnp.mean(weights**2) / jnp.mean(weights) ** 2


def noise_power(samples: Samples, weight: Samples | None = None) -> Float[Array, "*batch"]:
    """Return the level that the scatter within pixels adds to C_l of the mean map.

    N_l = (4 pi / N_pix) < sum w² (f - <f>)² / [(1 - 1/n) (sum w)²] > over the pixels: with equal
    weights the unbiased variance over the number n of orbits in a pixel.

    Parameters
    ----------
    samples
        dI/I of several orbits a pixel, (..., pixel, child), child >= 2.
    weight
        Of each orbit, 0 where it was lost, as `pixel_samples` gives both; ones if not given.
        Pixels with one orbit are left out of the mean.

    Returns
    -------
    (...), in steradian, the same at every l >= 1.

    Raises
    ------
    ValueError
        If there are fewer than two orbits a pixel.

    Notes
    -----
    Right for independent scatter in the pixels; orbits on a regular sub-grid of a map that is
    smooth within the pixel scatter too but add less, so it is then an upper limit. The
    `cross_spectrum` of two halves needs no level at all. Source: white noise of variance s² a
    pixel has C_l = 4 pi s² / N_pix.
    """
    samples = as_float(samples)
    check_range("noise_power: orbits in a pixel", samples.shape[-1], 2.0)
    weight = jnp.ones_like(samples) if weight is None else as_float(weight)
    return scatter_level(samples, weight.astype(samples.dtype))
