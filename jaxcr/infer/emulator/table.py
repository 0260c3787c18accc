"""The transfer tensor over dB/B0: simulated at a few nodes with the same phases."""

from collections.abc import Callable, Iterator

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxcr.arrays import Scalar, argument_error
from jaxcr.infer.skies.ensemble import AXIS, SkyEnsemble
from jaxcr.sky import DipoleBoundary, noise_power, pixel_samples, transfer_tensor

_DEGREE = 4
"""Of the polynomial in ln dB/B0 through the means at the nodes."""

DEFAULT_NODES = (0.25, 0.33, 0.43, 0.57, 0.75, 0.98, 1.29, 1.7)
"""Values of dB/B0 at which skies are simulated."""


class TransferTable(eqx.Module):
    """Transfer tensors of the same skies at several levels of turbulence.

    Attributes
    ----------
    nodes
        dB/B0 at the nodes, rising.
    tensors
        K of every node and sky, ``(node, sky, ell, pair)``: the symmetric pairs (l <= l') of the
        boundary's series, off-diagonal ones doubled, so that C = K · (f_l f_l').
    noise
        C_l noise level of a dipole of unit amplitude on the full map, ``(node,)``.
    num_observers
        Skies that share one field.
    independent_skies
        How many independent skies have the scatter of the mean of all: observers in one field
        share its large scales.
    """

    nodes: Float[Array, " node"]
    tensors: Float[Array, "node sky ell pair"]
    noise: Float[Array, " node"]
    curve_coefficients: Float[Array, "power node"]
    num_observers: int = eqx.field(static=True)
    independent_skies: float = eqx.field(static=True)

    def __init__(self, nodes, tensors, noise, num_observers: int):
        self.nodes = jnp.asarray(nodes)
        self.tensors = jnp.asarray(tensors).astype(self.nodes.dtype)
        self.noise = jnp.asarray(noise)
        self.curve_coefficients = jnp.asarray(_least_squares(np.asarray(nodes)))
        self.num_observers = num_observers
        self.independent_skies = _independent_skies(np.asarray(tensors), num_observers)

    @property
    def num_skies(self) -> int:
        """Skies at each node."""
        return self.tensors.shape[1]

    def spectra(self, series: Float[Array, " l"]) -> Float[Array, "node sky ell"]:
        """Return the C_l of every sky for a boundary series of any amplitude."""
        first, second = np.triu_indices(series.size)
        return self.tensors @ (series[first] * series[second])

    def curve(self, log_level: Scalar) -> Float[Array, " node"]:
        """Return w with y = w · y_nodes, a polynomial of degree 4 in ln dB/B0 by least squares.

        For means: chaos makes the nodes scatter by a few percent though their phases are the
        same, and a curve through every node has slopes that are not there. Linear in the values
        of the nodes, so one set of weights serves all of them.
        """
        nodes = jnp.log(self.nodes)
        x = (2 * log_level - nodes[0] - nodes[-1]) / (nodes[-1] - nodes[0])
        return jnp.polyval(self.curve_coefficients, x)

    def line(self, log_level: Scalar) -> Float[Array, " node"]:
        """Return w with y = w · y_nodes for the straight line between neighbouring nodes.

        For covariances: a polynomial of their entries can leave the positive matrices.
        """
        nodes = jnp.log(self.nodes)
        i = jnp.clip(jnp.searchsorted(nodes, log_level) - 1, 0, nodes.size - 2)
        share = (log_level - nodes[i]) / (nodes[i + 1] - nodes[i])
        return jnp.zeros_like(nodes).at[i].set(1 - share).at[i + 1].set(share)


def build_transfer_table(
    skies: SkyEnsemble,
    *,
    num_fields: int,
    nodes: tuple[float, ...] = DEFAULT_NODES,
    first_field: int = 0,
    progress: Callable[[Iterator], Iterator] = lambda x: x,
) -> TransferTable:
    """Simulate the skies at every node and reduce them to transfer tensors.

    Parameters
    ----------
    num_fields
        Realisations of the turbulence; each gives ``skies.num_observers`` skies.
    nodes
        dB/B0, at least four, rising.
    first_field
        Number of the first field: disjoint numbers give independent skies.
    progress
        Wraps the loop over fields, for example ``tqdm.tqdm``.

    Notes
    -----
    Cost: nodes × skies × orbits × steps. Memory: 325 (lmax + 1) × 4 bytes a sky and node for a
    boundary up to l = 24.
    """
    if len(nodes) < 4 or min(np.diff(nodes)) <= 0 or nodes[0] <= 0:
        raise argument_error(
            "build_transfer_table: nodes",
            expected="at least four positive values of dB/B0 in rising order",
            got=str(nodes),
            remedy=f"The default is {DEFAULT_NODES}.",
        )
    tensors, noise = [], []
    for number in progress(range(first_field, first_field + num_fields)):
        turbulence = skies.turbulence(number)
        results = [simulate_tensors(skies, turbulence, jnp.asarray(x)) for x in nodes]
        tensors.append(np.stack([np.asarray(k) for k, _ in results]))
        noise.append([float(n) for _, n in results])
    return TransferTable(
        np.array(nodes),
        np.concatenate(tensors, axis=1),
        np.mean(noise, axis=0),
        skies.num_observers,
    )


@eqx.filter_jit
def simulate_tensors(
    skies: SkyEnsemble, turbulence, level: Scalar
) -> tuple[Float[Array, "observer ell pair"], Scalar]:
    """Return the packed transfer tensors of all observers in one field, and the noise level."""
    arrivals = skies.arrivals(turbulence, level.astype(jnp.float32))
    axis = jnp.array(AXIS, jnp.float32)
    tensor = transfer_tensor(arrivals, axis, lmax=skies.lmax, boundary_lmax=skies.boundary_lmax)
    samples, _ = pixel_samples(arrivals, DipoleBoundary(axis, jnp.float32(1)))
    return pack_pairs(tensor), jnp.mean(noise_power(samples))


def pack_pairs(tensor: Float[Array, "*batch l l"]) -> Float[Array, "*batch pair"]:
    """Return the pairs l <= l' of a symmetric tensor, off-diagonal ones doubled."""
    first, second = np.triu_indices(tensor.shape[-1])
    double = jnp.asarray(np.where(first == second, 1, 2), tensor.dtype)
    return tensor[..., first, second] * jnp.broadcast_to(double, (*tensor.shape[:-2], first.size))


def _least_squares(nodes: np.ndarray) -> np.ndarray:
    """Return the matrix from values at the nodes to coefficients, highest power first."""
    x = np.log(nodes)
    x = (2 * x - x[0] - x[-1]) / (x[-1] - x[0])
    return np.linalg.pinv(np.vander(x, min(_DEGREE, nodes.size - 1) + 1))


def _independent_skies(tensors: np.ndarray, num_observers: int) -> float:
    """Compare the variance of the means over fields with that of single skies, dipole boundary."""
    num_skies = tensors.shape[1]
    if num_skies < 2 * num_observers:
        return float(num_skies) / num_observers
    num_orders = int((np.sqrt(8 * tensors.shape[-1] + 1) - 1) / 2)
    dipole = tensors[:, :, 1:, num_orders]  # pair (1, 1) follows the pairs (0, l)
    by_field = dipole.reshape(len(dipole), -1, num_observers, dipole.shape[2]).mean(2)
    of_mean = by_field.var(1, ddof=1) / by_field.shape[1]
    return float(min(num_skies, 1 / np.mean(of_mean / dipole.var(1, ddof=1))))


def table_from_file(arrays: dict[str, np.ndarray]) -> TransferTable:
    """Return the table whose arrays were stored by name."""
    return TransferTable(
        arrays["nodes"],
        arrays["tensors"],
        arrays["noise"],
        int(arrays["num_observers"]),
    )


def table_arrays(table: TransferTable) -> dict[str, np.ndarray]:
    """Return the arrays to store, by name."""
    return {
        "nodes": np.asarray(table.nodes),
        "tensors": np.asarray(table.tensors, np.float32),
        "noise": np.asarray(table.noise),
        "num_observers": np.asarray(table.num_observers),
    }
