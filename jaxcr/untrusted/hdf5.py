"""HDF5 files: only what lies in the file itself, whole, under its own name, and of bounded size.

HDF5 trusts what texts of variable length in attributes say of their own length: a damaged one can
crash it, keep it busy for ever, or take gigabytes. So they are read in another process first.
"""

import functools
import math
import os
import subprocess
import sys
import zlib
from collections.abc import Iterator
from typing import Any

import h5py
import numpy as np
from h5py import h5d, h5l, h5z

from jaxcr.untrusted.sizes import check_unpacked

MOST_OBJECTS = 10_000
"""Groups and datasets that are looked through."""

_MOST_ATTRIBUTE = 2**20
"""Bytes of an attribute."""

_MOST_TEXTS = 64
"""Texts of variable length in an attribute."""

_CHUNK_TRUSTED = 2**20
"""Bytes; gzip makes at most a thousandfold of them, before HDF5 looks at the size."""

_PACKING = {h5z.FILTER_DEFLATE, h5z.FILTER_LZF}
_FILTERS = _PACKING | {h5z.FILTER_SHUFFLE, h5z.FILTER_FLETCHER32}
"""Filters whose output is bounded, and for which HDF5 looks for no plug-in."""


def dataset_names(file: h5py.File) -> list[str]:
    """Return the names of all datasets that lie in the file, in alphabetical order.

    Raises
    ------
    ValueError
        When there are more than 10,000 groups and datasets.
    """
    return sorted(name for name, item in members(file) if isinstance(item, h5py.Dataset))


def members(file: h5py.File) -> Iterator[tuple[str, h5py.Group | h5py.Dataset]]:
    """Yield the groups and datasets that lie in the file, each once, with their names.

    Raises
    ------
    ValueError
        When there are more than 10,000.
    """
    groups, num_objects = set(), 0
    todo: list[tuple[str, h5py.Group]] = [("", file)]
    while todo:
        prefix, group = todo.pop()
        for name in group:
            address = _address(group, name)
            if address is None:
                continue
            num_objects += 1
            if num_objects > MOST_OBJECTS:
                raise ValueError(f"more than {MOST_OBJECTS} groups and datasets")
            item = group[name]
            if isinstance(item, h5py.Group):
                if address in groups:
                    continue  # groups may contain each other
                groups.add(address)
                todo.append((f"{prefix}{name}/", item))
            yield prefix + name, item


def find(group: h5py.Group, path: str) -> h5py.Group | h5py.Dataset | None:
    """Return what a path names in this file; ``None`` for nothing, soft and external links."""
    item = group
    for name in path.strip("/").split("/"):
        if not isinstance(item, h5py.Group) or _address(item, name) is None:
            return None
        item = item[name]
    return item


def checked_dataset(group: h5py.Group, path: str) -> h5py.Dataset:
    """Return a dataset whose samples are in the file.

    Raises
    ------
    ValueError
        When there is none under this name, its samples are in other files, missing, compressed
        by an unusual filter, or would become too large.
    """
    found = find(group, path)
    if not isinstance(found, h5py.Dataset):
        raise ValueError(f"no dataset {path} in the file itself")
    creation = found.id.get_create_plist()
    layout = creation.get_layout()
    if layout == h5d.VIRTUAL or creation.get_external_count():
        raise ValueError(f"{path}: samples in other files, which are not opened")
    if found.shape is None:
        raise ValueError(f"{path}: no samples")
    filters = [creation.get_filter(i)[0] for i in range(creation.get_nfilters())]
    packing = [number for number in filters if number in _PACKING]
    if not set(filters) <= _FILTERS or len(packing) > 1:
        raise ValueError(f"{path}: filters {filters}; repack it with h5repack -f GZIP=4")
    item, size = found.id.get_type().get_size(), found.file.id.get_filesize()
    declared = math.prod(found.shape) * item
    if packing:
        check_unpacked(path, unpacked=declared, packed=size)
    elif declared > min(found.id.get_storage_size(), size):
        raise ValueError(f"{path}: shape {found.shape}, of which not all samples are in the file")
    if layout == h5d.CHUNKED:
        _check_chunks(path, found, item, filters)
    return found


def small_array(group: h5py.Group, path: str, dtype: type = float) -> np.ndarray:
    """Return a checked dataset of at most 64 MiB as numbers of a type."""
    found = checked_dataset(group, path)
    if math.prod(found.shape) > 2**23:
        raise ValueError(f"{path}: {found.shape} values")
    return np.asarray(found[()], dtype)


def attribute(item: h5py.Group | h5py.Dataset, name: str) -> Any:
    """Return an attribute, ``None`` without it.

    Raises
    ------
    ValueError
        When it is too large, or its texts cannot be read.
    """
    if name not in item.attrs:
        return None
    info = item.attrs.get_id(name)
    count, elsewhere = math.prod(info.shape or ()), info.dtype.hasobject
    if count * info.get_type().get_size() > _MOST_ATTRIBUTE or (elsewhere and count > _MOST_TEXTS):
        raise ValueError(f"attribute {name}: {count} values")
    if elsewhere:
        path = item.file.filename
        status = os.stat(path)
        _check_texts(path, status.st_mtime_ns, status.st_size)
    return item.attrs[name]


def attributes(item: h5py.Dataset) -> dict[str, Any]:
    """Return all attributes that are numbers or texts; raises as `attribute`."""
    kinds = {name: item.attrs.get_id(name).dtype for name in item.attrs}
    return {
        name: attribute(item, name) for name, x in kinds.items() if not x.hasobject or is_text(x)
    }


def is_text(dtype: np.dtype) -> bool:
    """Return whether values are texts."""
    return h5py.check_string_dtype(dtype) is not None


def _address(group: h5py.Group, name: str) -> int | None:
    """Return where a member of a group lies in the file; ``None`` if it is not there itself."""
    key = name.encode("utf-8", "surrogateescape")
    if not name or "/" in name or not group.id.links.exists(key):
        return None
    link = group.id.links.get_info(key)
    return link.u if link.type == h5l.TYPE_HARD else None


@functools.lru_cache
def _check_texts(path: str, modified: int, size: int) -> None:
    """Raise unless another process can read all texts of a file; once for each state of it."""
    command = [sys.executable, "-m", "jaxcr.untrusted.read_texts", path]
    ended = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    if ended.returncode:
        raise ValueError("damaged texts, which the HDF5 library cannot read")


def _check_chunks(path: str, found: h5py.Dataset, item: int, filters: list[int]) -> None:
    """Raise unless every chunk is there and becomes no larger than it is declared."""
    whole = math.prod(found.chunks) * item
    check_unpacked(f"a chunk of {path}", unpacked=whole, packed=found.file.id.get_filesize())
    expected = math.prod(-(-n // c) for n, c in zip(found.shape, found.chunks, strict=True))
    doubtful, present = [], 0

    def look(chunk: h5d.StoreInfo) -> None:
        nonlocal present
        present += 1
        if chunk.size > whole + whole // 100 + 1024:
            raise ValueError(f"{path}: a chunk of {whole} bytes stored in {chunk.size}")
        if h5z.FILTER_DEFLATE in filters and chunk.size > _CHUNK_TRUSTED:
            doubtful.append((chunk.chunk_offset, chunk.filter_mask))

    found.id.chunk_iter(look)
    if present < expected:
        raise ValueError(f"{path}: {present} of {expected} chunks are in the file")
    for offset, mask in doubtful:
        if mask >> filters.index(h5z.FILTER_DEFLATE) & 1:
            continue
        packed = found.id.read_direct_chunk(offset)[1]
        if len(zlib.decompressobj().decompress(packed, whole + 1)) > whole:
            raise ValueError(f"{path}: a chunk that unpacks to more than its {whole} bytes")
