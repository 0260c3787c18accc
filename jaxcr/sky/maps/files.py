"""Sky maps to and from FITS files, readable by healpy and every other HEALPix program."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Array, Float

from jaxcr.checks import argument_error, check_finite, check_one_of
from jaxcr.sky.healpix.grid import UNSEEN, nside_of
from jaxcr.sky.healpix.nested import ring_to_nest
from jaxcr.untrusted.fits import open_fits
from jaxcr.untrusted.sizes import check_unpacked, shortened

_NUMBERS = re.compile(r"\d*[LBIJKED]")  # of the format; no text, no pairs, no arrays of any length
_WORDS = ("ORDERING", "NSIDE", "INDXSCHM", "OBJECT", "COORDSYS", "TUNIT1", "BAD_DATA")
_FRAMES = {"equatorial": "C", "galactic": "G", "ecliptic": "E", "field": "F"}
_COMMENTS = {"F": "field frame: the axes of the field"}
_HEADER_NAMES = {
    **{letter: name for name, letter in _FRAMES.items()},
    **dict.fromkeys(("Q", "CELESTIAL", "CEL", "ICRS", "FK5", "J2000"), "equatorial"),
    "GAL": "galactic",
}


class SkyMapFile(NamedTuple):
    """The contents of a map file.

    Attributes
    ----------
    maps
        (column, pixel), RING order, NaN where the file says unseen.
    names
        Of the columns.
    nside
        Resolution.
    frame
        ``"equatorial"``, ``"galactic"``, ``"ecliptic"`` or ``"field"``; another word of the
        file in lower case, empty if it names none.
    unit
        Of the first column as the file writes it, empty if it names none.
    """

    maps: Float[np.ndarray, "column pixel"]
    names: tuple[str, ...]
    nside: int
    frame: str
    unit: str


def write_map(
    path: str | Path,
    maps: Float[Array | np.ndarray, "..."],
    *,
    frame: str,
    unit: str = "",
    names: Sequence[str] = ("relative_intensity",),
    overwrite: bool = False,
) -> None:
    """Write maps to a FITS file, each a named column.

    Parameters
    ----------
    path
        File to write, usually ``*.fits``.
    maps
        (pixel,) or (column, pixel), RING order; NaN and masked pixels are written as UNSEEN.
    frame
        ``"equatorial"``, ``"galactic"``, ``"ecliptic"`` or ``"field"`` (the axes of the
        field), as the header word COORDSYS C, G, E or F.
    unit
        Of all columns.
    names
        One a column, for example ``("relative_intensity", "error")``.
    overwrite
        Whether an existing file is replaced.

    Raises
    ------
    ValueError
        If the maps have no HEALPix size or infinite values, names are not one a column, the
        frame is none of the four, the file exists and ``overwrite`` is false, or it cannot be
        written.

    Notes
    -----
    float32 and float64 are kept, of which `read_map` gives back the same bits; other numbers
    become float64.
    """
    columns = np.atleast_2d(np.asarray(maps))
    columns = columns.astype(_native_float(columns.dtype))
    nside = _checked_columns(columns, names, frame)
    path = Path(path)
    if path.exists() and not overwrite:
        raise argument_error(
            "write_map: path",
            expected="a file that does not exist",
            got=f"{path}, which does",
            remedy="Choose another name, or overwrite=True.",
        )
    from astropy.io import fits

    named = zip(names, columns, strict=True)
    table = fits.BinTableHDU.from_columns([_column(*pair, unit) for pair in named])
    _describe(table.header, nside, _FRAMES[frame])
    try:
        table.writeto(path, overwrite=overwrite)
    except OSError as problem:
        raise argument_error(
            "write_map: path",
            expected="a place where a file can be written",
            got=f"{path}: {problem}",
            remedy="Create the folder, or choose another.",
        ) from problem


def read_map(path: str | Path) -> SkyMapFile:
    """Read all maps of a HEALPix FITS file, RING or NESTED, into RING order.

    Parameters
    ----------
    path
        File of this program, healpy or another, also packed by gzip or bzip2.

    Returns
    -------
    The `SkyMapFile`, on the host.

    Raises
    ------
    ValueError
        If the file is missing, no FITS file, truncated, holds no HEALPix table, not the number
        of pixels its header says, infinite values, or more than 256 MiB and a hundredfold of
        its size.

    Notes
    -----
    Not observed, hence NaN, are pixels of the value UNSEEN, of the header words BAD_DATA and
    TNULL, and those that a file of a part of the sky (INDXSCHM = EXPLICIT) leaves out.
    """
    header, names, values = _read_table(path)
    nside = _checked_header(path, header)
    if str(header.get("INDXSCHM")).strip().upper() == "EXPLICIT" and len(values) > 1:
        columns, names = _on_the_whole_sky(path, nside, names, values), names[1:]
    else:
        columns = np.stack(values)
    if columns.shape[1] != 12 * nside**2:
        raise _bad_file(
            path, f"12 nside² = {12 * nside**2} pixels as its NSIDE says", str(columns.shape[1])
        )
    if np.any(np.isinf(columns)):
        raise _bad_file(path, "finite values, or unseen ones", "infinite ones")
    if header["ORDERING"].strip().upper() != "RING":
        columns = columns[:, ring_to_nest(nside, np.arange(12 * nside**2))]
    blank = [UNSEEN, header.get("BAD_DATA", UNSEEN)]
    # these values have been rounded to the type of the column
    unseen = [np.isclose(columns, x, rtol=1e-6, atol=0) for x in blank if type(x) in (int, float)]
    word = str(header.get("COORDSYS", "")).strip()
    return SkyMapFile(
        np.where(np.any(unseen, axis=0), np.asarray(np.nan, columns.dtype), columns),
        names,
        nside,
        _HEADER_NAMES.get(word.upper(), word.lower()),
        str(header.get("TUNIT1", "")).strip(),
    )


def _checked_columns(columns: np.ndarray, names: Sequence[str], frame: str) -> int:
    """Return nside once columns, names and frame are known to be usable."""
    remedy = "(pixel,) or (column, pixel): reshape to one row a map."
    check_one_of("write_map: number of axes of maps", columns.ndim, [1, 2], remedy=remedy)
    nside = nside_of(columns.shape[-1])
    if len(set(names)) != len(columns) or isinstance(names, str):
        raise argument_error(
            "write_map: names",
            expected=f"{len(columns)} different names, one a map",
            got=repr(names),
            remedy='For example names=("relative_intensity", "error").',
        )
    check_one_of("write_map: frame", frame, _FRAMES, remedy="That of the pixel directions.")
    check_finite("write_map: maps", np.where(np.isnan(columns), 0, columns))
    return nside


def _column(name: str, values: np.ndarray, unit: str) -> Any:
    """Return one column, NaN as unseen."""
    from astropy.io import fits

    code = "E" if values.dtype == np.float32 else "D"
    values = np.where(np.isnan(values), np.asarray(UNSEEN, values.dtype), values)
    return fits.Column(name=name, format=code, array=values, unit=unit or None)


def _describe(header: Any, nside: int, letter: str) -> None:
    """Write the words of the HEALPix format into a header."""
    header["PIXTYPE"] = ("HEALPIX", "HEALPIX pixelisation")
    header["ORDERING"] = ("RING", "pixel order")
    header["NSIDE"] = (nside, "resolution")
    header["FIRSTPIX"] = (0, "first pixel")
    header["LASTPIX"] = (12 * nside**2 - 1, "last pixel")
    header["INDXSCHM"] = ("IMPLICIT", "all pixels, in order")
    header["OBJECT"] = ("FULLSKY", "sky coverage")
    header["COORDSYS"] = (letter, _COMMENTS.get(letter, "frame of the pixel directions"))


def _read_table(path: str | Path) -> tuple[dict[str, Any], tuple[str, ...], list[np.ndarray]]:
    """Return header, names and values of the columns of the first HEALPix table."""
    try:
        with open_fits(path, memmap=False) as units:
            for table in units:
                if str(table.header.get("PIXTYPE", "")).strip().upper() == "HEALPIX":
                    header = table.header
                    return {x: header[x] for x in _WORDS if x in header}, *_values(table)
            kinds = ", ".join(type(table).__name__ for table in units)
    except Exception as problem:  # of what a library raises for damaged files no list is complete
        found = shortened(f"{type(problem).__name__}: {problem}")
        raise _bad_file(path, "a whole FITS file", found) from problem
    raise _bad_file(
        path, "a table with the header word PIXTYPE = HEALPIX", f"only {shortened(kinds)}"
    )


def _values(table: Any) -> tuple[tuple[str, ...], list[np.ndarray]]:
    """Return names and values of the columns, NaN where they are TNULL."""
    formats = [str(x) for x in table.columns.formats]
    if not all(_NUMBERS.fullmatch(x) for x in formats):
        raise ValueError(f"columns of {', '.join(formats)}, not of real numbers")
    names = tuple(table.columns.names)
    with np.errstate(over="ignore", invalid="ignore"):
        columns = [np.asarray(table.data[name]).ravel() for name in names]
        floats = [values.astype(_native_float(values.dtype)) for values in columns]
    for column, values in zip(table.columns, floats, strict=True):
        if isinstance(column.null, int):  # in the units of the file, before its scale
            values[values == column.null * (column.bscale or 1) + (column.bzero or 0)] = np.nan
    if len({x.size for x in floats}) != 1:
        raise ValueError("no columns of one length")
    return names, floats


def _native_float(dtype: np.dtype) -> type:
    """Return float32 for float32 and float64 for all other numbers."""
    return np.float32 if dtype.kind == "f" and dtype.itemsize == 4 else np.float64


def _on_the_whole_sky(
    path: str | Path, nside: int, names: tuple[str, ...], values: list[np.ndarray]
) -> np.ndarray:
    """Return (column, pixel) of a file that numbers its pixels, NaN where it has none."""
    pixel, num = values[0], 12 * nside**2
    try:
        check_unpacked("the whole sky", unpacked=8 * num * len(values), packed=8 * pixel.size)
    except ValueError as problem:
        raise _bad_file(path, "a sky that fits into memory", str(problem)) from problem
    numbers = np.sort(pixel)
    known = np.all((numbers >= 0) & (numbers < num) & (numbers == np.round(numbers)))
    if not (names[0].upper().startswith("PIX") and known and np.all(np.diff(numbers) > 0)):
        expected = f"a first column PIXEL of different numbers below {num}"
        raise _bad_file(path, expected, f"columns {shortened(', '.join(names))}")
    columns = np.full((len(values) - 1, num), np.nan, np.result_type(*values[1:]))
    columns[:, pixel.astype(int)] = values[1:]
    return columns


def _checked_header(path: str | Path, header: dict[str, Any]) -> int:
    """Return nside of a file that says how it is ordered."""
    scheme = str(header.get("INDXSCHM", "IMPLICIT")).strip().upper()
    if scheme not in ("IMPLICIT", "EXPLICIT"):
        raise _bad_file(path, "INDXSCHM = IMPLICIT or EXPLICIT", shortened(scheme))
    ordering = str(header.get("ORDERING", "")).strip().upper()
    if ordering not in ("RING", "NESTED", "NEST"):
        raise _bad_file(
            path, "the header word ORDERING = RING or NESTED", repr(shortened(ordering))
        )
    nside = header.get("NSIDE", 0)
    if type(nside) is not int or nside < 1 or nside & (nside - 1):
        raise _bad_file(path, "the header word NSIDE, a power of two", shortened(repr(nside)))
    return nside


def _bad_file(
    path: str | Path,
    expected: str,
    got: str,
    remedy: str = "Check the path, or write the map again, with write_map or healpy.write_map.",
) -> ValueError:
    """Return the error about a file that cannot be read."""
    return argument_error(f"read_map: {path}", expected=expected, got=got, remedy=remedy)
