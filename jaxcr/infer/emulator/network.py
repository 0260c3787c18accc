"""A small network learns the features in which the statistics of the skies are linear."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float, Key

from jaxcr.arrays import Scalar
from jaxcr.checks import check_range, checked
from jaxcr.infer.emulator.build import with_mean_weights
from jaxcr.infer.emulator.cross_validation import reference_boundaries
from jaxcr.infer.emulator.emulator import TransferEmulator, log_means
from jaxcr.infer.emulator.weights import Ends, Nodes, NodeWeights, Point, scaled

_WIDTH = 24
_NUM_FEATURES = 8
_STEPS = 3000
_RATE = 1e-2
_RIDGE = 1e-4
"""Of the features' least squares, and of the training: in units of the targets' variance."""


class NetworkWeights(NodeWeights):
    """Least squares on a constant, the coordinates, and features of a trained network.

    The features come from the training; the values at the nodes still enter linearly, as
    through a polynomial, so that every statistic of the skies may use the same weights.

    Attributes
    ----------
    network
        From the box -1 ... 1 to the features.
    low, high
        The box, ``(axis,)``.
    coefficients
        From values at the nodes to coefficients, ``(feature, node)``.
    """

    network: eqx.nn.MLP
    low: Float[Array, " axis"]
    high: Float[Array, " axis"]
    coefficients: Float[Array, "feature node"]

    @checked
    def __call__(self, point: Point) -> Float[Array, " node"]:
        """Return the weights; some are negative."""
        x = (2 * point - self.low - self.high) / (self.high - self.low)
        return _features(self.network, x) @ self.coefficients


def network_weights(
    nodes: Nodes,
    low: Ends,
    high: Ends,
    values: Float[Array | np.ndarray, "node output"],
    *,
    key: Key[Array, ""],
) -> NetworkWeights:
    """Train a network on values at the nodes, by optax's Adam on all nodes at once.

    Parameters
    ----------
    nodes, low, high
        Points, and the box they are in.
    values
        What the features have to carry, any number of outputs; each is standardised.
    key
        Of the first weights.

    Raises
    ------
    ValueError
        For fewer than ten nodes, which determine no features.

    Notes
    -----
    The loss is what is left of the values after ridge regression on the features, so that only
    the features are trained (variable projection, Golub & Pereyra, SIAM J. Numer. Anal. 10 (1973)
    413). Seconds for 50 nodes. Prefer polynomials for up to four parameters with gentle curves.
    """
    check_range("network_weights: number of nodes", len(nodes), 10, remedy="Use ChebyshevWeights.")
    x = jnp.asarray(scaled(nodes, low, high))
    targets = jnp.asarray(values)
    centre, scale = jnp.mean(targets, axis=0), jnp.std(targets, axis=0)
    targets = (targets - centre[None]) / jnp.maximum(scale, 1e-12)[None]
    network = eqx.nn.MLP(
        x.shape[1], _NUM_FEATURES, _WIDTH, 1, jnp.tanh, jnp.tanh, dtype=x.dtype, key=key
    )
    network = _train(network, x, targets)
    coefficients = _projector(jax.vmap(lambda p: _features(network, p))(x))
    return NetworkWeights(network, jnp.asarray(low), jnp.asarray(high), coefficients)


def with_network(emulator: TransferEmulator, *, key: Key[Array, ""]) -> TransferEmulator:
    """Return the emulator with a network, trained on E[ln(C + N)], for its means."""
    values = [
        log_means(emulator.spectra(series), emulator.noise)[:, 1:]
        for series in reference_boundaries(emulator.boundary_lmax)
    ]
    low, high = [a.low for a in emulator.axes], [a.high for a in emulator.axes]
    weights = network_weights(emulator.nodes, low, high, jnp.concatenate(values, 1), key=key)
    return with_mean_weights(emulator, weights)


def _features(network: eqx.nn.MLP, x: Point) -> Float[Array, " feature"]:
    return jnp.concatenate([jnp.ones_like(x[:1]), x, network(x)])


def _projector(features: Float[Array, "node feature"]) -> Float[Array, "feature node"]:
    """Return the ridge regression from values at the nodes to coefficients."""
    free = jnp.ones(features.shape[1], features.dtype).at[0].set(0)  # the mean is not shrunk
    normal = features.T @ features + _RIDGE * features.shape[0] * jnp.diag(free)
    return jnp.linalg.solve(normal, features.T)


@eqx.filter_jit
def _train(network: eqx.nn.MLP, x: Float[Array, "node axis"], targets: Float[Array, "node output"]):
    """Return the network after Adam with a falling rate."""
    learn, rest = eqx.partition(network, eqx.is_inexact_array)
    optimiser = optax.adam(
        lambda count: _RATE * 0.5 * (1 + jnp.cos(jnp.pi * count.astype(x.dtype) / _STEPS))
    )

    def loss(learn) -> Scalar:
        network = eqx.combine(learn, rest)
        features = jax.vmap(lambda p: _features(network, p))(x)
        left = targets - features @ (_projector(features) @ targets)
        leverage = jnp.sum(features * _projector(features).T, axis=1)
        return jnp.mean((left / (1.02 - leverage)[:, None]) ** 2)

    def step(carry, _):
        learn, state = carry
        gradient = jax.grad(loss)(learn)
        with jax.numpy_dtype_promotion("standard"):  # optax counts its steps in int32
            updates, state = optimiser.update(gradient, state)
        return (optax.apply_updates(learn, updates), state), None

    (learn, _), _ = jax.lax.scan(step, (learn, optimiser.init(learn)), length=_STEPS)
    return eqx.combine(learn, rest)
