"""Weights of the nodes at a point between them: interpolation that is linear in the values."""

import abc
import itertools
from collections.abc import Sequence

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxcr.annotations import checked
from jaxcr.checks import check_range

Point = Float[Array, " axis"]
Nodes = Float[Array | np.ndarray, "node axis"]
Ends = Float[Array | np.ndarray, " axis"] | Sequence[float | int]


class NodeWeights(eqx.Module):
    """Interpolation as a function from a point to the weights of the nodes.

    The value at a point is w(point) · (values at the nodes), whatever the values are, so that
    one set of weights serves every statistic of the skies.
    """

    @abc.abstractmethod
    def __call__(self, point: Point) -> Float[Array, " node"]:
        """Return the weights, which sum to 1; differentiable in both modes."""


class ChebyshevWeights(NodeWeights):
    """Least squares by Chebyshev polynomials of a weighted total degree.

    The terms are the products of T_{d_i}(x_i) with sum d_i / degree_i <= 1. Chaos makes the nodes
    scatter by a few percent although their phases are the same; a curve through every node would
    have slopes that are not there, so there are fewer terms than nodes.

    Attributes
    ----------
    low, high
        Box of the nodes, which becomes -1 ... 1, ``(axis,)``.
    coefficients
        From values at the nodes to coefficients, ``(term, node)``.
    terms
        The degrees of each term.
    """

    low: Float[Array, " axis"]
    high: Float[Array, " axis"]
    coefficients: Float[Array, "term node"]
    terms: tuple[tuple[int, ...], ...] = eqx.field(static=True)

    def __init__(self, nodes: Nodes, low: Ends, high: Ends, degrees):
        self.low, self.high = jnp.asarray(low), jnp.asarray(high)
        self.terms = polynomial_terms(tuple(degrees))
        matrix = polynomial_matrix(scaled(nodes, low, high), self.terms)
        rank = np.linalg.matrix_rank(matrix)
        check_range("ChebyshevWeights: rank of nodes", rank, len(self.terms), remedy="Add nodes.")
        self.coefficients = jnp.asarray(np.linalg.pinv(matrix))

    @checked
    def __call__(self, point: Point) -> Float[Array, " node"]:
        """Return the weights; some are negative."""
        x = (2 * point - self.low - self.high) / (self.high - self.low)
        highest = max(max(term) for term in self.terms)
        powers = [jnp.ones_like(x), x]
        for _ in range(2, highest + 1):
            powers.append(2 * x * powers[-1] - powers[-2])
        table = jnp.stack(powers)
        degrees = np.array(self.terms)
        return jnp.prod(table[degrees, np.arange(degrees.shape[1])[None]], axis=1) @ (
            self.coefficients
        )


def polynomial_terms(degrees: tuple[int, ...]) -> tuple[tuple[int, ...], ...]:
    """Return the degrees of all products with sum d_i / degree_i <= 1."""
    ranges = itertools.product(*(range(d + 1) for d in degrees))
    return tuple(t for t in ranges if sum(a / b for a, b in zip(t, degrees, strict=True)) < 1.001)


def polynomial_matrix(
    x: Float[np.ndarray, "node axis"], terms: tuple[tuple[int, ...], ...]
) -> Float[np.ndarray, "node term"]:
    """Return the terms at points in -1 ... 1."""
    angle = np.arccos(np.clip(x, -1, 1))
    return np.stack([np.prod(np.cos(angle * np.array(term)), axis=1) for term in terms], axis=1)


def scaled(nodes: Nodes, low: Ends, high: Ends) -> np.ndarray:
    """Return points of the box as -1 ... 1."""
    low, high = np.asarray(low), np.asarray(high)
    return (2 * np.asarray(nodes) - low - high) / (high - low)
