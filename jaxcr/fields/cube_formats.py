"""Cubes as simulation codes write them: The Well, Athena++, FLASH, FITS, CRPropa."""

import math
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from functools import partial
from typing import Any

import h5py
import numpy as np

from jaxcr.checks import argument_error
from jaxcr.fields.boundaries import Periodic
from jaxcr.fields.cubes import Cube, Piece, check_axes, cube_of_array, cube_of_components
from jaxcr.fields.files import Mapped, Path, blaming, open_dataset
from jaxcr.untrusted.fits import open_fits
from jaxcr.untrusted.hdf5 import attribute, checked_dataset, find, small_array
from jaxcr.untrusted.sizes import shortened

_WELL_FIELD = "t1_fields/magnetic_field"
_FLASH_FIELDS = ("magx", "magy", "magz")
_MOST_LEVELS = 30
_MOST_CELLS = 2**31
"""On one axis."""


def is_well(file: h5py.File) -> bool:
    """Return whether an HDF5 file follows The Well's layout and holds a magnetic field."""
    return _has(file, _WELL_FIELD, "dimensions")


def well_cube(path: Path, file: h5py.File, frame: tuple[int, int] | None) -> Cube:
    """Return one time of one run of a file of The Well (CATS cubes are among them).

    Source: https://polymathic-ai.org/the_well/data_format.
    """
    shape = checked_dataset(file, _WELL_FIELD).shape
    if len(shape) != 6 or shape[-1] != 3 or 0 in shape:
        raise _unexpected(path, f"{_WELL_FIELD} of shape (run, time, nx, ny, nz, 3)", shape)
    run, time = _chosen_frame(shape[:2], frame)
    dimensions = find(file, "dimensions")
    names = [_text(x) for x in attribute(dimensions, "spatial_dims")]
    check_axes("".join(names), 3, str(path))
    aspect = np.ones(3)
    for name, num in zip(names, shape[2:5], strict=True):
        coordinates = np.ravel(small_array(dimensions, name))[:num]
        aspect["xyz".index(name)] = _uniform_step(path, name, coordinates)
    conditions = find(file, "boundary_conditions")
    groups = [find(conditions, name) for name in conditions or ()]
    kinds = {_text(attribute(x, "bc_type")).lower() for x in groups if x is not None}
    stated = {"boundary": Periodic()} if kinds == {"periodic"} else {}
    cube = cube_of_array(
        partial(_open_frame, path, run, time), shape[2:], "".join(names) + "c", **stated
    )
    return Cube(cube.shape, cube.pieces, cube.stated, aspect)


def is_athena(file: h5py.File) -> bool:
    """Return whether an HDF5 file is an Athena++ output."""
    return "NumMeshBlocks" in file.attrs and _has(file, "LogicalLocations")


def athena_cube(path: Path, file: h5py.File) -> Cube:
    """Return the cell-centred field of an Athena++ .athdf file on a uniform Cartesian mesh."""
    levels = small_array(file, "Levels", int)
    if _text(attribute(file, "Coordinates")) != "cartesian" or np.any(levels != levels[0]):
        raise _unexpected(path, "a uniform Cartesian mesh", "a refined or curvilinear one")
    if not 0 <= levels[0] <= _MOST_LEVELS:
        raise _unexpected(path, f"a level from 0 to {_MOST_LEVELS}", levels[0])
    homes = _athena_homes(path, file)
    block = _lengths(path, "MeshBlockSize", attribute(file, "MeshBlockSize"))
    root = _lengths(path, "RootGridSize", attribute(file, "RootGridSize"))
    shape = root * 2 ** int(levels[0])
    corners = small_array(file, "LogicalLocations", int) * block
    edges = [np.asarray(attribute(file, f"RootGridX{i}"), float) for i in (1, 2, 3)]
    if not all(abs(x[2] - 1) <= 1e-6 for x in edges):
        raise _unexpected(path, "evenly spaced cells", "cells that grow along an axis")
    _check_cover(path, corners, block, shape)
    for name in {name for name, _ in homes}:
        _check_blocks(path, name, checked_dataset(file, name).shape[1:], len(corners), block)

    def pieces() -> Iterator[Piece]:
        for component, (name, row) in enumerate(homes):
            with open_dataset(path, name) as stored:
                for number, corner in enumerate(corners):
                    values = np.asarray(stored[row, number]).transpose(2, 1, 0)
                    yield _place(corner, block), component, values

    aspect = np.array([(x[1] - x[0]) / n for x, n in zip(edges, shape, strict=True)])
    return Cube(_three(shape), pieces, {}, _cell(path, aspect))


def is_flash(file: h5py.File) -> bool:
    """Return whether an HDF5 file is a FLASH output with a magnetic field."""
    return _has(file, "bounding box", *_FLASH_FIELDS)


def flash_cube(path: Path, file: h5py.File) -> Cube:
    """Return the field of a FLASH plot file or checkpoint whose leaf blocks are alike."""
    bounds = small_array(file, "bounding box")
    leaves = np.arange(len(bounds))
    if _has(file, "node type"):
        leaves = np.flatnonzero(small_array(file, "node type", int) == 1)
    stored_shape = checked_dataset(file, _FLASH_FIELDS[0]).shape
    block = _lengths(path, _FLASH_FIELDS[0], stored_shape[:0:-1])
    for name in _FLASH_FIELDS:
        _check_blocks(path, name, checked_dataset(file, name).shape, len(bounds), block)
    sizes = (bounds[leaves, :, 1] - bounds[leaves, :, 0]) / block
    cell = _cell(path, sizes[0])
    if not np.ptp(sizes, axis=0).max() <= 1e-6 * sizes.max():
        raise _unexpected(path, "a uniform mesh", "leaf blocks of several sizes")
    low = bounds[leaves, :, 0].min(axis=0)
    ends = np.rint((bounds[leaves, :, 1].max(axis=0) - low) / cell)
    shape = _lengths(path, "bounding box", ends)
    corners = np.rint((bounds[leaves, :, 0] - low) / cell).astype(int)
    _check_cover(path, corners, block, shape)

    def pieces() -> Iterator[Piece]:
        for component, name in enumerate(_FLASH_FIELDS):
            with open_dataset(path, name) as stored:
                for leaf, corner in zip(leaves, corners, strict=True):
                    values = np.asarray(stored[leaf]).transpose(2, 1, 0)
                    yield _place(corner, block), component, values

    return Cube(_three(shape), pieces, {}, cell)


def fits_cube(paths: Sequence[Path], axes: str) -> Cube:
    """Return three FITS images, one for each component: in three files, or in one.

    By custom the first axis of an image (the last in NumPy) is x: axes "zyx".
    """
    images: list[tuple[Path, int]] = []
    shapes = []
    for path in paths:
        with blaming(path), open_fits(path, memmap=True) as units:
            for number, unit in enumerate(units):
                if unit.header.get("NAXIS", 0) == 3:
                    images.append((path, number))
                    shapes.append(unit.shape)
    where = ", ".join(map(str, paths))
    if len(images) != 3 or len(set(shapes)) != 1 or 0 in shapes[0]:
        raise _unexpected(
            where, "three images of one shape, Bx, By, Bz", f"images {shortened(shapes)}"
        )
    check_axes(axes, 3, where)
    openers = [partial(_open_image, path, number) for path, number in images]
    return cube_of_components(openers, shapes[0], axes)


def raw_cube(path: Path, shape: tuple[int, int, int]) -> Cube:
    """Return bare float32 triplets, z fastest, as CRPropa's dumpGrid writes them."""
    if len(shape) != 3 or min(shape) < 1:
        raise argument_error(
            "read_field: shape",
            expected="three numbers of cells",
            got=tuple(shape),
            remedy="Give nx, ny, nz.",
        )
    expected = math.prod(shape) * 12
    with blaming(path):
        size = os.path.getsize(path)
    if size != expected:
        raise argument_error(
            "read_field: shape",
            expected=f"cells × 12 bytes = the {size} bytes of {path}",
            got=f"{tuple(shape)}, {expected} bytes",
            remedy="Give the cells on each axis; the file holds float32 triplets only.",
        )
    load = partial(np.memmap, path, dtype="<f4", mode="r", shape=(*shape, 3))
    return cube_of_array(partial(nullcontext, Mapped(load)), (*shape, 3), "xyzc")


def yt_cube(path: Path, level: int) -> Cube:
    """Return what yt makes of a file: B on a uniform mesh of a refinement level, with its units.

    Raises
    ------
    ValueError
        When yt is not installed, or cannot read the file.
    """
    try:
        import yt
    except ImportError as problem:
        raise argument_error(
            "read_field: level",
            expected="yt, which resamples refined meshes",
            got="an environment without it",
            remedy="Install the extra: pip install 'jaxcr[io]'.",
        ) from problem
    yt.set_log_level("error")
    with blaming(path):
        data = yt.load(path)
        shape = np.asarray(data.domain_dimensions) * int(data.refine_by) ** level
        width = np.asarray(data.domain_width.to("pc").value)
        origin = np.asarray(data.domain_left_edge.to("pc").value)

    def pieces() -> Iterator[Piece]:
        mesh = data.covering_grid(level, data.domain_left_edge, shape)
        for component, letter in enumerate("xyz"):
            values = mesh["gas", f"magnetic_field_{letter}"].to("uG").value
            yield _place(np.zeros(3, int), shape), component, values

    stated = {"unit": 1.0, "spacing": width / shape, "origin": origin}
    if all(data.periodicity):
        stated["boundary"] = Periodic()
    return Cube(_three(shape), pieces, stated)


def _has(file: h5py.File, *names: str) -> bool:
    return all(find(file, name) is not None for name in names)


def _chosen_frame(shape: tuple[int, int], frame: tuple[int, int] | None) -> tuple[int, int]:
    """Return the run and the time to be read."""
    if frame is None and shape != (1, 1):
        raise argument_error(
            "read_field: frame",
            expected=f"(run, time), below {shape}",
            got="None",
            remedy="The file holds several cubes: choose one.",
        )
    frame = (0, 0) if frame is None else tuple(frame)
    if len(frame) != 2 or not (0 <= frame[0] < shape[0] and -shape[1] <= frame[1] < shape[1]):
        raise argument_error(
            "read_field: frame",
            expected=f"(run, time), below {shape}",
            got=frame,
            remedy="Count both from 0.",
        )
    return frame


def _athena_homes(path: Path, file: h5py.File) -> list[tuple[str, int]]:
    """Return the dataset of each component and its row there."""
    variables = [_text(x) for x in attribute(file, "VariableNames")]
    counts = np.asarray(attribute(file, "NumVariables"), int)
    names = [_text(x) for x in attribute(file, "DatasetNames")]
    missing = [x for x in ("Bcc1", "Bcc2", "Bcc3") if x not in variables]
    if missing:
        raise _unexpected(path, "variables Bcc1, Bcc2, Bcc3", shortened(", ".join(variables)))
    if np.any(counts < 0) or sum(counts.tolist()) != len(variables) or len(names) != len(counts):
        raise _unexpected(path, "a name for every variable", f"{counts} for {len(variables)}")
    owner = np.repeat(np.arange(counts.size), counts)
    inside = np.concatenate([np.arange(n) for n in counts])
    homes = [variables.index(f"Bcc{i}") for i in (1, 2, 3)]
    return [(names[owner[home]], int(inside[home])) for home in homes]


@contextmanager
def _open_frame(path: Path, run: int, time: int) -> Iterator[Any]:
    with open_dataset(path, _WELL_FIELD) as stored:
        yield _Frame(stored, run, time)


class _Frame:
    """One time of one run, sliced like an array."""

    def __init__(self, stored: h5py.Dataset, run: int, time: int):
        self.stored = stored
        self.start = (run, time % stored.shape[1])

    def __getitem__(self, index: tuple) -> np.ndarray:
        return self.stored[self.start + index]


@contextmanager
def _open_image(path: Path, number: int) -> Iterator[np.ndarray]:
    with open_fits(path, memmap=True) as units:
        yield units[number].section


def _uniform_step(path: Path, name: str, coordinates: np.ndarray) -> float:
    """Return the distance between coordinates, or raise when it changes."""
    if coordinates.size < 2:
        return 1.0
    steps = np.diff(coordinates)
    if not (steps.mean() > 0 and np.ptp(steps) <= 1e-3 * steps.mean()):
        raise _unexpected(path, f"evenly spaced {name}", "steps that differ")
    return float(steps.mean())


def _check_cover(path: Path, corners: np.ndarray, block: np.ndarray, shape: np.ndarray) -> None:
    """Raise unless the blocks tile the box, each place once."""
    good = corners.ndim == 2 and corners.shape[1:] == (3,) and not np.any(corners % block)
    inside = good and np.all((corners >= 0) & (corners + block <= shape))
    num = len(np.unique(corners, axis=0)) if inside else 0
    if num * math.prod(block.tolist()) != math.prod(shape.tolist()) or num != len(corners):
        raise _unexpected(path, "blocks that fill the box", f"{len(corners)} of {block.tolist()}")


def _check_blocks(
    path: Path, name: str, shape: tuple[int, ...], num: int, block: np.ndarray
) -> None:
    """Raise unless a dataset has the blocks that the mesh has."""
    expected = (num, *block[::-1].tolist())
    if shape != expected:
        raise _unexpected(path, f"{name} of shape {expected}", shape)


def _lengths(path: Path, name: str, values: Any) -> np.ndarray:
    """Return three numbers of cells."""
    values = np.asarray(values, float)
    if values.shape != (3,) or not np.all((values >= 1) & (values <= _MOST_CELLS)):
        raise _unexpected(path, f"three numbers of cells, {name}", shortened(values.tolist()))
    return values.astype(int)


def _cell(path: Path, sizes: np.ndarray) -> np.ndarray:
    """Return the sides of a cell."""
    if sizes.shape != (3,) or not np.all((sizes > 0) & np.isfinite(sizes)):
        raise _unexpected(path, "cells of positive size", shortened(sizes.tolist()))
    return sizes


def _place(corner: np.ndarray, block: np.ndarray) -> tuple[slice, slice, slice]:
    x, y, z = (slice(int(a), int(a + n)) for a, n in zip(corner, block, strict=True))
    return x, y, z


def _three(shape: np.ndarray) -> tuple[int, int, int]:
    return int(shape[0]), int(shape[1]), int(shape[2])


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def _unexpected(path: Path, expected: str, got: Any) -> ValueError:
    return argument_error(
        "read_field: path",
        expected=f"{expected} in {path}",
        got=got,
        remedy="Resample the cube to a uniform mesh and save it with numpy.save.",
    )
