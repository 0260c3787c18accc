"""Sky maps to and from FITS files, readable by healpy and every other HEALPix program."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Array, Float

from jaxcr.checks import argument_error, checked
from jaxcr.sky.healpix.grid import nside_of
from jaxcr.sky.healpix.nested import ring_to_nest
from jaxcr.untrusted.fits import open_fits
from jaxcr.untrusted.sizes import shortened

UNSEEN = -1.6375e30  # of the HEALPix format; NaN in an array
_NUMBERS = re.compile(r"\d*[BIJKED]")  # of the format; no text, no pairs, no arrays of any length
_WORDS = ("ORDERING", "NSIDE", "INDXSCHM", "OBJECT", "COORDSYS", "TUNIT1")
_FRAMES = {"equatorial": "C", "galactic": "G", "ecliptic": "E", "field": "F"}
_COMMENTS = {"F": "field frame: the axes of the field"}
_HEADER_NAMES = {
    **{letter: name for name, letter in _FRAMES.items()},
    "Q": "equatorial",
    "CELESTIAL": "equatorial",
    "CEL": "equatorial",
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


@checked
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
        (pixel,) or (column, pixel), RING order; NaN is written as the format's unseen value.
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
        If the maps have no HEALPix size, names are not one a column, the frame is none of
        the four, the file exists and ``overwrite`` is false, or it cannot be written.

    Notes
    -----
    float32 and float64 are kept. `read_map` gives back the same bits.
    """
    columns = np.atleast_2d(np.asarray(maps))
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


@checked
def read_map(path: str | Path) -> SkyMapFile:
    """Read all maps of a HEALPix FITS file, RING or NESTED, into RING order.

    Parameters
    ----------
    path
        File of this program, healpy or another.

    Returns
    -------
    The `SkyMapFile`, on the host.

    Raises
    ------
    ValueError
        If the file is missing, no FITS file, truncated, holds no HEALPix table, only a part
        of the sky, not the number of pixels its header says, infinite values, or more than
        256 MiB and a hundredfold out of gzip.
    """
    header, names, columns = _read_table(path)
    nside = _checked_header(path, header, columns)
    if header["ORDERING"].strip().upper() != "RING":
        columns = columns[:, ring_to_nest(nside, np.arange(12 * nside**2))]
    # the format's value has been rounded to the type of the column
    unseen = np.isclose(columns, UNSEEN, rtol=1e-6, atol=0)
    word = str(header.get("COORDSYS", "")).strip()
    return SkyMapFile(
        np.where(unseen, np.asarray(np.nan, columns.dtype), columns),
        names,
        nside,
        _HEADER_NAMES.get(word.upper(), word.lower()),
        str(header.get("TUNIT1", "")).strip(),
    )


def _checked_columns(columns: np.ndarray, names: Sequence[str], frame: str) -> int:
    """Return nside once columns, names and frame are known to be usable."""
    if columns.ndim != 2:
        raise argument_error(
            "write_map: maps",
            expected="(pixel,) or (column, pixel)",
            got=columns.shape,
            remedy="Reshape to one row a map.",
        )
    nside = nside_of(columns.shape[-1])
    if len(set(names)) != len(columns) or isinstance(names, str):
        raise argument_error(
            "write_map: names",
            expected=f"{len(columns)} different names, one a map",
            got=repr(names),
            remedy='For example names=("relative_intensity", "error").',
        )
    if frame not in _FRAMES:
        raise argument_error(
            "write_map: frame",
            expected=" or ".join(f'"{name}"' for name in _FRAMES),
            got=repr(frame),
            remedy="Name the frame of the pixel directions.",
        )
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


def _read_table(path: str | Path) -> tuple[dict[str, Any], tuple[str, ...], np.ndarray]:
    """Return header, names and (column, pixel) values of the first HEALPix table."""
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


def _values(table: Any) -> tuple[tuple[str, ...], np.ndarray]:
    """Return names and values of the columns, in the byte order of this machine."""
    formats = [str(x) for x in table.columns.formats]
    if not all(_NUMBERS.fullmatch(x) for x in formats):
        raise ValueError(f"columns of {', '.join(formats)}, not of real numbers")
    names = tuple(table.columns.names)
    with np.errstate(over="ignore", invalid="ignore"):
        columns = [np.asarray(table.data[name]).ravel() for name in names]
        floats = [values.astype(_native_float(values.dtype)) for values in columns]
    return names, np.stack(floats)


def _native_float(dtype: np.dtype) -> type:
    """Return float32 for float32 and float64 for all other numbers."""
    return np.float32 if dtype.kind == "f" and dtype.itemsize == 4 else np.float64


def _checked_header(path: str | Path, header: dict[str, Any], columns: np.ndarray) -> int:
    """Return nside of a file that holds the whole sky and says how it is ordered."""
    scheme = str(header.get("INDXSCHM", "IMPLICIT")).strip().upper()
    if scheme != "IMPLICIT" or str(header.get("OBJECT", "")).strip().upper() == "PARTIAL":
        raise _bad_file(
            path,
            "a map of the whole sky (INDXSCHM = IMPLICIT)",
            f"a part of it (INDXSCHM = {shortened(scheme)})",
            "Fill it with healpy.read_map(path, partial=True) and save it with write_map.",
        )
    ordering = str(header.get("ORDERING", "")).strip().upper()
    if ordering not in ("RING", "NESTED", "NEST"):
        raise _bad_file(
            path, "the header word ORDERING = RING or NESTED", repr(shortened(ordering))
        )
    nside = header.get("NSIDE", 0)
    if type(nside) is not int or nside < 1 or nside & (nside - 1):
        raise _bad_file(path, "the header word NSIDE, a power of two", shortened(repr(nside)))
    if columns.shape[1] != 12 * nside**2:
        raise _bad_file(
            path, f"12 nside² = {12 * nside**2} pixels as its NSIDE says", str(columns.shape[1])
        )
    if np.any(np.isinf(columns)):
        raise _bad_file(path, "finite values, or unseen ones", "infinite ones")
    return nside


def _bad_file(
    path: str | Path,
    expected: str,
    got: str,
    remedy: str = "Check the path, or write the map again, with write_map or healpy.write_map.",
) -> ValueError:
    """Return the error about a file that cannot be read."""
    return argument_error(f"read_map: {path}", expected=expected, got=got, remedy=remedy)
