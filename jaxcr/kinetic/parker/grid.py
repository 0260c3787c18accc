"""Cells of the transport equation: in space, and in the logarithm of momentum."""

import abc

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxcr.arrays import Scalar, ScalarLike
from jaxcr.checks import as_float, check_positive, check_range, check_shape, is_concrete

Edges = Float[Array, " edge"]


class SpatialGrid(eqx.Module):
    """Cells in one, two or three coordinates, bounded by edges that may be unequally spaced.

    A divergence is the difference of area times flux over the volume, axis by axis.
    """

    edges: eqx.AbstractVar[tuple[Edges, ...]]

    @abc.abstractmethod
    def area(self, axis: int) -> Edges:
        """Return the area of the faces across ``axis``, up to a factor common to that axis."""

    @abc.abstractmethod
    def volume(self, axis: int) -> Float[Array, " cell"]:
        """Return the factor of the cells' volume that belongs to ``axis``."""

    @abc.abstractmethod
    def divergence_term(self, position: Float[Array, " axis"]) -> Float[Array, " axis"]:
        """Return d ln(area)/dx, by which a divergence exceeds the sum of derivatives, 1/pc."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of cells on each axis."""
        return tuple(x.shape[0] - 1 for x in self.edges)

    @property
    def dtype(self):
        """Floating type of the edges, in which everything is solved."""
        return self.edges[0].dtype

    def centers(self, axis: int) -> Float[Array, " cell"]:
        """Return the middles of the cells on one axis, pc."""
        return (self.edges[axis][1:] + self.edges[axis][:-1]) / 2

    def volumes(self) -> Float[Array, "..."]:
        """Return the volume of every cell."""
        total = jnp.ones((), self.dtype)
        for axis in range(len(self.shape)):
            total = jnp.multiply.outer(total, self.volume(axis))
        return total

    def cells(self) -> Float[Array, "... axis"]:
        """Return the middle of every cell, pc."""
        return _mesh([self.centers(axis) for axis in range(len(self.shape))])

    def faces(self, axis: int) -> Float[Array, "... axis"]:
        """Return the middle of every face across ``axis``, pc; one more than cells there."""
        others = [self.centers(other) for other in range(len(self.shape))]
        others[axis] = self.edges[axis]
        return _mesh(others)


class CartesianGrid(SpatialGrid):
    """Cells of a box in one, two or three coordinates.

    Parameters
    ----------
    edges
        Increasing edges of the cells on each axis in pc, at least three on each.

    Raises
    ------
    ValueError
        Unless there are one to three axes, each with three or more increasing edges.
    """

    edges: tuple[Edges, ...]

    def __init__(self, *edges: Edges):
        self.edges = tuple(as_float(x) for x in edges)
        check_range("CartesianGrid: number of axes", len(edges), 1, 3)
        for number, x in enumerate(self.edges):
            _check_edges(f"CartesianGrid: edges of axis {number}", x)

    def area(self, axis: int) -> Edges:
        """Return ones."""
        return jnp.ones_like(self.edges[axis])

    def volume(self, axis: int) -> Float[Array, " cell"]:
        """Return the widths of the cells."""
        return jnp.diff(self.edges[axis])

    def divergence_term(self, position: Float[Array, " axis"]) -> Float[Array, " axis"]:
        """Return zeros."""
        return jnp.zeros_like(position)


class SphericalGrid(SpatialGrid):
    """Shells about a centre: the distance from it is the only coordinate.

    Parameters
    ----------
    edges
        Increasing radii in pc, the first not negative.

    Raises
    ------
    ValueError
        Unless there are three or more increasing radii, none negative.
    """

    edges: tuple[Edges, ...]

    def __init__(self, edges: Edges):
        self.edges = (as_float(edges),)
        _check_edges("SphericalGrid: edges", self.edges[0])
        check_range("SphericalGrid: edges", self.edges[0], 0, remedy="Begin at 0, Reflecting().")

    def area(self, axis: int) -> Edges:
        """Return 4 pi r²."""
        return 4 * jnp.pi * self.edges[0] ** 2

    def volume(self, axis: int) -> Float[Array, " cell"]:
        """Return 4 pi/3 times the difference of r³, written without cancellation."""
        low, high = self.edges[0][:-1], self.edges[0][1:]
        return 4 * jnp.pi / 3 * (high - low) * (high**2 + high * low + low**2)

    def divergence_term(self, position: Float[Array, " axis"]) -> Float[Array, " axis"]:
        """Return 2/r."""
        return 2 / position


class MomentumGrid(eqx.Module):
    """Cells of equal width in ln p.

    Parameters
    ----------
    low, high
        Ends of the range, in any unit (PV for rigidity); 0 < low < high.
    num_cells
        At least 3; static.
    reference_index
        Power laws dN/dlnp ~ p^-index are carried along without error; the true slope should be
        near it. 1.7 is that of Galactic cosmic rays (f ~ p^-4.7), 1 that of strong shocks.
    continued
        Whether that power law goes on beyond the end at which particles enter the range, as
        for losses of a spectrum cut at ``high``; otherwise nobody enters. With diffusion in
        momentum, beyond both ends; otherwise N is zero there, like at ``FreeEscape``. Static.

    Raises
    ------
    ValueError
        If a momentum is not positive, the range is empty or there are fewer than three cells.
    """

    low: Scalar
    high: Scalar
    reference_index: Scalar
    num_cells: int = eqx.field(static=True)
    continued: bool = eqx.field(static=True)

    def __init__(
        self,
        low: ScalarLike,
        high: ScalarLike,
        num_cells: int,
        *,
        reference_index: ScalarLike = 1.7,
        continued: bool = False,
    ):
        self.low, self.high = as_float(low), as_float(high)
        self.reference_index = as_float(reference_index)
        self.num_cells, self.continued = num_cells, continued
        check_positive("MomentumGrid: high", self.high)
        if is_concrete(self.low, self.high):
            check_range("MomentumGrid: low", self.low, 0, float(self.high), ends="()")
        check_range("MomentumGrid: num_cells", num_cells, 3, remedy="Ten a decade will do.")

    @property
    def log_width(self) -> Scalar:
        """Width of a cell in ln p."""
        return jnp.log(self.high / self.low) / self.num_cells

    def edges(self) -> Edges:
        """Return the momenta between cells."""
        return self.low * jnp.exp(self._steps(self.num_cells + 1))

    def centers(self) -> Float[Array, " momentum"]:
        """Return the geometric mean of the edges of each cell."""
        return self.low * jnp.exp(self._steps(self.num_cells) + self.log_width / 2)

    def shape_at_edges(self) -> Edges:
        """Return (p/low)^-reference_index."""
        return jnp.exp(-self.reference_index * self._steps(self.num_cells + 1))

    def shape_in_cells(self) -> Float[Array, " momentum"]:
        """Return the means of that power law over ln p in each cell."""
        half = self.reference_index * self.log_width / 2
        small = jnp.abs(half) < 1e-4
        safe = jnp.where(small, 1, half)
        mean = jnp.where(small, 1 + half**2 / 6, jnp.sinh(safe) / safe)
        return mean * jnp.exp(-self.reference_index * self._steps(self.num_cells) - half)

    def _steps(self, num: int) -> Float[Array, " edge"]:
        return jnp.arange(num, dtype=self.low.dtype) * self.log_width


def _mesh(axes: list[Array]) -> Float[Array, "... axis"]:
    return jnp.stack(jnp.meshgrid(*axes, indexing="ij"), axis=-1)


def _check_edges(name: str, edges: Array) -> None:
    """Raise unless the edges are three or more and increase."""
    check_shape(name, edges, (edges.size,), remedy="One axis.")
    check_range(f"number of {name}", edges.size, 3, remedy="n cells have n + 1 edges.")
    if is_concrete(edges):
        check_positive(f"steps of {name}", np.diff(edges), remedy="Sort them, drop repeated ones.")
