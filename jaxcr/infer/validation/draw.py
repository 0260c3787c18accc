"""Draw data sets: values from the priors, spectra from a model's own prediction."""

import dataclasses
from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key

from jaxcr.infer.likelihood.base import jit_untitled
from jaxcr.infer.models.base import Prediction, SpectrumModel
from jaxcr.infer.parameters import ParameterSet
from jaxcr.observed.data import SpectrumData

Draw = Callable[[Prediction, Key[Array, ""]], Float[Array, " ell"]]
Simulator = Callable[[Float[Array, " parameter"], Key[Array, ""]], SpectrumData]

_NODES = 4097
"""Of the grid on which priors are integrated: finer than any fit can tell."""


def draw_log_normal(prediction: Prediction, key: Key[Array, ""]) -> Float[Array, " ell"]:
    """Return C_l + N_l in sr whose logarithms are Gaussian."""
    normal = jax.random.normal(key, prediction.mean.shape, prediction.mean.dtype)
    return jnp.exp(prediction.log_mean + jnp.linalg.cholesky(prediction.log_covariance) @ normal)


def draw_gaussian(prediction: Prediction, key: Key[Array, ""]) -> Float[Array, " ell"]:
    """Return C_l + N_l in sr that are Gaussian; they may be negative."""
    normal = jax.random.normal(key, prediction.mean.shape, prediction.mean.dtype)
    factor = jnp.linalg.cholesky(prediction.covariance)
    return prediction.mean + prediction.noise + factor @ normal


def draw_gamma(prediction: Prediction, key: Key[Array, ""]) -> Float[Array, " ell"]:
    """Return independent, Gamma distributed C_l + N_l in sr."""
    half = prediction.freedom / 2
    return (prediction.mean + prediction.noise) * jax.random.gamma(key, half) / half


def simulate_from(
    model: SpectrumModel,
    values: Float[Array, " parameter"],
    key: Key[Array, ""],
    data: SpectrumData,
    *,
    draw: Draw = draw_log_normal,
) -> SpectrumData:
    """Return a data set drawn from the model's own prediction.

    Parameters
    ----------
    values
        The planted parameters.
    data
        Template: multipoles, errors, noise, number of skies.
    draw
        ``draw_log_normal``, ``draw_gamma`` or ``draw_gaussian``; the last fails where the noise is
        not subtracted or C_l + N_l comes out negative.

    Notes
    -----
    Tests the fit, not the model: skies of other fields come from ``simulate_data``.
    """
    total = _draw(model, values, key, data, draw)
    c_ell = total - data.noise if data.debiased else total
    return dataclasses.replace(data, c_ell=np.asarray(c_ell), label="drawn from the model")


@jit_untitled
def _draw(model, values, key, data, draw):
    return draw(model.predict(values, data), key)


@eqx.filter_jit
def draw_values(parameters: ParameterSet, key: Key[Array, ""]) -> Float[Array, " parameter"]:
    """Return parameters from their priors within the bounds; fixed ones keep their values."""
    shares = jax.random.uniform(key, (len(parameters.parameters),), float)
    values = []
    for parameter, share in zip(parameters.parameters, shares, strict=True):
        grid = jnp.linspace(parameter.lower, parameter.upper, _NODES)
        density = jnp.exp(-0.5 * jax.vmap(parameter.prior.residual)(grid) ** 2)
        below = jnp.concatenate([jnp.zeros(1), jnp.cumsum(density[1:] + density[:-1])])
        drawn = jnp.interp(share, below / below[-1], grid)
        values.append(jnp.asarray(parameter.start, float) if parameter.fixed else drawn)
    return jnp.stack(values)
