"""Angular power spectra with their errors."""

from functools import partial

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float


class SpectrumEstimate(eqx.Module):
    """A power spectrum less its noise level, with the error of each value.

    Attributes
    ----------
    ell
        (bin,): degree, or mean degree of the bin.
    c_ell
        (..., bin), sr; without noise, it may be negative.
    error
        (..., bin), sr: one standard deviation.
    noise
        (..., bin), sr: the level that was subtracted, or that the error assumes.
    covariance
        (..., bin, bin), sr²; None if the values are independent.
    """

    ell: Float[Array | np.ndarray, " bin"]
    c_ell: Float[Array, "*batch bin"]
    error: Float[Array, "*#batch bin"]
    noise: Float[Array, "*#batch bin"]
    covariance: Float[Array, "*#batch bin bin"] | None = None


@partial(jax.jit, static_argnames=("num_folds", "sample_variance"))
def gaussian_error(
    c_ell: Float[Array, "*batch ell"],
    noise: Float[Array, "*#batch #ell"],
    *,
    num_folds: int | None = None,
    sample_variance: bool = True,
) -> Float[Array, "*batch ell"]:
    """Return the standard deviation of the C_l of one full sky, Gaussian signal and noise.

    sqrt(2 / (2l+1)) (C + N); of the mean over the pairs of k folds, with N the noise of all
    together, (C + N)² becomes C² + 2 C N + N² k / (k - 1).

    Parameters
    ----------
    c_ell, noise
        Signal and noise, (..., ell) from l = 0, sr.
    num_folds
        k, or None for the spectrum of one map.
    sample_variance
        Whether C² counts: the scatter from sky to sky. Without it, the error is that of the
        measurement of this one sky.

    Notes
    -----
    Source: Knox 1995, Phys. Rev. D 52, 4307, for the whole sky; for folds, the fourth moments of
    Gaussian variables.
    """
    degree = jnp.arange(c_ell.shape[-1], dtype=c_ell.dtype)
    pairs = 1.0 if num_folds is None else num_folds / (num_folds - 1)
    if sample_variance:  # C + N is the measured power, so that C may be negative
        variance = (c_ell + noise) ** 2 + (pairs - 1) * noise**2
    else:
        variance = 2 * jnp.maximum(c_ell, 0) * noise + pairs * noise**2
    modes = (2 * degree + 1).reshape((1,) * (variance.ndim - 1) + (-1,))
    positive = ~(variance <= 0)  # NaN stays NaN
    return jnp.where(positive, jnp.sqrt(2 / modes * jnp.where(positive, variance, 1)), 0)
