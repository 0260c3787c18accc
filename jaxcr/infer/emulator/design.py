"""Where to simulate: a few nodes in a box that determine a polynomial, and some inside it."""

import itertools

import numpy as np
from jaxtyping import Float

from jaxcr.checks import check_range
from jaxcr.infer.emulator.weights import polynomial_matrix, polynomial_terms

_DEGREES = {1: (5,), 2: (6, 2), 3: (6, 2, 2), 4: (6, 2, 2, 2)}
"""Largest degree along each axis, the first (dB/B0 by default) bends most.

Along dB/B0 a degree of 4 or 5 is good enough, along index and outer scale a parabola: what they
leave is the chaos of 24 skies. The 6 lets a cubic in dB/B0 stand beside a slope in the others.
"""

_INNER = 0.75
"""Half width of the box of the nodes inside, where the error is measured."""


def default_degrees(num_axes: int) -> tuple[int, ...]:
    """Return degrees of the polynomial for one to four axes; 2 along all of them beyond."""
    return _DEGREES.get(num_axes, (2,) * num_axes)


def default_num_nodes(num_axes: int) -> int:
    """Return a number of nodes: 12, or about 1.6 times that of the terms."""
    return max(12, round(1.6 * len(polynomial_terms(default_degrees(num_axes)))))


def design_nodes(num: int, degrees: tuple[int, ...]) -> Float[np.ndarray, "node axis"]:
    """Return nodes in -1 ... 1 on every axis, in rising order of the first.

    Three quarters of them are corners and Chebyshev points of a lattice, chosen one by one so
    that the determinant of the polynomial's normal matrix grows most; the others lie inside, on a
    Halton sequence. The lattice shares values of the slow axes, so that nodes share fields.

    Raises
    ------
    ValueError
        When ``num`` is below the number of terms plus two.

    Notes
    -----
    Source: greedy D-optimal design, Atkinson, Donev & Tobias (2007), ch. 12.
    """
    terms = polynomial_terms(degrees)
    check_range("design_nodes: num", num, len(terms) + 2)
    if len(degrees) == 1:
        return -np.cos(np.pi * np.arange(num) / (num - 1))[:, None]
    num_inner = num // 4
    lattice = _lattice(degrees)
    outer = lattice[_determinant_order(polynomial_matrix(lattice, terms), num - num_inner)]
    nodes = np.concatenate([outer, _inside(num_inner, len(degrees))])
    return nodes[np.lexsort(nodes.T[::-1])]


def _lattice(degrees: tuple[int, ...]) -> np.ndarray:
    """Return all products of Chebyshev-Lobatto points."""
    axes = [np.cos(np.pi * np.arange(d + 1) / d).round(12) for d in degrees]
    return np.array(list(itertools.product(*axes)))


def _inside(num: int, num_axes: int) -> np.ndarray:
    from scipy.stats import qmc

    return _INNER * (2 * qmc.Halton(num_axes, scramble=False).random(num + 1)[1:] - 1)


def _determinant_order(matrix: np.ndarray, num: int) -> list[int]:
    """Return rows chosen one by one, each by how much it adds to the determinant."""
    inverse = np.eye(matrix.shape[1]) * 1e6  # a ridge: the first rows have no determinant yet
    chosen: list[int] = []
    for _ in range(num):
        gain = np.einsum("ni,ij,nj->n", matrix, inverse, matrix)
        gain[chosen] = -1
        best = int(np.argmax(gain))
        chosen.append(best)
        row = inverse @ matrix[best]
        inverse = inverse - np.outer(row, row) / (1 + matrix[best] @ row)
    return chosen
