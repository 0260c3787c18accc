"""A field sampled on a regular grid, interpolated by a stencil."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Bool, Float, Int, Shaped

from jaxcr.annotations import checked
from jaxcr.arrays import Scalar, ScalarLike, Vector
from jaxcr.checks import (
    as_float,
    check_finite,
    check_one_of,
    check_positive,
    check_range,
    is_concrete,
)
from jaxcr.compilation import gathers_want_barriers
from jaxcr.fields.boundaries import Boundary, Clamped, Periodic
from jaxcr.fields.field import Field, Lattice
from jaxcr.fields.seams import Seam, check_seams, seam
from jaxcr.fields.stencils import Linear, Stencil

_INT16_MAX = 32767
_INT32_MAX = 2**31 - 1


class GridField(Field):
    """B interpolated between samples on a regular grid.

    Parameters
    ----------
    samples
        B in µG, shape ``(nx, ny, nz, 3)``.
    spacing
        Cell size in pc: one number, or one for each axis.
    origin
        Corner of the box in pc; sample ``i`` sits at ``origin + (i + 1/2) spacing``.
    stencil
        ``Nearest()``, ``Linear()`` (default), ``CatmullRom()`` or ``CubicSpline()``.
    boundary
        What continues the field outside the box: ``Periodic()`` (default), ``Clamped()``,
        ``Mirrored()`` or ``ZeroOutside()``.
    storage
        Type the grid is kept in: ``jnp.float32``, ``jnp.float64``, or ``jnp.int16`` (scaled,
        error 1.5e-5 of the largest component). Default: the type of ``samples``.
    scale
        Factor on everything, differentiable also when the store is ``int16``.

    Raises
    ------
    ValueError
        When a shape is not the one above, ``spacing`` is not positive, or a sample is not finite
        (inside jit samples are not looked at).

    Notes
    -----
    One evaluation gathers one block of neighbours (8 or 64 vectors). Memory: the padded grid.
    The derivative by position of a trilinear field jumps at cell faces.
    """

    coefficients: Shaped[Array, "*time px py pz xyz=3"]
    scale: Scalar
    origin: Vector
    spacing: Vector
    stencil: Stencil
    boundary: Boundary
    number: Int[Array, ""] | None

    def __init__(
        self,
        samples: Float[Array, "nx ny nz xyz=3"],
        *,
        spacing: ScalarLike | Vector,
        origin: Vector,
        stencil: Stencil | None = None,
        boundary: Boundary | None = None,
        storage=None,
        scale: ScalarLike = 1.0,
    ):
        self.stencil = Linear() if stencil is None else stencil
        self.boundary = Periodic() if boundary is None else boundary
        check_samples("GridField", samples, periodic=isinstance(self.boundary, Periodic))
        self.origin = check_finite("GridField: origin", origin)
        self.spacing = as_cell("GridField: spacing", spacing, origin)
        storage = as_storage("GridField: storage", storage, samples.dtype)
        self.coefficients, quantum = _prepare(samples, self.stencil, self.boundary, storage)
        scale = as_float(check_finite("GridField: scale", scale))
        self.scale = quantum * scale.astype(quantum.dtype)
        self.number = None

    @property
    def shape(self) -> tuple[int, int, int]:
        """Samples on each axis."""
        extra = self.boundary.layers(self.stencil.before, self.stencil.after)
        nx, ny, nz, _ = self.coefficients.shape[-4:]
        return nx - extra, ny - extra, nz - extra

    @checked
    def __call__(self, position: Vector) -> Vector:
        """Return B in µG at ``position`` in pc."""
        return _value(self, position)

    @checked
    def interpolate(self, position: Vector) -> Vector:
        """Return B as the call does, with the derivatives that JAX finds by itself."""
        cell = self._cell(position)
        block, offset = self._block(self.boundary.fold(cell, self.shape))
        weights = self.stencil.weights(offset)
        for axis in range(3):
            block = _contract(weights, axis, block)
        share = self.boundary.share(cell, self.shape)
        if share is not None:
            block = share * block
        # Without the barrier XLA repeats the gather in every consumer: 2 to 7 times slower.
        return lax.optimization_barrier(self.scale.astype(position.dtype) * block)

    @checked
    def jacobian(self, position: Vector) -> Float[Array, "xyz=3 axis=3"]:
        """Return the derivative of B by position (µG/pc) from one gather.

        Where a stencil or a boundary has a kink, from above.
        """
        return self.value_and_jacobian(position)[1]

    @checked
    def value_and_jacobian(self, position: Vector) -> tuple[Vector, Float[Array, "xyz=3 axis=3"]]:
        """Return B (µG) and its derivative by position (µG/pc) from one gather."""
        dtype = position.dtype
        cell = self._cell(position)
        ones = jnp.ones_like(cell)
        folded, fold_slope = jax.jvp(lambda x: self.boundary.fold(x, self.shape), (cell,), (ones,))
        block, offset = self._block(folded)
        weights, slopes = jax.jvp(self.stencil.weights, (offset,), (ones,))
        derivatives: list[Array] = []
        for axis in range(3):
            derivatives = [_contract(weights, axis, x) for x in derivatives]
            derivatives.append(_contract(slopes, axis, block))
            block = _contract(weights, axis, block)
        jacobian = jnp.stack(derivatives, axis=-1) * (fold_slope / self.spacing.astype(dtype))[None]
        share = self.boundary.share(cell, self.shape)
        if share is not None:
            block, jacobian = share * block, share * jacobian
        scale = self.scale.astype(dtype)
        return lax.optimization_barrier((scale * block, scale * jacobian))

    def _cell(self, position: Vector) -> Vector:
        """Return the coordinate that counts samples."""
        dtype = position.dtype
        return (position - self.origin.astype(dtype)) / self.spacing.astype(dtype) - 0.5

    def _block(self, cell: Vector) -> tuple[Float[Array, "w w ..."], Vector]:
        """Return the coefficients around a folded coordinate, and its offset in the cell."""
        below = jnp.floor(cell)
        start = self.boundary.wrap(below.astype(jnp.int32), self.shape)
        width = self.stencil.before + self.stencil.after + 1
        coefficients = self.coefficients
        if self.number is not None:  # one of several grids, all on one axis: no grid is copied
            start = start.at[0].add(self.number * coefficients.shape[1])
            coefficients = coefficients.reshape(-1, *coefficients.shape[2:])
        if gathers_want_barriers() and coefficients.size < _INT32_MAX:
            block = _rows(coefficients, start, width)
        else:
            block = lax.dynamic_slice(
                coefficients, (*start, jnp.int32(0)), (width, width, width, 3)
            )
        return block.astype(cell.dtype), cell - below

    @checked
    def at(self, origin: Vector, spacing: Vector) -> "GridField":
        """Return the same samples in a box with another corner and cell (pc)."""
        return eqx.tree_at(lambda f: (f.origin, f.spacing), self, (origin, spacing))

    def pick(self, number: Int[Array, ""]) -> "GridField":
        """Return one of several grids that were stacked, every array with an axis in front."""
        rest = eqx.tree_at(lambda f: f.coefficients, self, None)
        return eqx.tree_at(
            lambda f: (f.coefficients, f.number),
            jax.tree.map(lambda x: x[number], rest),
            (self.coefficients, number),
            is_leaf=lambda x: x is None,
        )

    def max_strength(self) -> Scalar:
        """Return a bound of |B|: the largest coefficient times the stencil's overshoot."""
        squares = jnp.sum(jnp.square(self.coefficients.astype(self.scale.dtype)), axis=-1)
        return self.stencil.overshoot * jnp.abs(self.scale) * jnp.sqrt(jnp.max(squares))

    def lattice(self) -> Lattice:
        """Return the cells of the grid."""
        return Lattice(self.origin, self.spacing, self.shape)


@eqx.filter_custom_jvp
def _value(field: GridField, position: Vector) -> Vector:
    """Return B; its derivatives by position share one Jacobian, however many are asked for."""
    return field.interpolate(position)


@_value.def_jvp
def _value_jvp(primals, tangents):
    field, position = primals
    field_tangent, step = tangents
    if step is None:
        value, change = field.interpolate(position), None
    else:
        value, jacobian = field.value_and_jacobian(position)
        change = jacobian @ step
    if jax.tree.leaves(field_tangent):
        own = eqx.filter_jvp(lambda f: f.interpolate(position), (field,), (field_tangent,))[1]
        change = own if change is None else change + own
    return value, change


def as_storage(name: str, storage: Any, default: Any) -> np.dtype:
    """Return the type that samples are kept in; raise unless it is a floating one or int16."""
    try:
        dtype = jax.dtypes.canonicalize_dtype(default if storage is None else storage)
    except TypeError:
        dtype = None
    if dtype is None or not jnp.issubdtype(dtype, jnp.floating):
        kind = getattr(dtype, "name", str(storage))
        check_one_of(name, kind, ["int16", "float32", "float64"])
    return dtype


def as_cell(name: str, spacing: ScalarLike | Vector, origin: Vector) -> Vector:
    """Return the three sides of a cell; raise unless they are positive."""
    spacing = check_positive(name, spacing, remedy="Give the size of a cell in pc.")
    return jnp.broadcast_to(as_float(spacing).astype(origin.dtype), (3,))


def outside_samples(field: Field, position: Vector) -> Bool[Array, ""] | None:
    """Return whether ``position`` lies where a clamped grid within ``field`` only repeats itself.

    ``None`` when there is no such grid, which is known before tracing.
    """
    field = field.at_time(0.0)  # whose grids are there all the time
    grids = jax.tree.leaves(field, is_leaf=lambda x: isinstance(x, GridField))
    grids = [x for x in grids if isinstance(x, GridField) and isinstance(x.boundary, Clamped)]
    outside = None
    for grid in grids:
        origin, spacing = (x.astype(position.dtype) for x in (grid.origin, grid.spacing))
        box = spacing * jnp.array(grid.shape, position.dtype)
        beyond = jnp.any((position < origin) | (position > origin + box))
        outside = beyond if outside is None else outside | beyond
    return outside


def _rows(coefficients: Shaped[Array, "px py pz xyz=3"], start, width: int) -> Array:
    """Return the block from ``start`` on, z and the component on one axis, behind a barrier."""
    _, py, pz, _ = coefficients.shape
    x, y, z = start
    # Behind a barrier, else every element of every row would work it out again.
    first = lax.optimization_barrier((x * py + y) * pz + z)
    ahead = np.arange(width)
    rows = 3 * first + jnp.asarray(3 * pz * (ahead[:, None] * py + ahead).ravel(), jnp.int32)
    flat = coefficients.reshape(-1)
    block = jax.vmap(lambda i: lax.dynamic_slice(flat, (i,), (3 * width,)))(rows)
    return lax.optimization_barrier(block).reshape(width, width, 3 * width)


def _contract(weights: list[Vector], axis: int, block: Float[Array, "w ..."]) -> Array:
    """Return the sum over the leading axis of a block, weighted for that axis of space."""
    if axis == 2:
        block = block.reshape(len(weights), 3)
    return sum(w[axis] * block[i] for i, w in enumerate(weights))


def check_samples(name: str, samples: Float[Array, "nx ny nz xyz=3"], *, periodic: bool) -> None:
    """Raise when a number is known that is not finite, or a periodic cube repeats a plane."""
    check_range(f"{name}: samples", samples.size, 1, expected="one sample or more")
    if not is_concrete(samples):
        return
    with jax.ensure_compile_time_eval():
        finite, seams = _look_at(samples)
    if not bool(finite):
        bad = ~np.isfinite(np.asarray(samples)).all(axis=-1)
        check_finite(
            f"{name}: samples",
            np.where(bad, np.nan, 0),
            expected=f"finite numbers instead of {np.count_nonzero(bad)} of {bad.size} samples",
            remedy="Repair them or cut them away: one would spread through a spline.",
        )
    if periodic:
        check_seams(f"{name}: samples", [Seam(*x) for x in np.asarray(seams, float)], "")


@jax.jit
def _look_at(samples: Float[Array, "nx ny nz xyz=3"]) -> tuple[Bool[Array, ""], Array]:
    """Return whether no sample is nan or infinite, and the seams, without large arrays."""
    seams = [jnp.stack([jnp.asarray(x, samples.dtype) for x in seam(samples, i)]) for i in range(3)]
    return jnp.all(jnp.isfinite(samples)), jnp.stack(seams)


@eqx.filter_jit
def _prepare(
    samples: Float[Array, "nx ny nz xyz=3"], stencil: Stencil, boundary: Boundary, storage
) -> tuple[Shaped[Array, "px py pz xyz=3"], Scalar]:
    """Return the padded coefficients as they are kept, and the factor that undoes the scaling."""
    if boundary.is_periodic:
        coefficients = boundary.pad(stencil.prefilter(samples), stencil.before, stencil.after)
    else:
        # Filters go round in circles: beyond their reach that is not felt.
        reach = stencil.reach
        far = boundary.pad(samples, stencil.before + reach, stencil.after + reach)
        coefficients = stencil.prefilter(far)
        coefficients = coefficients[tuple(slice(reach, n - reach) for n in far.shape[:3])]
    return store(coefficients, storage)


def store(coefficients: Float[Array, "..."], dtype) -> tuple[Shaped[Array, "..."], Scalar]:
    """Return the coefficients in the asked type, and the factor that undoes the scaling."""
    working = coefficients.dtype
    if jnp.issubdtype(dtype, jnp.floating):
        return coefficients.astype(dtype), jnp.ones((), working)
    largest = jnp.max(jnp.abs(coefficients))
    quantum = jnp.where(largest > 0, largest, jnp.ones((), working)) / _INT16_MAX
    return jnp.round(coefficients / quantum).astype(jnp.int16), quantum
