"""Wave vectors: those of a box, random ones, and the directions along and across them."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from jaxcr.arrays import Scalar, Vector

_ON_AXIS = 1e-3
"""Of a cell of k, and of a right angle: rounding of a wave vector stays far below."""


class Parts(NamedTuple):
    """Wave vectors along and across an axis, with the widths of a cell of k in both directions.

    Off an axis or a plane by rounding only counts as zero.
    """

    along: Float[Array, "..."]
    across: Float[Array, "..."]
    width_along: Scalar
    width_across: Float[Array, "..."]


def wave_vectors(shape: tuple[int, int, int], spacing: Vector) -> Float[Array, "kx ky kz xyz=3"]:
    """Return the wave vectors (1/pc) of a real Fourier transform of the grid."""
    frequencies = [jnp.fft.fftfreq(n, dtype=spacing.dtype) for n in shape[:2]]
    frequencies.append(jnp.fft.rfftfreq(shape[2], dtype=spacing.dtype))
    axes = [2 * jnp.pi * f / spacing[i] for i, f in enumerate(frequencies)]
    return jnp.stack(jnp.meshgrid(*axes, indexing="ij"), axis=-1)


def lengths(
    vector: Float[Array, "... xyz=3"], cell: Vector
) -> tuple[Float[Array, "..."], Float[Array, "..."]]:
    """Return the size of each vector, and the width of a cell of k along it."""
    squares = vector**2
    total = jnp.sum(squares, axis=-1)
    smallest = jnp.min(cell)
    zero = total < (_ON_AXIS * smallest) ** 2
    safe = jnp.where(zero, 1, total)
    squared_width = jnp.sum(squares * _row(cell, vector) ** 2, axis=-1) / safe
    width = jnp.sqrt(jnp.where(zero, smallest**2, squared_width))
    return jnp.where(zero, 0, jnp.sqrt(safe)), width


def split(wave_vector: Float[Array, "... xyz=3"], axis: Vector, cell: Vector) -> Parts:
    """Return the parts of wave vectors along and across an axis."""
    row = _row(axis, wave_vector)
    along = jnp.sum(wave_vector * row, axis=-1)
    across, width_across = lengths(wave_vector - along[..., None] * row, cell)
    width_along = jnp.linalg.norm(row.ravel() * cell)
    along = jnp.where(jnp.abs(along) < _ON_AXIS * width_along, 0, along)
    return Parts(along, across, width_along, width_across)


def sphere(key: Key[Array, ""], like: Float[Array, " wave"]) -> Float[Array, "wave xyz=3"]:
    """Return unit vectors uniform on the sphere."""
    cosine, turn = 2 * jax.random.uniform(key, (2, *like.shape), like.dtype) - 1
    sine, turn = jnp.sqrt(1 - cosine**2), jnp.pi * turn
    return jnp.stack([sine * jnp.cos(turn), sine * jnp.sin(turn), cosine], axis=1)


def circle(
    key: Key[Array, ""], axis: Vector, like: Float[Array, " wave"]
) -> Float[Array, "wave xyz=3"]:
    """Return unit vectors uniform on the circle across the axis."""
    first = perpendicular(axis.astype(like.dtype))
    second = jnp.cross(axis.astype(like.dtype), first)
    angle = 2 * jnp.pi * jax.random.uniform(key, (like.shape[0], 1), like.dtype)
    return jnp.cos(angle) * first[None] + jnp.sin(angle) * second[None]


def perpendicular(axis: Vector) -> Vector:
    """Return a unit vector across the axis."""
    other = jnp.eye(3, dtype=axis.dtype)[jnp.argmin(jnp.abs(axis))]
    first = jnp.cross(axis, other)
    return first / jnp.linalg.norm(first)


def transverse_frame(
    axis: Vector, wave_vector: Float[Array, "... xyz=3"]
) -> tuple[Float[Array, "... xyz=3"], Float[Array, "... xyz=3"], Float[Array, "... xyz=3"]]:
    """Return unit vectors along k, along axis × k (toroidal), and across both (poloidal).

    Along the axis, where axis × k has no direction, one is chosen.
    """
    row = _row(axis, wave_vector)
    square = jnp.sum(wave_vector**2, axis=-1, keepdims=True)
    outward = wave_vector / jnp.sqrt(jnp.where(square > 0, square, 1))
    turned = jnp.cross(row, outward)
    sine = jnp.sum(turned**2, axis=-1, keepdims=True)
    lost = sine < _ON_AXIS**2
    toroidal = jnp.where(
        lost,
        _row(perpendicular(row.ravel()), wave_vector),
        turned / jnp.sqrt(jnp.where(lost, 1, sine)),
    )
    return outward, toroidal, jnp.cross(toroidal, outward)


def _row(vector: Vector, like: Float[Array, "... xyz=3"]) -> Float[Array, "... xyz=3"]:
    """Return a vector with as many axes as an array of them, and its type."""
    return vector.astype(like.dtype).reshape((1,) * (like.ndim - 1) + (3,))
