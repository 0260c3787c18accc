"""Implicit solves in space: directly on small grids, along lines and iteratively on large."""

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
import lineax
import numpy as np
from jax import lax
from jaxtyping import Array

from jaxcr.kinetic.parker.cells import SpatialCells, along, closed_faces
from jaxcr.kinetic.parker.coarse import CoarseInverse, coarse_inverse
from jaxcr.kinetic.parker.stencils import Stencil, probe

_RTOL = 1e-12  # in float64; not below some tens of roundings
_RESTART = 30  # Krylov vectors kept
_MAX_RESTARTS = 60


class LineMatrix(eqx.Module):
    """A tridiagonal matrix along one axis, for every line of cells."""

    lower: Array
    diagonal: Array
    upper: Array

    def solve(self, values: Array, axis: int) -> Array:
        """Return the solution for right-hand sides of the shape of the cells."""
        parts = [jnp.moveaxis(x, axis, -1) for x in (self.lower, self.diagonal, self.upper, values)]
        return jnp.moveaxis(
            lax.linalg.tridiagonal_solve(*parts[:3], parts[3][..., None])[..., 0], -1, axis
        )


class LineSweep(eqx.Module):
    """Nearly the inverse of a stencil: solves along the lines of each axis, then on coarse blocks.

    Each acts on what the last has left.
    """

    stencil: Stencil
    lines: tuple[LineMatrix, ...]
    coarse: CoarseInverse

    def __init__(self, stencil: Stencil, lines: tuple[LineMatrix, ...]):
        self.stencil, self.lines = stencil, lines
        self.coarse = coarse_inverse(stencil)

    def __call__(self, residual: Array) -> Array:
        """Return what solves nearly for the residual."""
        found = self.lines[0].solve(residual, 0)
        for axis, line in enumerate(self.lines[1:], start=1):
            found = found + line.solve(residual - self.stencil(found), axis)
        return found + self.coarse(residual - self.stencil(found))


def line_matrices(
    cells: SpatialCells, sink: Array, *, advection: bool = True
) -> tuple[LineMatrix, ...]:
    """Return a first-order, upwind approximation of ``outflow`` plus a sink, one for each axis.

    Each couples neighbours along its own axis and has the diagonal of all.
    """
    ndim = sink.ndim
    coupled = [_couplings(cells, axis, ndim, advection) for axis in range(ndim)]
    diagonal = sink
    for _, own, _ in coupled:
        diagonal = diagonal + own
    return tuple(LineMatrix(low, diagonal, high) for low, _, high in coupled)


def solve_space(
    operator: Callable[[Array], Array],
    sink: Array,
    values: Array,
    *,
    matrices: Callable[[], tuple[LineMatrix, ...]],
    reach: int,
    guess: Array,
    direct_cells: int,
) -> Array:
    """Return the x with operator(x) + sink x = values.

    By LU, or by GMRES preconditioned with ``LineSweep``. Derivatives by the implicit function
    theorem.

    Parameters
    ----------
    operator
        Linear, with coupling up to ``reach`` cells along an axis and one cell diagonally.
    matrices
        A tridiagonal approximation of the whole for each axis.
    guess
        Where the iteration starts.
    direct_cells
        Most cells for LU.
    """
    if values.size <= direct_cells:
        return _solve_directly(operator, sink, values)
    stencil = probe(operator, values.shape, reach, values.dtype).plus_diagonal(sink)
    sweep = LineSweep(lax.stop_gradient(stencil), matrices())
    return iterate(stencil, sweep, values, lax.stop_gradient(guess), sweep.lines[0].diagonal)


def _solve_directly(operator: Callable[[Array], Array], sink: Array, values: Array) -> Array:
    """Return the solution by LU of the matrix whose columns are those of the operator.

    Not through lineax, whose derivative raises on values that an optimiser tries and rejects.
    """
    columns = jnp.eye(values.size, dtype=values.dtype).reshape(-1, *values.shape)
    images = jax.vmap(lambda x: operator(x) + sink * x)(columns)
    matrix = images.reshape(values.size, -1).T
    return jnp.linalg.solve(matrix, values.reshape(-1)).reshape(values.shape)


def iterate(
    operator: Callable[[Array], Array],
    preconditioner: Callable[[Array], Array],
    values: Array,
    guess: Array,
    diagonal: Array,
    *,
    exact: bool = False,
) -> Array:
    """Return the solution of operator(x) = values by preconditioned GMRES.

    Rows are divided by ``diagonal``, and what the guess leaves by its largest value, so that the
    tolerance is relative. The derivative is JAX's of a linear solve: lineax's raises on values
    that an optimiser tries and rejects. An ``exact`` preconditioner needs no iteration.
    """
    structure = eqx.filter_eval_shape(lambda: values)
    rtol = max(_RTOL, 50 * float(jnp.finfo(values.dtype).eps))
    method = lineax.GMRES(rtol=rtol, atol=rtol, restart=_RESTART, max_steps=_MAX_RESTARTS)
    nearly = lineax.FunctionLinearOperator(lambda x: preconditioner(x * diagonal), structure)

    def solve_with(nearly):
        def solve(product, right):
            if exact:
                return nearly.mv(right)
            size = jnp.max(jnp.abs(right))
            size = jnp.where(size > 0, size, 1)
            matrix = lineax.FunctionLinearOperator(product, structure)
            options = {"preconditioner": nearly}
            found = lineax.linear_solve(matrix, right / size, method, options=options, throw=False)
            return found.value * size

        return solve

    def product(x):
        return operator(x) / diagonal

    left = values / diagonal - product(guess)
    return guess + lax.custom_linear_solve(
        product, left, solve_with(nearly), solve_with(nearly.transpose())
    )


def _couplings(cells: SpatialCells, axis: int, ndim: int, advection: bool):
    """Return what the cell before, the cell itself and the cell after contribute to its outflow."""
    metric = cells.metrics[axis]
    speed = cells.speed[axis] if advection else jnp.zeros_like(cells.speed[axis])
    conductance = cells.tensor[axis][..., axis] / along(metric.distance, axis, ndim)
    area = along(metric.area, axis, ndim)
    num = speed.shape[axis]
    shut = closed_faces(cells.closed[axis], axis, speed.shape)
    forward = jnp.where(shut, 0, area * (jnp.maximum(speed, 0) + conductance))
    backward = jnp.where(shut, 0, area * (jnp.minimum(speed, 0) - conductance))
    volume = along(metric.volume, axis, ndim)

    def at(values, start, stop):
        return lax.slice_in_dim(values, start, stop, axis=axis) / volume

    lower, upper = -at(forward, 0, num - 1), at(backward, 1, num)
    diagonal = at(forward, 1, num) - at(backward, 0, num - 1)
    places = np.arange(num - 1).reshape([-1 if a == axis else 1 for a in range(ndim)])
    first, last = places == 0, places == num - 2
    low, high = cells.mirrors[axis]
    # the cells beyond the ends are multiples of the first and the last
    diagonal = diagonal + jnp.where(first, low * lower, 0) + jnp.where(last, high * upper, 0)
    return jnp.where(first, 0, lower), diagonal, jnp.where(last, 0, upper)
