"""Arrays in NPY and NPZ files: sizes declared and present are compared before anything is read."""

import io
import math
import zipfile
from io import BufferedIOBase
from typing import NamedTuple

import numpy as np

from jaxcr.untrusted.sizes import check_unpacked

_SUFFIX = ".npy"
_HEADERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}


class ArrayHeader(NamedTuple):
    """Shape and type of an array that is not read yet."""

    shape: tuple[int, ...]
    dtype: np.dtype


def read_header(file: BufferedIOBase, size: int) -> ArrayHeader:
    """Return the header of the array in an NPY file.

    Parameters
    ----------
    file
        At its beginning.
    size
        Of the file, bytes.

    Raises
    ------
    ValueError
        For Python objects, or an array that is not as long as the file.
    """
    version = np.lib.format.read_magic(file)
    if version not in _HEADERS:
        raise ValueError(f"version {version} of the NPY format, not 1.0 or 2.0")
    shape, _, dtype = _HEADERS[version](file)
    if dtype.hasobject:
        raise ValueError("Python objects, which are code")
    declared, present = math.prod(shape) * dtype.itemsize, size - file.tell()
    if min(shape, default=0) < 0 or declared != present:
        raise ValueError(f"an array of shape {shape}, {declared} bytes, in {present}")
    return ArrayHeader(shape, dtype)


def array_names(archive: zipfile.ZipFile) -> list[str]:
    """Return the names of the arrays in an NPZ file."""
    names = archive.namelist()
    return [name.removesuffix(_SUFFIX) for name in names if name.endswith(_SUFFIX)]


def inspect_array(archive: zipfile.ZipFile, name: str) -> ArrayHeader:
    """Return the header of an array of an NPZ file.

    Raises
    ------
    ValueError
        As `read_header`, and for an unusual or too effective compression.
    """
    member = archive.getinfo(name + _SUFFIX)
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise ValueError(f"{name}: compression {member.compress_type}, which NumPy does not write")
    packed = min(member.compress_size, archive.fp.seek(0, io.SEEK_END))
    check_unpacked(name, unpacked=member.file_size, packed=packed)
    with archive.open(member) as file:
        return read_header(file, member.file_size)


def read_array(archive: zipfile.ZipFile, name: str) -> np.ndarray:
    """Return an array of an NPZ file; raises as `inspect_array`."""
    inspect_array(archive, name)
    with archive.open(name + _SUFFIX) as file:
        return np.lib.format.read_array(file, allow_pickle=False)


def read_arrays(file: BufferedIOBase) -> dict[str, np.ndarray]:
    """Return all arrays of an NPZ file; raises as `inspect_array`, and for broken archives."""
    with zipfile.ZipFile(file) as archive:
        return {name: read_array(archive, name) for name in array_names(archive)}
