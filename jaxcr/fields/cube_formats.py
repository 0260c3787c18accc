"""Cubes as simulation codes write them: The Well, Athena++, FLASH, FITS, CRPropa."""

import os
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from functools import partial
from typing import Any

import h5py
import numpy as np

from jaxcr.arrays import argument_error
from jaxcr.fields.boundaries import Periodic
from jaxcr.fields.cubes import Cube, Piece, check_axes, cube_of_array, cube_of_components
from jaxcr.fields.files import Mapped, Path, blaming, open_dataset

_WELL_FIELD = "t1_fields/magnetic_field"
_FLASH_FIELDS = ("magx", "magy", "magz")


def is_well(file: h5py.File) -> bool:
    """Return whether an HDF5 file follows The Well's layout and holds a magnetic field."""
    return _WELL_FIELD in file and "dimensions" in file


def well_cube(path: Path, file: h5py.File, frame: tuple[int, int] | None) -> Cube:
    """Return one time of one run of a file of The Well (CATS cubes are among them).

    Source: https://polymathic-ai.org/the_well/data_format.
    """
    shape = file[_WELL_FIELD].shape
    if len(shape) != 6 or shape[-1] != 3:
        raise _unexpected(path, f"{_WELL_FIELD} of shape (run, time, nx, ny, nz, 3)", shape)
    if frame is None and shape[:2] != (1, 1):
        raise argument_error(
            "read_field: frame",
            expected=f"(run, time), below {shape[:2]}",
            got="None",
            remedy="The file holds several cubes: choose one.",
        )
    run, time = (0, 0) if frame is None else frame
    if not (0 <= run < shape[0] and -shape[1] <= time < shape[1]):
        raise argument_error(
            "read_field: frame",
            expected=f"(run, time), below {shape[:2]}",
            got=frame,
            remedy="Count both from 0.",
        )
    dimensions = file["dimensions"]
    names = [_text(x) for x in dimensions.attrs["spatial_dims"]]
    check_axes("".join(names), 3, str(path))
    aspect = np.ones(3)
    for name in names:
        coordinates = np.ravel(dimensions[name][()])[: shape[2 + names.index(name)]]
        aspect["xyz".index(name)] = _uniform_step(path, name, coordinates)
    conditions = file.get("boundary_conditions", {})
    kinds = {_text(group.attrs.get("bc_type", "")).lower() for group in conditions.values()}
    stated = {"boundary": Periodic()} if kinds == {"periodic"} else {}
    cube = cube_of_array(
        partial(_open_frame, path, run, time), shape[2:], "".join(names) + "c", **stated
    )
    return Cube(cube.shape, cube.pieces, cube.stated, aspect)


def is_athena(file: h5py.File) -> bool:
    """Return whether an HDF5 file is an Athena++ output."""
    return "NumMeshBlocks" in file.attrs and "LogicalLocations" in file


def athena_cube(path: Path, file: h5py.File) -> Cube:
    """Return the cell-centred field of an Athena++ .athdf file on a uniform Cartesian mesh."""
    attributes = file.attrs
    levels = np.asarray(file["Levels"])
    if _text(attributes["Coordinates"]) != "cartesian" or np.any(levels != levels[0]):
        raise _unexpected(path, "a uniform Cartesian mesh", "a refined or curvilinear one")
    variables = [_text(x) for x in attributes["VariableNames"]]
    counts = np.asarray(attributes["NumVariables"])
    names = [_text(x) for x in attributes["DatasetNames"]]
    missing = [x for x in ("Bcc1", "Bcc2", "Bcc3") if x not in variables]
    if missing:
        raise _unexpected(path, "variables Bcc1, Bcc2, Bcc3", ", ".join(variables))
    owner = np.repeat(np.arange(counts.size), counts)
    inside = np.concatenate([np.arange(n) for n in counts])
    homes = [variables.index(f"Bcc{i}") for i in (1, 2, 3)]
    block = np.asarray(attributes["MeshBlockSize"], int)
    shape = np.asarray(attributes["RootGridSize"], int) * 2 ** int(levels[0])
    corners = np.asarray(file["LogicalLocations"], int) * block
    edges = [np.asarray(attributes[f"RootGridX{i}"], float) for i in (1, 2, 3)]
    if any(abs(x[2] - 1) > 1e-6 for x in edges):
        raise _unexpected(path, "evenly spaced cells", "cells that grow along an axis")
    _check_cover(path, corners, block, shape)

    def pieces() -> Iterator[Piece]:
        for component, home in enumerate(homes):
            with open_dataset(path, names[owner[home]]) as stored:
                for number, corner in enumerate(corners):
                    values = np.asarray(stored[inside[home], number]).transpose(2, 1, 0)
                    yield _place(corner, block), component, values

    aspect = np.array([(x[1] - x[0]) / n for x, n in zip(edges, shape, strict=True)])
    return Cube(_three(shape), pieces, {}, aspect)


def is_flash(file: h5py.File) -> bool:
    """Return whether an HDF5 file is a FLASH output with a magnetic field."""
    return "bounding box" in file and all(name in file for name in _FLASH_FIELDS)


def flash_cube(path: Path, file: h5py.File) -> Cube:
    """Return the field of a FLASH plot file or checkpoint whose leaf blocks are alike."""
    bounds = np.asarray(file["bounding box"], float)
    leaves = np.arange(len(bounds))
    if "node type" in file:
        leaves = np.flatnonzero(np.asarray(file["node type"]) == 1)
    block = np.array(file[_FLASH_FIELDS[0]].shape[:0:-1])
    sizes = (bounds[leaves, :, 1] - bounds[leaves, :, 0]) / block
    if np.ptp(sizes, axis=0).max() > 1e-6 * sizes.max():
        raise _unexpected(path, "a uniform mesh", "leaf blocks of several sizes")
    cell = sizes[0]
    low = bounds[leaves, :, 0].min(axis=0)
    corners = np.rint((bounds[leaves, :, 0] - low) / cell).astype(int)
    shape = np.rint((bounds[leaves, :, 1].max(axis=0) - low) / cell).astype(int)
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
    from astropy.io import fits

    images: list[tuple[Path, int]] = []
    shapes = []
    for path in paths:
        with blaming(path), _warnings_as_errors(), fits.open(path, memmap=True) as units:
            for number, unit in enumerate(units):
                if unit.header.get("NAXIS", 0) == 3:
                    images.append((path, number))
                    shapes.append(unit.shape)
    where = ", ".join(map(str, paths))
    if len(images) != 3 or len(set(shapes)) != 1:
        raise _unexpected(where, "three images of one shape, Bx, By, Bz", f"images {shapes}")
    check_axes(axes, 3, where)
    openers = [partial(_open_image, path, number) for path, number in images]
    return cube_of_components(openers, shapes[0], axes)


def raw_cube(path: Path, shape: tuple[int, int, int]) -> Cube:
    """Return bare float32 triplets, z fastest, as CRPropa's dumpGrid writes them."""
    expected = int(np.prod(shape)) * 12
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


@contextmanager
def _warnings_as_errors() -> Iterator[None]:
    """Raise where a library only warns, for example of a truncated file."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            yield
        except Warning as warning:
            raise OSError(str(warning)) from warning


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
    from astropy.io import fits

    with fits.open(path, memmap=True) as units:
        yield units[number].section


def _uniform_step(path: Path, name: str, coordinates: np.ndarray) -> float:
    """Return the distance between coordinates, or raise when it changes."""
    if coordinates.size < 2:
        return 1.0
    steps = np.diff(coordinates.astype(float))
    if np.ptp(steps) > 1e-3 * abs(steps.mean()) or steps.mean() <= 0:
        raise _unexpected(path, f"evenly spaced {name}", "steps that differ")
    return float(steps.mean())


def _check_cover(path: Path, corners: np.ndarray, block: np.ndarray, shape: np.ndarray) -> None:
    """Raise unless the blocks tile the box, each place once."""
    inside = np.all((corners >= 0) & (corners + block <= shape))
    if not inside or len(np.unique(corners, axis=0)) * np.prod(block) != np.prod(shape):
        raise _unexpected(path, "blocks that fill the box", f"{len(corners)} of {block.tolist()}")


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
