"""Transfer tensors of simulated skies: what turbulence does to any boundary about the axis."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxcr.arrays import Scalar, ScalarLike
from jaxcr.compilation import jit_loop
from jaxcr.fields import GridField, WaveField
from jaxcr.infer.skies.ensemble import SkyEnsemble, as_parameters
from jaxcr.infer.skies.sky_parameters import SkyParameters
from jaxcr.infer.skies.turbulence import AXIS
from jaxcr.sky import DipoleBoundary, noise_power, pixel_samples, transfer_tensor


def simulated_tensors(
    skies: SkyEnsemble, parameters: SkyParameters | ScalarLike, number: int
) -> tuple[Float[Array, "observer ell pair"], Scalar]:
    """Return the packed transfer tensors of all observers in field ``number``, and their noise.

    Parameters
    ----------
    parameters
        From ``skies.at(...)``; a number is dB/B0. The phases depend on ``number`` alone.

    Returns
    -------
    tuple
        K with C_L = K · (f_l f_l'), the pairs l <= l' with off-diagonal ones doubled; and the
        noise level N of C_l for a dipole of unit amplitude on the full map, sr.

    Notes
    -----
    Orbits in float32. Realises the field each time: loop over what does not change it with
    `simulate_tensors`.
    """
    parameters = as_parameters(skies, parameters)
    return simulate_tensors(skies, skies.turbulence(number, parameters), parameters)


def simulate_tensors(
    skies: SkyEnsemble,
    turbulence: GridField | WaveField,
    parameters: SkyParameters | ScalarLike,
) -> tuple[Float[Array, "observer ell pair"], Scalar]:
    """Return the packed transfer tensors of all observers in a realised field, and their noise.

    Parameters
    ----------
    turbulence
        From ``skies.turbulence(number, parameters)``.
    parameters
        Level, gyroradius and reach act here; a number is dB/B0.
    """
    parameters = as_parameters(skies, parameters)
    return _tensors(skies, turbulence, parameters)


@jit_loop
def _tensors(skies, turbulence, parameters):
    arrivals = skies.arrivals(turbulence, parameters)
    axis = jnp.array(AXIS, jnp.float32)
    tensor = transfer_tensor(arrivals, axis, lmax=skies.lmax, boundary_lmax=skies.boundary_lmax)
    samples, weight = pixel_samples(arrivals, DipoleBoundary(axis, jnp.float32(1)))
    return pack_pairs(tensor), jnp.mean(noise_power(samples, weight))


def pair_products(series: Float[Array | np.ndarray, "*batch l"]):
    """Return f_l f_l' in the order of ``pack_pairs``, ``(*batch, pair)``: C = K · products."""
    first, second = np.triu_indices(series.shape[-1])
    return series[..., first] * series[..., second]


def pack_pairs(tensor: Float[Array, "*batch l l"]) -> Float[Array, "*batch pair"]:
    """Return the pairs l <= l' of a symmetric tensor, off-diagonal ones doubled."""
    first, second = np.triu_indices(tensor.shape[-1])
    double = jnp.asarray(np.where(first == second, 1, 2), tensor.dtype)
    return tensor[..., first, second] * jnp.broadcast_to(double, (*tensor.shape[:-2], first.size))
