"""Cubes in FITS images: names, units and places of their headers, scaled whole numbers."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np

from jaxcr.fields.cube_formats import unexpected
from jaxcr.fields.cubes import Cube, check_axes, cube_of_arrays
from jaxcr.fields.files import Path, blaming
from jaxcr.fields.stated import as_text, component_order, length_of, unit_of
from jaxcr.untrusted.fits import open_fits
from jaxcr.untrusted.sizes import shortened


def fits_cube(paths: Sequence[Path], axes: str | None) -> Cube:
    """Return three FITS images, one for each component, in three files or in one; or one of 4 axes.

    EXTNAME says which component an image is; without names they count in order. By custom the
    first axis of an image (the last in NumPy) is x: axes "zyx", "czyx" where there are four.
    """
    images: list[tuple[Path, int, tuple[int, ...], dict[str, Any]]] = []
    for path in paths:
        with blaming(path), open_fits(path, memmap=False) as units:
            for number, unit in enumerate(units):
                if unit.is_image and unit.header.get("NAXIS", 0) in (3, 4):
                    images.append((path, number, unit.shape, _wcs(unit.header)))
    where = ", ".join(map(str, paths))
    if not (len(images) == 1 and len(images[0][2]) == 4):
        order = component_order(where, [x[3]["EXTNAME"] for x in images])
        images = [images[i] for i in order]
    shape, header = images[0][2], images[0][3] | {"EXTNAME": ""}
    if any(x[2:] != (shape, header | {"EXTNAME": x[3]["EXTNAME"]}) for x in images) or 0 in shape:
        got = f"images {shortened([x[2] for x in images])}"
        raise unexpected(where, "three images of one shape, Bx, By, Bz, unit and place", got)
    if axes is None and len(shape) == 4:
        axes = "zyxc" if shape[-1] == 3 != shape[0] else "czyx"
    axes = axes or "zyx"
    check_axes(axes, len(shape), where)
    openers = [partial(_open_image, path, number) for path, number, _, _ in images]
    with blaming(paths[0]):
        stated, aspect = _placed(header, axes)
    if len(shape) == 4 and shape[axes.index("c")] != 3:
        raise unexpected(where, "three components on the axis c", f"{shape}, axes {axes}")
    return cube_of_arrays(openers, shape, axes, stated, aspect)


def _wcs(header: Any) -> dict[str, Any]:
    """Return the cards of an image that say what it is, its unit, and where it lies."""
    names = [f"{word}{i}" for word in ("CDELT", "CUNIT", "CRPIX", "CRVAL") for i in range(1, 5)]
    found = {name: header[name] for name in ("BUNIT", *names) if name in header}
    return found | {"EXTNAME": as_text(header.get("EXTNAME", ""))}


def _placed(header: dict[str, Any], axes: str) -> tuple[dict[str, Any], np.ndarray | None]:
    """Return what the header states in µG and pc, and the shape of a cell where it has one."""
    stated: dict[str, Any] = {}
    unit = unit_of(header.get("BUNIT", ""))
    if unit is not None:
        stated["unit"] = unit
    numbers = [len(axes) - axes.index(letter) for letter in "xyz"]
    if not all(f"CDELT{i}" in header for i in numbers):
        return stated, None
    cell = np.array([header[f"CDELT{i}"] for i in numbers], float)
    if not np.all((cell > 0) & np.isfinite(cell)):
        raise ValueError(
            f"CDELT {cell.tolist()}: turn the axes of the image so that they are positive"
        )
    lengths = [length_of(header.get(f"CUNIT{i}", "")) for i in numbers]
    if None in lengths:
        alike = len({as_text(header.get(f"CUNIT{i}", "")) for i in numbers}) == 1
        return stated, cell if alike else None
    stated["spacing"] = cell * lengths
    if all(f"{word}{i}" in header for word in ("CRPIX", "CRVAL") for i in numbers):
        place, pixel = (
            np.array([header[f"{w}{i}"] for i in numbers], float) for w in ("CRVAL", "CRPIX")
        )
        # The centre of the first pixel is 1: the box begins at a half.
        stated["origin"] = (place + (0.5 - pixel) * cell) * lengths
    return stated, None


@contextmanager
def _open_image(path: Path, number: int) -> Iterator[np.ndarray]:
    # Mapped into memory, astropy would not apply BSCALE, BZERO and BLANK.
    with open_fits(path, memmap=False) as units:
        yield units[number].section
