"""Weights of nodes: NumPy's least squares, exact on their own functions, positive, smooth."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcr import infer
from jaxcr.infer.emulator.design import default_degrees, design_nodes
from jaxcr.infer.emulator.weights import polynomial_matrix, polynomial_terms

LOW, HIGH = (-1.5, 1.2, 3.0), (0.5, 2.2, 4.5)


@pytest.fixture(scope="module")
def nodes():
    unit = design_nodes(22, (4, 2, 2))
    return np.array(LOW) + (np.array(HIGH) - np.array(LOW)) * (unit + 1) / 2


@pytest.fixture
def points(rng):
    return jnp.asarray(rng.uniform(LOW, HIGH, (6, 3)))


def test_one_axis_is_numpys_least_squares_of_fourth_degree(rng):
    nodes, values = np.log([0.25, 0.33, 0.43, 0.57, 0.75, 0.98, 1.29, 1.7]), rng.random(8)
    weights = eqx.filter_jit(infer.ChebyshevWeights(nodes[:, None], nodes[:1], nodes[-1:], (4,)))
    for x in (nodes[0], nodes[2], -0.77, 0.1, nodes[-1]):
        expected = np.polyval(np.polyfit(nodes, values, 4), x)
        # the same projection from another basis: round-off times a condition number of 1e2
        np.testing.assert_allclose(weights(jnp.array([x])) @ values, expected, rtol=1e-11)


def test_polynomials_of_the_weighted_degree_are_exact(nodes, points):
    def function(x, y, z):
        return 2 + x**4 - 3 * x**2 * y + y * z - z**2 + x * 0.5

    weights = eqx.filter_jit(infer.ChebyshevWeights(nodes, LOW, HIGH, (4, 2, 2)))
    for point in points:
        # a polynomial in the span: round-off times a condition number of 1e3
        expected = function(*point)
        np.testing.assert_allclose(weights(point) @ function(*nodes.T), expected, rtol=1e-10)


def test_terms_of_three_axes_by_hand():
    terms = set(polynomial_terms((4, 2, 2)))
    # pure powers 1 + 4 + 2 + 2; x z and x² z, x y and x² y; y z
    assert len(terms) == 14
    assert (2, 1, 0) in terms
    assert (3, 1, 0) not in terms
    assert (0, 1, 1) in terms


@pytest.mark.parametrize("num_axes", [1, 2, 3])
def test_positive_weights_are_positive_and_average_to_the_point(num_axes, rng):
    unit = design_nodes(22, default_degrees(num_axes))
    ends = (-np.ones(num_axes), np.ones(num_axes))
    weights = eqx.filter_jit(infer.EntropyWeights(unit, *ends))
    for point in rng.uniform(-0.9, 0.9, (8, num_axes)):
        found = weights(jnp.asarray(point))
        assert np.all(found > 0)
        assert float(found.sum()) == pytest.approx(1, abs=1e-12)
        # the ridge of 1e-3 on multipliers of up to 10 moves the mean by 1e-2 at most
        np.testing.assert_allclose(found @ unit, point, atol=1e-2)


@pytest.mark.slow
def test_positive_weights_at_a_corner_stay_finite():
    unit = design_nodes(22, default_degrees(3))
    weights = infer.EntropyWeights(unit, -np.ones(3), np.ones(3))
    corner = weights(jnp.array([1.0, 1.0, -1.0]))
    assert np.all(np.isfinite(corner))
    # the nearest node holds most: the mean lies within a tenth of the box
    np.testing.assert_allclose(corner @ unit, [1, 1, -1], atol=0.2)


@pytest.mark.parametrize("kind", ["mean", "positive"])
def test_derivatives_equal_differences(kind, nodes):
    made = {
        "mean": infer.ChebyshevWeights(nodes, LOW, HIGH, (4, 2, 2)),
        "positive": infer.EntropyWeights(nodes, LOW, HIGH),
    }
    weights = eqx.filter_jit(made[kind])
    forward, reverse = (jax.jit(j(made[kind])) for j in (jax.jacfwd, jax.jacrev))
    point = jnp.array([0.3, 1.7, 3.6])
    step = 1e-5
    for i in range(point.size):
        move = jnp.zeros_like(point).at[i].set(step)
        quotient = (weights(point + move) - weights(point - move)) / (2 * step)
        for jacobian in (forward(point), reverse(point)):
            # second-order differences: 1e-10 of the third derivative, round-off 1e-11
            np.testing.assert_allclose(jacobian[:, i], quotient, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("num_axes", [2, 3, 4])
def test_the_design_is_better_than_random_points(num_axes, rng):
    degrees = default_degrees(num_axes)
    terms = polynomial_terms(degrees)
    num = round(1.6 * len(terms))

    def worst_leverage(unit):
        inverse = np.linalg.pinv(polynomial_matrix(unit, terms))
        inside = polynomial_matrix(rng.uniform(-1, 1, (500, num_axes)), terms)
        return np.max(np.sum((inside @ inverse) ** 2, axis=1))

    own = worst_leverage(design_nodes(num, degrees))
    others = [worst_leverage(rng.uniform(-1, 1, (num, num_axes))) for _ in range(20)]
    assert own < min(others)
    assert own < 3  # variance of the curve in units of that of a node, at the worst of 500 points


def test_too_few_nodes(nodes):
    with pytest.raises(ValueError, match="rank of nodes: expected a number >= 14"):
        infer.ChebyshevWeights(nodes[:10], LOW, HIGH, (4, 2, 2))
    with pytest.raises(ValueError, match="design_nodes: num: expected a number >= 16"):
        design_nodes(14, (4, 2, 2))
