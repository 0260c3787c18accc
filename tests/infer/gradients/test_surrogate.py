"""The composed surrogate: exact for a process without memory."""

import jax
import jax.numpy as jnp
import numpy as np

from jaxcr import infer
from jaxcr.sky import Arrivals, pixel_centers

AXIS = jnp.array([0.0, 0.6, 0.8])


def arrivals(arrival, end):
    """Return arrivals whose backward orbits leave along ``end``."""
    shape = arrival.shape[:-1]
    one = jnp.ones(shape)
    return Arrivals(jnp.zeros((*shape, 3)), -end, one, one > 0, arrival, jnp.zeros(3), one)


def test_operator_of_orbits_that_go_straight_is_the_identity():
    sky = jnp.asarray(pixel_centers(16))[:, None]
    matrix = infer.transfer_operator(arrivals(sky, sky), AXIS, lmax=6)
    # orthogonality of Legendre polynomials on 3,072 pixels, exact to their quadrature error
    np.testing.assert_allclose(matrix, np.eye(7), atol=2e-3)


def test_operator_of_isotropised_orbits_keeps_the_monopole_only(key):
    sky = jnp.asarray(pixel_centers(16))[:, None]
    ends = jax.random.normal(key, sky.shape)
    ends = ends / jnp.linalg.norm(ends, axis=-1, keepdims=True)
    matrix = infer.transfer_operator(arrivals(sky, ends), AXIS, lmax=3)
    expected = np.zeros((4, 4))
    expected[0, 0] = 1
    # sqrt((2l+1)/(2l'+1)/3072) at most 0.048 each: four of these
    np.testing.assert_allclose(matrix, expected, atol=0.2)


def test_composition_multiplies_by_the_operator(rng):
    decay = np.diag([1.0, 0.7, 0.3])
    tensors = rng.standard_normal((2, 4, 5, 6))
    series = np.array([0.0, 2.0, 1.0])

    def short_path(values, number):
        # observers' operators scatter; their mean over fields 0 to 3 counts
        offset = 0.1 * (number - 1.5) * np.ones((2, 3, 3))
        return tensors[0] * float(values[0]), decay[None] + offset

    surrogate = infer.composed_surrogate(
        short_path, series=series, repeats=2, operator_numbers=range(4)
    )
    g = np.array([0.0, 2 * 0.49, 0.09])
    # pairs 00, 01, 02, 11, 12, 22; rounding
    pairs = np.array([0, 0, 0, g[1] ** 2, g[1] * g[2], g[2] ** 2])
    np.testing.assert_allclose(
        surrogate(jnp.array([3.0]), 7), 3 * tensors[0] @ pairs, rtol=1e-12, atol=1e-14
    )
