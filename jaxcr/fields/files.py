"""Arrays in NPZ, NPY and HDF5 files: find them by name, and say what is wrong with a file."""

import os
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Any

import h5py
import numpy as np

from jaxcr.checks import ArgumentError, argument_error
from jaxcr.fields.cubes import Opener
from jaxcr.fields.stated import triples
from jaxcr.untrusted.hdf5 import attributes, checked_dataset, dataset_names
from jaxcr.untrusted.npz import ArrayHeader, array_names, inspect_array, read_array, read_header
from jaxcr.untrusted.sizes import shortened

Path = str | os.PathLike

HDF5, ZIP, EMPTY_ZIP, NUMPY, FITS, ATHENAK, VTK = (
    b"\x89HDF\r\n\x1a\n",
    b"PK\x03\x04",
    b"PK\x05\x06",
    b"\x93NUMPY",
    b"SIMPLE  ",
    b"Athena b",
    b"# vtk Da",
)
"""First bytes of a file of each kind."""


@dataclass(frozen=True)
class StoredArray:
    """One array of a file: name, how to open it, shape, attributes (HDF5 only), type."""

    name: str | None
    open: Opener
    shape: tuple[int, ...]
    attributes: dict[str, Any]
    dtype: np.dtype


def signature(path: Path) -> bytes:
    """Return the first eight bytes of a file.

    Raises
    ------
    ValueError
        When it cannot be read.
    """
    try:
        with open(path, "rb") as file:
            return file.read(8)
    except OSError as error:
        raise argument_error(
            "read_field: path",
            expected="a file that can be read",
            got=f"{path} ({error.strerror})",
            remedy="Check the name and the permissions.",
        ) from error


def find_arrays(path: Path, dataset: str | None) -> list[StoredArray]:
    """Return an array of a file, or the three that hold the components of B, unread.

    Parameters
    ----------
    path
        The file; its kind is known from its first bytes, whatever its name.
    dataset
        Name of the array, or how the names of the three begin; ``None`` when the file holds one
        array, or one set of three.

    Raises
    ------
    ValueError
        When the file is missing, of another kind, broken, holds Python objects, or does not
        hold ``dataset``.
    """
    list_names, inspect = _recognise(path)
    with blaming(path):
        names = list_names(path)
    chosen = choose(path, names, dataset)
    with blaming(path):
        arrays = [inspect(path, name) for name in chosen]
    for array in arrays:
        if not _is_real(array.dtype):
            raise argument_error(
                "read_field: path",
                expected="real numbers",
                got=f"{shortened(array.dtype)} of shape {array.shape} in {path}",
                remedy="Give the array that holds B with dataset.",
            )
    return arrays


@contextmanager
def blaming(path: Path) -> Iterator[None]:
    """Turn what the libraries raise for a broken file into an error that names the file."""
    try:
        yield
    except ArgumentError:
        raise
    except Exception as error:  # of what libraries raise for damaged files no list is complete
        raise argument_error(
            "read_field: path",
            expected="a complete file of plain numbers",
            got=f"{path} ({shortened(error) or type(error).__name__})",
            remedy="Copy or write the file again.",
        ) from error


@contextmanager
def open_dataset(path: Path, name: str) -> Iterator[h5py.Dataset]:
    """Open a dataset of an HDF5 file, whose samples are there."""
    with h5py.File(path, "r") as file:
        yield checked_dataset(file, name)


def _recognise(path: Path) -> tuple[Callable, Callable]:
    """Return the functions that list and inspect the arrays of this kind of file."""
    start = signature(path)
    for known, functions in _KINDS.items():
        if start.startswith(known):
            return functions
    raise argument_error(
        "read_field: path",
        expected="an NPZ, NPY, HDF5, FITS or VTK file",
        got=f"{path}, which starts with {start!r}",
        remedy="Convert it, for example with numpy.savez; for bare float32 numbers give shape.",
    )


def _is_real(dtype: np.dtype) -> bool:
    return np.issubdtype(dtype, np.integer) or np.issubdtype(dtype, np.floating)


def choose(path: Path, names: list, dataset: str | None) -> list:
    """Return the array asked for, the only one, or the only three that are components of B."""
    wanted = "" if dataset is None else dataset.strip("/")
    if wanted in names or (dataset is None and len(names) == 1):
        return [wanted if wanted in names else names[0]]
    named = [] if names == [None] else triples(names).items()
    sets = [x for stem, x in named if stem.lower().startswith(wanted.lower())]
    if len(sets) == 1:
        return [names[i] for i in sets[0]]
    raise argument_error(
        "read_field: dataset",
        expected=f"one of those in {path}: "
        + (shortened(", ".join(map(str, names))) or "it is empty"),
        got=repr(dataset),
        remedy="Name the array that holds B, or how the names of its three components begin.",
    )


def _names_hdf5(path: Path) -> list[str]:
    with h5py.File(path, "r") as file:
        return dataset_names(file)


def _inspect_hdf5(path: Path, name: str) -> StoredArray:
    with open_dataset(path, name) as found:
        opener = partial(open_dataset, path, name)
        return StoredArray(name, opener, found.shape, attributes(found), found.dtype)


def _names_npz(path: Path) -> list[str]:
    with zipfile.ZipFile(path) as archive:
        return array_names(archive)


@contextmanager
def _open_npz(path: Path, name: str) -> Iterator[np.ndarray]:
    with zipfile.ZipFile(path) as archive:
        yield read_array(archive, name)


def _inspect_npz(path: Path, name: str) -> StoredArray:
    with zipfile.ZipFile(path) as archive:
        header = inspect_array(archive, name)
    return StoredArray(name, partial(_open_npz, path, name), header.shape, {}, header.dtype)


def _npy_header(path: Path) -> ArrayHeader:
    with open(path, "rb") as file:
        return read_header(file, os.path.getsize(path))


def _names_npy(path: Path) -> list:
    return list(_npy_header(path).dtype.names or [None])


class Mapped:
    """A file mapped into memory anew for every slice: pages that were read are given back."""

    def __init__(self, load: Callable[[], np.ndarray]):
        self.load = load

    def __getitem__(self, index: Any) -> np.ndarray:
        """Return a copy of the slice."""
        return np.array(self.load()[index])


def _map_npy(path: Path, name: str | None) -> np.ndarray:
    array = np.load(path, mmap_mode="r", allow_pickle=False)
    return array if name is None else array[name]


def _inspect_npy(path: Path, name: str | None) -> StoredArray:
    shape, dtype = _npy_header(path)
    if name is not None:  # of a structured array
        dtype, more = dtype[name].base, dtype[name].shape
        shape = shape + more
    return StoredArray(
        name, partial(nullcontext, Mapped(partial(_map_npy, path, name))), shape, {}, dtype
    )


_KINDS = {
    HDF5: (_names_hdf5, _inspect_hdf5),
    ZIP: (_names_npz, _inspect_npz),
    EMPTY_ZIP: (_names_npz, _inspect_npz),
    NUMPY: (_names_npy, _inspect_npy),
}
