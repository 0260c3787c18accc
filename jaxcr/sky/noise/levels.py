"""The level that random arrivals, or the scatter within pixels, add to C_l."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxcr.arrays import Scalar
from jaxcr.checks import argument_error, as_float, checked


@checked
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


@checked
def noise_power(
    samples: Float[Array | np.ndarray, "*batch pixel child"],
) -> Float[Array, "*batch"]:
    """Return the level that the scatter within pixels adds to C_l of the mean map.

    N_l = (4 pi / N_pix) < var / N_child > over the pixels, with the unbiased variance.

    Parameters
    ----------
    samples
        dI/I of several orbits a pixel, (..., pixel, child), child >= 2.

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
    num_pixels, num_children = samples.shape[-2:]
    if num_children < 2:
        raise argument_error(
            "noise_power: samples",
            expected="at least 2 orbits a pixel on the last axis",
            got=num_children,
            remedy="Trace with per_pixel >= 2.",
        )
    variance = jnp.mean(jnp.var(samples, axis=-1, ddof=1), axis=-1)
    return 4 * jnp.pi / (num_pixels * num_children) * variance
