"""FITS files: what each header declares is compared with the size of the file, before astropy."""

import bz2
import gzip
import io
import math
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedIOBase
from typing import Any

from jaxcr.untrusted.sizes import check_unpacked, most_unpacked

_PACKERS = {b"\x1f\x8b": gzip.GzipFile, b"BZh": bz2.BZ2File}
_FITS = b"SIMPLE"
_BLOCK, _CARD = 2880, 80  # bytes
_MOST = 999  # axes and columns
_SIZES = re.compile(
    rb"\s*(?:HIERARCH\s+)?(?:BITPIX|NAXIS\d*|PCOUNT|GCOUNT|TFIELDS|GROUPS)(?![\w-])", re.I
)
_NUMBER = re.compile(rb"(?=.{8}= )(BITPIX|NAXIS\d*|PCOUNT|GCOUNT|TFIELDS) *= +(-?\d+) *(?:/.*)?")
_END = b"END".ljust(_CARD)


@contextmanager
def open_fits(path: Any, *, memmap: bool) -> Iterator[list[Any]]:
    """Open a FITS file, plain or packed by gzip or bzip2, and give its units.

    Parameters
    ----------
    path
        A local file.
    memmap
        Whether a plain one is mapped into memory.

    Raises
    ------
    OSError
        When it is no FITS file, or truncated; also where astropy only warns.
    ValueError
        For sizes that are none, images compressed in tiles, or when it would become too large.
    """
    from astropy.io import fits
    from astropy.utils.exceptions import AstropyWarning

    with open(path, "rb") as file, warnings.catch_warnings():
        warnings.simplefilter("ignore", AstropyWarning)
        warnings.filterwarnings("error", message=".*truncated.*")
        plain, size = _unpacked(file)
        _check_units(plain, size)
        # tiles would be unpacked by a library that trusts what they declare
        options = {"disable_image_compression": True, "memmap": memmap and plain is file}
        with fits.open(plain, **options) as units:
            if any(unit.header.get("ZIMAGE") is True for unit in units):
                raise ValueError("an image compressed in tiles; unpack it with funpack")
            yield list(units)


def _unpacked(file: BufferedIOBase) -> tuple[BufferedIOBase, int]:
    """Return a FITS file, unpacked in memory where it is packed, and its size."""
    start, packed = file.read(len(_FITS)), file.seek(0, io.SEEK_END)
    file.seek(0)
    plain, size = file, packed
    packer = next((x for sign, x in _PACKERS.items() if start.startswith(sign)), None)
    if packer is not None:
        with packer(file, "rb") if packer is bz2.BZ2File else packer(fileobj=file) as unpacking:
            content = unpacking.read(most_unpacked(packed) + 1)
        check_unpacked(packer.__name__, unpacked=len(content), packed=packed)
        plain, size, start = io.BytesIO(content), len(content), content[: len(_FITS)]
    if start != _FITS:
        raise OSError(f"starts with {start!r}, not with {_FITS.decode()}")
    return plain, size


def _check_units(file: BufferedIOBase, size: int) -> None:
    """Raise unless the data of every unit are in the file."""
    place = 0
    while place < size:
        numbers, place = _header(file, place)
        num_axes = numbers.get("NAXIS", 0)
        if num_axes > _MOST or numbers.get("TFIELDS", 0) > _MOST:
            raise ValueError(f"a unit of {num_axes} axes, {numbers.get('TFIELDS', 0)} columns")
        lengths = [numbers.get(f"NAXIS{i + 1}", 0) for i in range(num_axes)]
        extra, groups = numbers.get("PCOUNT", 0), numbers.get("GCOUNT", 1)
        if min([extra, groups, num_axes, *lengths]) < 0:
            raise ValueError(f"a unit of {lengths}")
        samples = groups * (extra + (math.prod(lengths) if lengths else 0))
        length = abs(numbers.get("BITPIX", 8)) * samples // 8
        if place + length > size:
            raise OSError(f"truncated: data up to byte {place + length} of {size}")
        place += -(-length // _BLOCK) * _BLOCK
        file.seek(place)
        if size - place < _BLOCK and not file.read().strip(b"\x00 "):
            break  # filled up
    file.seek(0)


def _header(file: BufferedIOBase, place: int) -> tuple[dict[str, int], int]:
    """Return the numbers of a header that sizes follow from, and where it ends.

    What is not written as the standard asks could be read in two ways, and is refused.
    """
    numbers: dict[str, int] = {}
    file.seek(place)
    while len(block := file.read(_BLOCK)) == _BLOCK:
        place += _BLOCK
        for card in (block[i : i + _CARD] for i in range(0, _BLOCK, _CARD)):
            if card == _END:
                return numbers, place
            if not _SIZES.match(card) and not re.match(rb"END(?![\w-])", card):
                continue
            found = _NUMBER.fullmatch(card)
            if found is None or found[1].decode() in numbers:
                raise ValueError(f"the header card {card.decode('latin1').strip()!r}")
            numbers[found[1].decode()] = int(found[2])
    raise OSError("truncated: a header without end")
