"""A trained network against the polynomial, on a function no polynomial follows."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcr import infer


def ridge(x):
    """Return two outputs that bend sharply along a direction askew to the axes."""
    along = x @ np.array([1.0, 0.8, -0.6])
    return np.stack([np.tanh(4 * along), np.exp(-3 * along**2) + 0.3 * x[:, 0]], axis=1)


@pytest.mark.slow
def test_network_beats_the_polynomial_on_a_sharp_bend(rng, key):
    nodes, points = rng.uniform(-1, 1, (60, 3)), rng.uniform(-0.9, 0.9, (200, 3))
    low, high = -np.ones(3), np.ones(3)
    network = infer.network_weights(nodes, low, high, ridge(nodes), key=key)
    polynomial = infer.ChebyshevWeights(nodes, low, high, (4, 4, 4))
    errors = [
        np.sqrt(np.mean((jax.vmap(w)(jnp.asarray(points)) @ ridge(nodes) - ridge(points)) ** 2))
        for w in (network, polynomial)
    ]
    # a third of the polynomial's error in one seed; half leaves room for other machines
    assert errors[0] < 0.5 * errors[1]
    assert float(network(jnp.zeros(3)).sum()) == pytest.approx(1, abs=1e-6)


def test_network_needs_nodes(key):
    with pytest.raises(
        ValueError, match="network_weights: number of nodes: expected a number >= 10"
    ):
        infer.network_weights(np.zeros((5, 2)), (0, 0), (1, 1), np.zeros((5, 1)), key=key)
