"""The matrix of the scheme in space: read off the fluxes by probing, applied as a stencil."""

import itertools
from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

Offset = tuple[int, ...]


class Stencil(eqx.Module):
    """A matrix that couples each cell with a few neighbours: y_i = sum_o c_oi x_(i + o).

    Attributes
    ----------
    coefficients
        One for each offset and cell.
    offsets
        Static.
    """

    coefficients: Float[Array, "offset ..."]
    offsets: tuple[Offset, ...] = eqx.field(static=True)

    def __call__(self, values: Float[Array, "..."]) -> Float[Array, "..."]:
        """Return the product with the matrix."""
        reach = max(max(map(abs, offset)) for offset in self.offsets)
        padded = jnp.pad(values, reach)
        total = jnp.zeros_like(values)
        for coefficient, offset in zip(self.coefficients, self.offsets, strict=True):
            start = [reach + o for o in offset]
            stop = [reach + o + n for o, n in zip(offset, values.shape, strict=True)]
            total = total + coefficient * jax.lax.slice(padded, start, stop)
        return total

    def plus_diagonal(self, diagonal: Float[Array, "..."]) -> "Stencil":
        """Return the matrix with a diagonal one added."""
        middle = self.offsets.index((0,) * diagonal.ndim)
        return Stencil(self.coefficients.at[middle].add(diagonal), self.offsets)


def probe(operator: Callable[[Array], Array], shape: tuple[int, ...], reach: int, dtype) -> Stencil:
    """Return the matrix of a linear operator that couples near neighbours only.

    Each column is needed once, and columns whose rows do not overlap are found together: one
    application for each place in a cube of 2 reach + 1 cells.

    Parameters
    ----------
    operator
        Linear, with coupling up to ``reach`` cells along an axis and one cell diagonally.
    """
    period = 2 * reach + 1
    indices = np.indices(shape)
    places = np.zeros(shape, np.int64)
    for index in indices:
        places = places * period + index % period
    columns = jax.lax.map(
        lambda place: operator((jnp.asarray(places) == place).astype(dtype)),
        jnp.arange(period ** len(shape)),
    )
    offsets = _offsets(len(shape), reach)
    rows = []
    for offset in offsets:
        neighbour = [index + o for index, o in zip(indices, offset, strict=True)]
        inside = np.all([(x >= 0) & (x < n) for x, n in zip(neighbour, shape, strict=True)], axis=0)
        place = np.zeros(shape, np.int64)
        for x in neighbour:
            place = place * period + x % period
        found = jnp.take_along_axis(columns, place[None], axis=0)[0]
        rows.append(jnp.where(inside, found, 0))
    return Stencil(jnp.stack(rows), offsets)


def _offsets(ndim: int, reach: int) -> tuple[Offset, ...]:
    """Return the offsets along the axes, and one cell diagonally in each plane."""
    cube = itertools.product(range(-reach, reach + 1), repeat=ndim)
    return tuple(
        offset
        for offset in cube
        if np.count_nonzero(offset) < 2
        or (np.count_nonzero(offset) == 2 and max(map(abs, offset)) == 1)
    )
