"""Cubes as simulation codes write them: The Well, Athena++, AthenaK, FLASH, PLUTO, CRPropa."""

import math
import os
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from functools import partial
from typing import Any

import h5py
import numpy as np

from jaxcr.checks import argument_error, check_range, check_shape, check_size
from jaxcr.fields.boundaries import Periodic
from jaxcr.fields.cubes import Cube, Piece, check_axes, cube_of_arrays
from jaxcr.fields.files import Mapped, Path, blaming, open_dataset
from jaxcr.fields.stated import as_text, triples
from jaxcr.untrusted.hdf5 import attribute, checked_dataset, find, small_array
from jaxcr.untrusted.sizes import most_memory, shortened

_WELL_FIELD = "t1_fields/magnetic_field"
_FLASH_FIELDS = ("magx", "magy", "magz")
_TEXT = re.compile(rb"\s*(#|[-+.\dni][-+.\deE\s]|nan|inf)", re.I)
"""How a text of numbers begins."""

_MOST_LEVELS = 30.0
_MOST_LINE = 2**16
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
        raise unexpected(path, f"{_WELL_FIELD} of shape (run, time, nx, ny, nz, 3)", shape)
    run, time = _chosen_frame(shape[:2], frame)
    dimensions = find(file, "dimensions")
    names = [as_text(x) for x in attribute(dimensions, "spatial_dims")]
    check_axes("".join(names), 3, str(path))
    aspect = np.ones(3)
    for name, num in zip(names, shape[2:5], strict=True):
        coordinates = np.ravel(small_array(dimensions, name))[:num]
        aspect["xyz".index(name)] = uniform_step(path, name, coordinates)
    conditions = find(file, "boundary_conditions")
    groups = [find(conditions, name) for name in conditions or ()]
    kinds = {as_text(attribute(x, "bc_type")).lower() for x in groups if x is not None}
    stated: dict[str, Any] = {"axes": "".join(names)}
    if kinds == {"periodic"}:
        stated["boundary"] = Periodic()
    opener = partial(_open_frame, path, run, time)
    return cube_of_arrays([opener], shape[2:], "".join(names) + "c", stated, aspect)


def is_athena(file: h5py.File) -> bool:
    """Return whether an HDF5 file is an Athena++ output."""
    return "NumMeshBlocks" in file.attrs and _has(file, "LogicalLocations")


def athena_cube(path: Path, file: h5py.File) -> Cube:
    """Return the cell-centred field of an Athena++ .athdf file on a uniform Cartesian mesh."""
    levels = small_array(file, "Levels", int)
    if as_text(attribute(file, "Coordinates")) != "cartesian" or np.any(levels != levels[0]):
        raise unexpected(path, "a uniform Cartesian mesh", "a refined or curvilinear one")
    if not 0 <= levels[0] <= _MOST_LEVELS:
        raise unexpected(path, f"a level from 0 to {_MOST_LEVELS:.0f}", levels[0])
    homes = _athena_homes(path, file)
    block = _lengths(path, "MeshBlockSize", attribute(file, "MeshBlockSize"))
    root = _lengths(path, "RootGridSize", attribute(file, "RootGridSize"))
    shape = root * 2 ** int(levels[0])
    corners = small_array(file, "LogicalLocations", int) * block
    edges = [np.asarray(attribute(file, f"RootGridX{i}"), float) for i in (1, 2, 3)]
    if not all(abs(x[2] - 1) <= 1e-6 for x in edges):
        raise unexpected(path, "evenly spaced cells", "cells that grow along an axis")
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
    return Cube(_three(shape), pieces, {"axes": "zyx"}, _cell(path, aspect))


def athenak_cube(path: Path) -> Cube:
    """Return the cell-centred field of a binary file of AthenaK on a uniform mesh.

    Source: vis/python/bin_convert.py of AthenaK.
    """
    with blaming(path), open(path, "rb") as file:
        lines = [file.readline(_MOST_LINE).partition(b"=")[2] for _ in range(7)]
        names = as_text(file.readline(_MOST_LINE)).split()[1:]
        place, kind = (f"<f{int(lines[i])}" for i in (4, 5))
        start = file.seek(int(file.readline(_MOST_LINE).partition(b"=")[2]), os.SEEK_CUR)
        ends, rest = np.fromfile(file, "<i4", 6), os.path.getsize(path) - start
    homes = {stem.lower(): places for stem, places in triples(names).items()}.get("bcc")
    if int(lines[6]) != len(names) or ends.size < 6 or homes is None:
        raise unexpected(path, "variables bcc1, bcc2, bcc3", shortened(", ".join(names)))
    block = _lengths(path, "cells of a block", ends[1::2] - ends[::2].astype(int) + 1)
    kinds = [("ends", "<i4", 6), ("corner", "<i4", 3), ("level", "<i4"), ("edges", place, (3, 2))]
    with blaming(path):
        kinds.append(("values", kind, (len(names), *block[::-1].tolist())))
        if rest % np.dtype(kinds).itemsize:
            raise ValueError(f"{rest} bytes, which are no whole blocks")
        load = partial(np.memmap, path, kinds, "r", start)
        blocks = load()
        corners, cells = blocks["corner"] * block, np.diff(blocks["edges"])[..., 0] / block
        levels, uniform = np.ptp(blocks["level"]), np.ptp(cells, axis=0) <= 1e-5 * cells[0]
    if levels or not np.all(uniform) or np.any(blocks["ends"] != ends):
        raise unexpected(path, "a uniform mesh", "a refined one")
    shape = _lengths(path, "corners of blocks", corners.max(axis=0) + block)
    _check_cover(path, corners, block, shape)

    def pieces() -> Iterator[Piece]:
        for component, home in enumerate(homes):
            for number, corner in enumerate(corners):
                values = np.array(load()["values"][number, home]).transpose(2, 1, 0)
                yield _place(corner, block), component, values

    return Cube(_three(shape), pieces, {"axes": "zyx"}, _cell(path, np.array(cells[0], float)))


def pluto_aspect(path: Path) -> np.ndarray:
    """Return the shape of a cell of a PLUTO file, from the places of the centres of its cells."""
    with blaming(path), h5py.File(path, "r") as file:
        places = [checked_dataset(file, f"cell_coords/{letter}") for letter in "XYZ"]
        lines = [places[0][0, 0, :], places[1][0, :, 0], places[2][:, 0, 0]]
    return np.array([uniform_step(path, x, line) for x, line in zip("xyz", lines, strict=True)])


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
        raise unexpected(path, "a uniform mesh", "leaf blocks of several sizes")
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

    return Cube(_three(shape), pieces, {"axes": "zyx"}, cell)


def raw_cube(path: Path, shape: tuple[int, int, int]) -> Cube:
    """Return triplets, z fastest, as CRPropa's dumpGrid writes them: bare float32, or text."""
    check_range("read_field: shape", shape, 1.0)
    expected = math.prod(shape) * 12
    with blaming(path):
        size = os.path.getsize(path)
        with open(path, "rb") as file:
            start = file.read(256)
    if start.isascii() and _TEXT.match(start):
        return _text_cube(path, shape)
    if size != expected:
        raise argument_error(
            "read_field: shape",
            expected=f"cells × 12 bytes = the {size} bytes of {path}",
            got=f"{tuple(shape)}, {expected} bytes",
            remedy="Give the cells on each axis; the file holds float32 triplets only.",
        )
    load = partial(np.memmap, path, dtype="<f4", mode="r", shape=(*shape, 3))
    opener = partial(nullcontext, Mapped(load))
    return cube_of_arrays([opener], (*shape, 3), "xyzc", {"axes": "xyzc"})


def _text_cube(path: Path, shape: tuple[int, int, int]) -> Cube:
    """Return vectors in lines of text, behind lines that begin with #."""
    with blaming(path), warnings.catch_warnings():
        warnings.simplefilter("error")  # an empty file
        values = np.loadtxt(path, np.float32, ndmin=2)
    check_shape(f"read_field: shape of {path}", values, (math.prod(shape), 3))
    opener = partial(nullcontext, values.reshape(*shape, 3))
    return cube_of_arrays([opener], (*shape, 3), "xyzc", {"axes": "xyzc"})


def yt_cube(path: Path, level: int) -> Cube:
    """Return what yt makes of a file: B on a uniform mesh of a refinement level, with its units.

    Raises
    ------
    ValueError
        When yt is not installed, or cannot read the file.
    """
    check_range("read_field: level", level, 0.0, _MOST_LEVELS)
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
        check_size(
            "read_field: level",
            12.0 * math.prod(shape.tolist()),
            most_memory(),
            remedy="Give less.",
        )
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
    if frame is None and shape == (1, 1):
        return 0, 0
    if not (frame and 0 <= frame[0] < shape[0] and -shape[1] <= frame[1] < shape[1]):
        raise argument_error(
            "read_field: frame",
            expected=f"(run, time), below {shape}",
            got=frame,
            remedy="The file holds several cubes: choose one, counting both from 0.",
        )
    return frame


def _athena_homes(path: Path, file: h5py.File) -> list[tuple[str, int]]:
    """Return the dataset of each component and its row there."""
    variables = [as_text(x) for x in attribute(file, "VariableNames")]
    counts = np.asarray(attribute(file, "NumVariables"), int)
    names = [as_text(x) for x in attribute(file, "DatasetNames")]
    homes = {stem.lower(): places for stem, places in triples(variables).items()}.get("bcc")
    if homes is None:
        raise unexpected(path, "variables Bcc1, Bcc2, Bcc3", shortened(", ".join(variables)))
    if np.any(counts < 0) or sum(counts.tolist()) != len(variables) or len(names) != len(counts):
        raise unexpected(path, "a name for every variable", f"{counts} for {len(variables)}")
    owner = np.repeat(np.arange(counts.size), counts)
    inside = np.concatenate([np.arange(n) for n in counts])
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


def uniform_step(path: Path, name: str, coordinates: np.ndarray) -> float:
    """Return the distance between coordinates, or raise when it changes."""
    if coordinates.size < 2:
        return 1.0
    steps = np.diff(coordinates)
    if not (steps.mean() > 0 and np.ptp(steps) <= 1e-3 * steps.mean()):
        raise unexpected(path, f"evenly spaced {name}", "steps that differ")
    return float(steps.mean())


def _check_cover(path: Path, corners: np.ndarray, block: np.ndarray, shape: np.ndarray) -> None:
    """Raise unless the blocks tile the box, each place once."""
    good = corners.ndim == 2 and corners.shape[1:] == (3,) and not np.any(corners % block)
    inside = good and np.all((corners >= 0) & (corners + block <= shape))
    num = len(np.unique(corners, axis=0)) if inside else 0
    if num * math.prod(block.tolist()) != math.prod(shape.tolist()) or num != len(corners):
        raise unexpected(path, "blocks that fill the box", f"{len(corners)} of {block.tolist()}")


def _check_blocks(
    path: Path, name: str, shape: tuple[int, ...], num: int, block: np.ndarray
) -> None:
    """Raise unless a dataset has the blocks that the mesh has."""
    expected = (num, *block[::-1].tolist())
    if shape != expected:
        raise unexpected(path, f"{name} of shape {expected}", shape)


def _lengths(path: Path, name: str, values: Any) -> np.ndarray:
    """Return three numbers of cells."""
    values = np.asarray(values, float)
    if values.shape != (3,) or not np.all((values >= 1) & (values <= _MOST_CELLS)):
        raise unexpected(path, f"three numbers of cells, {name}", shortened(values.tolist()))
    return values.astype(int)


def _cell(path: Path, sizes: np.ndarray) -> np.ndarray:
    """Return the sides of a cell."""
    if sizes.shape != (3,) or not np.all((sizes > 0) & np.isfinite(sizes)):
        raise unexpected(path, "cells of positive size", shortened(sizes.tolist()))
    return sizes


def _place(corner: np.ndarray, block: np.ndarray) -> tuple[slice, slice, slice]:
    x, y, z = (slice(int(a), int(a + n)) for a, n in zip(corner, block, strict=True))
    return x, y, z


def _three(shape: np.ndarray) -> tuple[int, int, int]:
    return int(shape[0]), int(shape[1]), int(shape[2])


def unexpected(path: Path, expected: str, got: Any) -> ValueError:
    """Return an error about what a file holds."""
    return argument_error(
        "read_field: path",
        expected=f"{expected} in {path}",
        got=got,
        remedy="Resample the cube to a uniform mesh and save it with numpy.save.",
    )
