"""Implicit solves in space and momentum together, where particles diffuse in momentum."""

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from jaxcr.kinetic.parker.cells import ParkerCells, SpatialCells, along
from jaxcr.kinetic.parker.lines import LineMatrix, LineSweep, iterate, line_matrices
from jaxcr.kinetic.parker.momentum import momentum_lines
from jaxcr.kinetic.parker.stencils import probe


class BlockInverse(eqx.Module):
    """The inverse of a matrix that couples all cells of space, and neighbours in momentum.

    Attributes
    ----------
    inverse
        Of the blocks on the diagonal, with the momenta below eliminated.
    lower, upper
        What couples a cell to the momentum below and above.
    """

    inverse: Float[Array, "momentum cell cell"]
    lower: Float[Array, "momentum cell"]
    upper: Float[Array, "momentum cell"]

    def __init__(self, blocks: Float[Array, "momentum cell cell"], line: LineMatrix):
        self.lower, self.upper = (x.reshape(blocks.shape[:2]) for x in (line.lower, line.upper))

        def eliminate(below, row):
            block, lower, upper_of_below = row
            inverse = jnp.linalg.inv(block - lower[:, None] * below * upper_of_below[None])
            return inverse, inverse

        before = jnp.concatenate([self.upper[-1:], self.upper[:-1]])  # the last is zero
        rows = (blocks, self.lower, before)
        _, self.inverse = lax.scan(eliminate, jnp.zeros_like(blocks[0]), rows)

    def __call__(self, values: Float[Array, "momentum ..."]) -> Float[Array, "momentum ..."]:
        """Return the solution."""

        def eliminate(below, row):
            inverse, lower, value = row
            found = inverse @ (value - lower * below)
            return found, found

        def insert(above, row):
            inverse, upper, found = row
            found = found - inverse @ (upper * above)
            return found, found

        rows = values.reshape(self.lower.shape)
        none = jnp.zeros_like(rows[0])
        _, found = lax.scan(eliminate, none, (self.inverse, self.lower, rows))
        _, found = lax.scan(insert, none, (self.inverse, self.upper, found), reverse=True)
        return found.reshape(values.shape)


def solve_coupled(
    cells: ParkerCells,
    operators: tuple[Callable[[SpatialCells, Array], Array], Callable[[Array], Array]],
    sink: Array,
    values: Array,
    *,
    steady: bool,
    guess: Array,
    direct_cells: int,
) -> Array:
    """Return the density whose outflow in space and momentum plus sink balances the values.

    In densities over the reference power law: by elimination of one momentum after the other, or
    by GMRES with solves along lines as preconditioner. Where the operators are of higher order
    than lines and blocks know, elimination too is a preconditioner.

    Parameters
    ----------
    operators
        In space at one momentum, as in ``solve_space``, and in momentum.
    sink, values, guess
        (momentum, ...).
    steady
        Whether the operators are those of the steady state, with advection in space, which couples
        two cells along an axis, and with ``sharpened`` in momentum.
    direct_cells
        Most cells in space for elimination.
    """
    in_space, in_momentum = operators
    shape = along(cells.cell_shape, 0, values.ndim)
    homogeneous, axes = cells.space.homogeneous(), (cells.space.over_momenta(), 0)
    fixed, sinks, line = lax.stop_gradient((homogeneous, sink, momentum_lines(cells, sharp=steady)))
    sinks = sinks + line.diagonal

    def product(scaled):
        moved = jax.vmap(in_space, in_axes=axes)(homogeneous, scaled)
        return moved + sink * scaled + in_momentum(scaled * shape) / shape

    def block(space, sink):
        columns = jnp.eye(sink.size, dtype=sink.dtype).reshape(-1, *sink.shape)
        images = jax.vmap(lambda x: in_space(space, x) + sink * x)(columns)
        return images.reshape(sink.size, -1).T

    def sweep(space, sink):
        lines = line_matrices(space, sink, advection=steady)
        if sink.ndim == 1 and not steady:  # the line is all of space
            return lines
        stencil = probe(lambda x: in_space(space, x), sink.shape, 1 + steady, sink.dtype)
        return LineSweep(stencil.plus_diagonal(sink), lines)

    direct = sink[0].size <= direct_cells
    if direct:
        blocks = jax.vmap(block, in_axes=axes)(fixed, sinks)
        nearly = BlockInverse(blocks, line)
        diagonal = jnp.diagonal(blocks, axis1=1, axis2=2).reshape(sinks.shape)
    else:
        sweeps = jax.vmap(sweep, in_axes=axes)(fixed, sinks)
        diagonal = (sweeps[0] if isinstance(sweeps, tuple) else sweeps.lines[0]).diagonal
        line = eqx.tree_at(lambda x: x.diagonal, line, diagonal)

        def nearly(residual):
            if isinstance(sweeps, tuple):
                found = sweeps[0].solve(residual, 1)
            else:
                found = jax.vmap(lambda s, x: s(x))(sweeps, residual)
            return found + line.solve(residual - product(found), 0)

    start = lax.stop_gradient(guess) / shape
    exact = direct and not steady
    return shape * iterate(product, nearly, values / shape, start, diagonal, exact=exact)
