"""How much may come out of a file. Imports no JAX and no NumPy."""

import errno
import os
from pathlib import Path

MOST_UNPACKED = 2**28
"""Bytes that compressed data of any size may become."""

MOST_RATIO = 100
"""Times its own size that compressed data may become beyond that; measured cubes reach 3."""

MOST_CELLS = 2**13
"""On an axis of a grid: no machine has the memory for a cube of more."""

MOST_TEXT = 2**22
"""Bytes of a text file."""


def most_unpacked(packed: int) -> int:
    """Return the bytes that so many compressed ones may become."""
    return max(MOST_UNPACKED, MOST_RATIO * packed)


def most_memory() -> float:
    """Return the bytes of this machine, or of the largest cube: XLA ends the process beyond."""
    return float(min(12 * MOST_CELLS**3, os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")))


def check_unpacked(what: str, *, unpacked: int, packed: int) -> None:
    """Raise ``ValueError`` for data that would become too large."""
    most = most_unpacked(packed)
    if unpacked > most:
        raise ValueError(
            f"{what}: {unpacked} bytes out of {packed} compressed ones, of which at most {most} "
            "are unpacked; store it without compression"
        )


def read_text(path: Path, most: int = MOST_TEXT) -> str:
    """Return the text of a file in UTF-8, with or without a byte-order mark.

    Raises
    ------
    OSError
        When it cannot be read, or has more than ``most`` bytes.
    UnicodeDecodeError
        When it is no text.
    """
    with open(path, "rb") as file:
        content = file.read(most + 1)
    if len(content) > most:
        raise OSError(errno.EFBIG, f"more than {most >> 10} KiB of text", os.fspath(path))
    return content.decode("utf-8-sig")


def shortened(text: object, most: int = 300) -> str:
    """Return a text of a file as a message shows it: the beginning, escapes instead of controls."""
    text = str(text)
    shown = text if len(text) <= most else f"{text[:most]} ..."
    return "".join(x if x.isprintable() or x == "\n" else ascii(x)[1:-1] for x in shown)
