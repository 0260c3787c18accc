"""Arrays in NPZ, NPY and HDF5 files: find one by name, and say what is wrong with a file."""

import os
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import h5py
import numpy as np

from jaxcr.arrays import argument_error

Path = str | os.PathLike


def load_array(path: Path, dataset: str | None) -> tuple[np.ndarray, dict[str, Any]]:
    """Return an array of a file and its attributes (HDF5 only).

    Parameters
    ----------
    path
        The file; its kind is known from its first bytes, whatever its name.
    dataset
        Name of the array; ``None`` when the file holds one.

    Raises
    ------
    ValueError
        When the file is missing, of another kind, broken, holds Python objects, or does not
        hold ``dataset``.
    """
    list_names, read = _recognise(path)
    with _blaming(path):
        names = list_names(path)
    name = _choose(path, names, dataset)
    with _blaming(path):
        return read(path, name)


def _recognise(path: Path) -> tuple:
    """Return the functions that list and read the arrays of this kind of file."""
    try:
        with open(path, "rb") as file:
            start = file.read(8)
    except OSError as error:
        raise argument_error(
            "read_field: path",
            expected="a file that can be read",
            got=f"{path} ({error.strerror})",
            remedy="Check the name and the permissions.",
        ) from error
    for signature, functions in _KINDS.items():
        if start.startswith(signature):
            return functions
    raise argument_error(
        "read_field: path",
        expected="an NPZ, NPY or HDF5 file",
        got=f"{path}, which starts with {start!r}",
        remedy="Convert it, for example with numpy.savez.",
    )


@contextmanager
def _blaming(path: Path) -> Iterator[None]:
    """Turn what the libraries raise for a broken file into an error that names the file."""
    try:
        yield
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile, zlib.error) as error:
        raise argument_error(
            "read_field: path",
            expected="a complete file of plain numbers",
            got=f"{path} ({error})",
            remedy="Copy or write the file again.",
        ) from error


def _choose(path: Path, names: list[str | None], dataset: str | None) -> str | None:
    """Return the array asked for, or the only one."""
    if dataset is None and len(names) == 1:
        return names[0]
    if dataset is not None and dataset.strip("/") in names:
        return dataset.strip("/")
    raise argument_error(
        "read_field: dataset",
        expected=f"one of those in {path}: {', '.join(map(str, names)) or 'it is empty'}",
        got=repr(dataset),
        remedy="Name the array that holds the samples of B.",
    )


def _names_hdf5(path: Path) -> list[str]:
    names = []
    with h5py.File(path, "r") as file:
        file.visititems(
            lambda name, item: names.append(name) if isinstance(item, h5py.Dataset) else None
        )
    return names


def _read_hdf5(path: Path, name: str) -> tuple[np.ndarray, dict[str, Any]]:
    with h5py.File(path, "r") as file:
        return np.asarray(file[name]), dict(file[name].attrs)


def _names_npz(path: Path) -> list[str]:
    with open(path, "rb") as file, np.load(file, allow_pickle=False) as archive:
        return list(archive.files)


def _read_npz(path: Path, name: str) -> tuple[np.ndarray, dict[str, Any]]:
    with open(path, "rb") as file, np.load(file, allow_pickle=False) as archive:
        return archive[name], {}


def _names_npy(path: Path) -> list[None]:
    return [None]


def _read_npy(path: Path, name: None) -> tuple[np.ndarray, dict[str, Any]]:
    return np.load(path, allow_pickle=False), {}


_KINDS = {
    b"\x89HDF\r\n\x1a\n": (_names_hdf5, _read_hdf5),
    b"PK\x03\x04": (_names_npz, _read_npz),
    b"PK\x05\x06": (_names_npz, _read_npz),  # an archive of nothing
    b"\x93NUMPY": (_names_npy, _read_npy),
}
