"""A coarse copy of a stencil's matrix, whose solution removes what line solves leave: slow modes.

Blocks of cells are taken as one, with the sum of their rows; the small matrix is inverted once.
"""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from jaxcr.kinetic.parker.stencils import Stencil

_MOST = {1: 256, 2: 16, 3: 7}
"""Blocks along each axis, for so many axes: some hundred unknowns in all."""


class CoarseInverse(eqx.Module):
    """The inverse of the matrix between blocks.

    Attributes
    ----------
    inverse
        One row and column for each block.
    block
        The block of each cell.
    """

    inverse: Float[Array, "block block"]
    block: Int[Array, "..."]

    def __call__(self, values: Float[Array, "..."]) -> Float[Array, "..."]:
        """Return, constant in each block, the solution for the sums of values in the blocks."""
        sums = jnp.zeros(self.inverse.shape[0], values.dtype).at[self.block].add(values)
        return (self.inverse @ sums)[self.block]


def coarse_inverse(stencil: Stencil) -> CoarseInverse:
    """Return the inverse of the sums of a stencil's coefficients from block to block."""
    shape = stencil.coefficients.shape[1:]
    most = _MOST[len(shape)]
    counts = [min(num, most) for num in shape]
    places = np.indices(shape)
    parts = [place * count // num for place, count, num in zip(places, counts, shape, strict=True)]
    block = np.ravel_multi_index(parts, counts)
    matrix = jnp.zeros((int(np.prod(counts)),) * 2, stencil.coefficients.dtype)
    for coefficient, offset in zip(stencil.coefficients, stencil.offsets, strict=True):
        # cells beyond the ends have no coefficient; their block may be any
        moved = [
            np.clip(place + o, 0, num - 1)
            for place, o, num in zip(places, offset, shape, strict=True)
        ]
        other = block[tuple(moved)]
        matrix = matrix.at[block.ravel(), other.ravel()].add(coefficient.ravel())
    return CoarseInverse(jnp.linalg.inv(matrix), jnp.asarray(block))
