"""Magnetic cubes in files, unread: shape, what the file states, samples piece by piece."""

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from jaxcr.checks import argument_error

Place = tuple[slice, slice, slice]
Opener = Callable[[], AbstractContextManager[Any]]
"""Opens what is sliced like an array: a memory map, an HDF5 dataset."""

Piece = tuple[Place, int | slice, np.ndarray]
"""Where it belongs, which component (or all), and values ``(x, y, z)`` or ``(x, y, z, 3)``."""

_PIECE_BYTES = 2**22
_ROUNDING = 1e-5


@dataclass(frozen=True)
class Cube:
    """Samples of B on a uniform mesh.

    ``stated`` is what the file records of unit (µG), spacing and origin (pc) and boundary;
    ``aspect`` the shape of a cell in the file's own unit of length. ``pieces`` reads.
    """

    shape: tuple[int, int, int]
    pieces: Callable[[], Iterator[Piece]]
    stated: dict[str, Any] = field(default_factory=dict)
    aspect: np.ndarray | None = None


def check_axes(axes: str, ndim: int, where: str) -> None:
    """Raise unless ``axes`` names x, y, z and perhaps c once each, one for each axis."""
    letters = "xyzc" if ndim == 4 else "xyz"
    if sorted(axes) != sorted(letters):
        raise argument_error(
            "read_field: axes",
            expected=f"the letters {', '.join(letters)} in the order of the axes in {where}",
            got=repr(axes),
            remedy="c is the axis of the three components: 'xyzc' for (nx, ny, nz, 3), "
            "'czyx' for (3, nz, ny, nx).",
        )


def cube_of_arrays(
    openers: Sequence[Opener],
    shape: tuple[int, ...],
    axes: str,
    stated: dict[str, Any] | None = None,
    aspect: np.ndarray | None = None,
) -> Cube:
    """Return the cube in one array of four axes, or in three of three, opened when they are read.

    Parameters
    ----------
    openers, shape
        One array, or those of Bx, By and Bz, and the shape of each.
    axes
        Letters x, y, z, and c for one array, in the order of its axes.
    """
    lengths = dict(zip(axes, shape, strict=True))
    order = [axes.index(a) for a in ("xyzc" if len(axes) == 4 else "xyz")]

    def pieces() -> Iterator[Piece]:
        for component, open_array in enumerate(openers):
            belongs = component if len(axes) == 3 else slice(0, 3)
            with open_array() as array:
                for index, place in _slabs(axes, lengths, itemsize=4 * lengths.get("c", 1)):
                    yield place, belongs, np.asarray(array[index]).transpose(order)

    return Cube((lengths["x"], lengths["y"], lengths["z"]), pieces, stated or {}, aspect)


def without_ends(cube: Cube, where: str) -> Cube:
    """Return a cube without the last plane of each axis; reading raises if it is not the first."""
    shape = tuple(max(1, n - 1) for n in cube.shape)

    def pieces() -> Iterator[Piece]:
        sides = [np.delete((*cube.shape, 3), axis) for axis in range(3)]
        faces = [np.zeros((2, *side), np.float32) for side in sides]
        for place, component, values in cube.pieces():
            starts = [x.start or 0 for x in place]
            for axis, start in enumerate(starts):
                across = (*place[:axis], *place[axis + 1 :], component)
                for side, index in enumerate((-start, cube.shape[axis] - 1 - start)):
                    if 0 <= index < values.shape[axis]:
                        faces[axis][side][across] = np.take(values, index, axis)
            x, y, z = (
                slice(i, min(i + n, m))
                for i, n, m in zip(starts, values.shape, shape, strict=False)
            )
            kept = values[tuple(slice(0, max(0, s.stop - s.start)) for s in (x, y, z))]
            if kept.size:
                yield (x, y, z), component, kept
        for letter, (first, last) in zip("xyz", faces, strict=True):
            if not np.abs(last - first).max() <= _ROUNDING * np.abs(first).max():
                raise argument_error(
                    "read_field: endpoint",
                    expected=f"a cube whose last planes are its first, in {where}",
                    got=f"other planes along {letter}",
                    remedy="Leave endpoint out: no plane is there twice.",
                )

    return dataclasses.replace(cube, shape=shape, pieces=pieces)


def _slabs(axes: str, lengths: dict[str, int], itemsize: int) -> Iterator[tuple[tuple, Place]]:
    """Return slabs across the slowest axis of space in the file: its index, its place in xyz."""
    slowest = next(a for a in axes if a != "c")
    others = np.prod([lengths[a] for a in "xyz" if a != slowest])
    thickness = max(1, int(_PIECE_BYTES // (itemsize * others)))
    for start in range(0, lengths[slowest], thickness):
        chosen = slice(start, min(start + thickness, lengths[slowest]))
        pick = {a: chosen if a == slowest else slice(None) for a in "xyzc"}
        yield tuple(pick[a] for a in axes), (pick["x"], pick["y"], pick["z"])
