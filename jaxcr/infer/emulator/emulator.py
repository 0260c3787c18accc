"""Transfer tensors of the same skies at several points of turbulence, and how to go between."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxcr.checks import check_shape
from jaxcr.infer.emulator.axes import TurbulenceAxis
from jaxcr.infer.emulator.weights import NodeWeights
from jaxcr.infer.skies.tensors import pair_products

HALF_MAP = 2
"""Noise of a map of every other orbit over that of the whole."""


class TransferEmulator(eqx.Module):
    """Transfer tensors of simulated skies over one or more parameters of turbulence.

    Attributes
    ----------
    axes
        The parameters, in the order of a point's coordinates.
    nodes
        Coordinates at which skies were simulated, ``(node, axis)``.
    tensors
        K of every node and sky, float32 ``(node, sky, ell, pair)``: the symmetric pairs
        (l <= l') of the boundary's series, off-diagonal ones doubled: C = K · (f_l f_l'). Sky
        ``i`` has the same phases and observer at every node.
    noise
        C_l noise level of a dipole of unit amplitude on the full map, sr ``(node,)``.
    mean_weights, covariance_weights
        Of the nodes at a point: for means, and positive ones for covariances.
    error
        Cross-validated error of E[ln C_l] by the interpolation, in units of the scatter of one
        sky at the same point, ``(ell,)``.
    num_observers
        Skies that share one field.
    independent_skies
        How many independent skies have the scatter of the mean of all: observers in one field
        share its large scales.
    convention
        What is held when the parameters change, in one line.
    """

    axes: tuple[TurbulenceAxis, ...]
    nodes: Float[Array, "node axis"]
    tensors: Float[Array, "node sky ell pair"]
    noise: Float[Array, " node"]
    mean_weights: NodeWeights
    covariance_weights: NodeWeights
    error: Float[Array, " ell"]
    num_observers: int = eqx.field(static=True)
    independent_skies: float = eqx.field(static=True)
    convention: str = eqx.field(static=True)

    @property
    def num_skies(self) -> int:
        """Skies at each node."""
        return self.tensors.shape[1]

    @property
    def lmax(self) -> int:
        """Largest multipole of the skies."""
        return self.tensors.shape[2] - 1

    @property
    def boundary_lmax(self) -> int:
        """Largest order of the boundary's series."""
        return num_orders(self.tensors.shape[3]) - 1

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the coordinates."""
        return tuple(axis.parameter.name for axis in self.axes)

    def spectra(self, series: Float[Array, " l"]) -> Float[Array, "node sky ell"]:
        """Return C_l of every sky for a boundary series of any amplitude, in sr."""
        check_shape("TransferEmulator.spectra: series", series, (self.boundary_lmax + 1,))
        products = pair_products(series).astype(self.tensors.dtype)
        return (self.tensors @ products).astype(series.dtype)

    def log_mean(self, point: Float[Array, " axis"], series: Float[Array, " l"]):
        """Return E[ln(C_l + N)] of one sky for a boundary of unit dipole, ``(ell,)``."""
        return self.mean_weights(point) @ log_means(self.spectra(series), self.noise)


def num_orders(num_pairs: int) -> int:
    """Return how many orders have so many pairs l <= l'."""
    return int((np.sqrt(8 * num_pairs + 1) - 1) / 2)


def extended_log(x: Float[Array, "..."], floor: Float[Array, "..."]) -> Float[Array, "..."]:
    """Return ln x, continued below ``floor`` by its tangent: far-off values stay finite."""
    floor = jnp.broadcast_to(jnp.maximum(floor, jnp.finfo(x.dtype).tiny * 1e10), x.shape)
    above = x > floor
    return jnp.where(above, jnp.log(jnp.where(above, x, 1)), jnp.log(floor) + x / floor - 1)


def log_totals(
    spectra: Float[Array, "node sky ell"], noise: Float[Array, " node"]
) -> Float[Array, "node sky ell"]:
    """Return ln(C_l + 2 N) of every sky, since a half-cross C_l may be negative.

    Halves have twice the noise N of the whole; with N alone added one sky in a hundred would still
    be about 0 at the faintest multipoles, and its logarithm would decide the mean.
    """
    level = jnp.broadcast_to(HALF_MAP * noise[:, None, None], spectra.shape).astype(spectra.dtype)
    return extended_log(spectra + level, level / 10)


def log_means(
    spectra: Float[Array, "node sky ell"], noise: Float[Array, " node"]
) -> Float[Array, "node ell"]:
    """Return the mean over skies of ln(C_l + 2 N)."""
    return jnp.mean(log_totals(spectra, noise), axis=1)


def independent_skies(tensors: np.ndarray, num_observers: int) -> float:
    """Compare the variance of means over fields with that of single skies, dipole boundary."""
    num_skies = tensors.shape[1]
    if num_skies < 2 * num_observers:
        return float(num_skies) / num_observers
    dipole = tensors[:, :, 1:, num_orders(tensors.shape[-1])]  # (1, 1) follows the pairs (0, l)
    by_field = dipole.reshape(len(dipole), -1, num_observers, dipole.shape[2]).mean(2)
    of_mean = by_field.var(1, ddof=1) / by_field.shape[1]
    return float(min(num_skies, 1 / np.mean(of_mean / dipole.var(1, ddof=1))))
