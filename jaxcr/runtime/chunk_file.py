"""Arrays in one file with a checksum over everything, and the identity of the run they are from."""

import hashlib
import io
from pathlib import Path

import numpy as np

from jaxcr.runtime.atomic import write_whole
from jaxcr.untrusted.npz import read_arrays

_MAGIC = b"jaxcr chunk 1\n"
_HASH = 32

Arrays = dict[str, np.ndarray]


def write_chunk(path: Path, identity: bytes, arrays: Arrays) -> None:
    """Write arrays so that `read_chunk` notices any other content; the same bytes every time.

    Parameters
    ----------
    identity
        32 bytes that say which result this is.
    """
    file = io.BytesIO()
    np.savez(file, **arrays)
    payload = identity + file.getvalue()
    write_whole(path, _MAGIC + hashlib.sha256(payload).digest() + payload)


def read_chunk(path: Path, identity: bytes) -> Arrays | None:
    """Return the arrays; ``None`` when the file is missing, damaged or of another result."""
    try:
        content = path.read_bytes()
    except OSError:
        return None
    head, payload = content[: len(_MAGIC) + _HASH], content[len(_MAGIC) + _HASH :]
    if head != _MAGIC + hashlib.sha256(payload).digest() or payload[:_HASH] != identity:
        return None
    try:
        return read_arrays(io.BytesIO(payload[_HASH:]))
    except Exception:  # anybody can compute a checksum: whatever is wrong, it counts as damaged
        return None
