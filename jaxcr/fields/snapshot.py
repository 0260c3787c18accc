"""Read a field from a simulation snapshot; write one and read it back."""

import io
import json
import math
import pathlib
from collections.abc import Sequence
from typing import Any

import h5py
import jax
import jax.numpy as jnp
import numpy as np

from jaxcr.arrays import ScalarLike, Vector
from jaxcr.checks import argument_error, check_finite, check_one_of, check_positive, check_range
from jaxcr.fields.assemble import assemble
from jaxcr.fields.boundaries import Boundary, Clamped, Mirrored, Periodic, ZeroOutside
from jaxcr.fields.cube_formats import (
    athena_cube,
    athenak_cube,
    flash_cube,
    is_athena,
    is_flash,
    is_well,
    pluto_aspect,
    raw_cube,
    well_cube,
    yt_cube,
)
from jaxcr.fields.cubes import Cube, check_axes, cube_of_arrays, without_ends
from jaxcr.fields.field import Field, check_static, sample_field
from jaxcr.fields.files import (
    ATHENAK,
    FITS,
    HDF5,
    VTK,
    Path,
    StoredArray,
    blaming,
    find_arrays,
    signature,
)
from jaxcr.fields.fits_cubes import fits_cube
from jaxcr.fields.grid import GridField, as_storage, store
from jaxcr.fields.stated import as_text, component_order, unit_of
from jaxcr.fields.stencils import Linear, Stencil
from jaxcr.fields.vtk_cubes import vtk_cube
from jaxcr.runtime.atomic import write_whole
from jaxcr.untrusted.sizes import shortened

_FORMAT = "jaxcr field 1"
_DATASET = "magnetic_field"
_BOUNDARIES = {kind.__name__: kind for kind in (Periodic, Clamped, Mirrored, ZeroOutside)}


def read_field(
    path: Path | Sequence[Path],
    *,
    unit: float | str | None = None,
    spacing: ScalarLike | Vector | None = None,
    origin: Vector | None = None,
    axes: str | None = None,
    boundary: Boundary | None = None,
    dataset: str | None = None,
    frame: tuple[int, int] | None = None,
    shape: tuple[int, int, int] | None = None,
    level: int | None = None,
    endpoint: bool = False,
    stencil: Stencil | None = None,
    storage=jnp.float32,
) -> GridField:
    """Read a cube of B from a file of HDF5, NPZ, NPY, FITS, VTK, AthenaK or CRPropa.

    In HDF5 the layouts of Athena++, FLASH, PLUTO and The Well are known.

    Parameters
    ----------
    path
        The file, its kind known from its content; or three, one a component. Three arrays in one
        file are Bx, By, Bz by their names (``bcc1``, ``magnetic_field_x``; EXTNAME in FITS).
    unit, spacing, origin
        µG in one unit of the file (1e6 for gauss), or "uG", "nT", "G", "T", and with "/sqrt(4pi)"
        for codes that keep B/sqrt(4 pi), as Athena++ and PLUTO; cell size and corner of the box in
        pc. What a file records (BUNIT, CDELT, ``units``) may be left out; the rest is required.
    axes
        Order of the axes, c for the components: ``"xyzc"`` for (nx, ny, nz, 3), ``"zyx"`` for
        one of three arrays. Required unless the layout fixes it; FITS has "zyx" by custom.
    boundary
        What continues the cube: ``Periodic()``, ``Clamped()``, ``Mirrored()``,
        ``ZeroOutside()``. Required unless the file states it.
    dataset
        Name of the samples in the file, or how the names of the three components begin; needed
        when it holds several arrays that could be B.
    frame
        (run, time) in a file of The Well that holds several cubes.
    shape
        Cells on each axis of CRPropa's grids: bare float32 triplets or text, z fastest.
    level
        Refinement level at which yt resamples a file of any code that it reads; yt gives unit,
        spacing and origin (extra ``jaxcr[io]``).
    endpoint
        Whether a periodic cube has its first planes once more at its end, as ``linspace`` makes
        them: the last plane of each axis is left out, and the first sample sits at ``origin``.
    stencil, storage
        See ``GridField``.

    Raises
    ------
    ValueError
        When a file is missing, broken or of another kind, samples are missing, not finite or of
        another shape, the mesh is refined, opposite faces of a periodic cube do not fit, or
        what is required is missing or contradicts the file. Also when a file could harm: Python
        objects, links to other files, sizes that are not in the file, or more than 256 MiB and
        a hundredfold out of compressed data.

    Notes
    -----
    A periodic cube in a float store is read in place: 1.3 times its size at most. NPZ and VTK
    files are read as a whole. yt (``level``) and VTK (extra ``jaxcr[io]``) read in code of their
    own what they find: only for files that are trusted. Texts in an HDF5 file, which can crash its
    library when damaged, are read in another process first.
    """
    unit = None if unit is None else _in_microgauss(unit)
    if level is None:
        cube, where = _open_cube(path, axes, dataset, frame, shape)
    else:
        cube, where = yt_cube(path, level), str(path)
    given = {"unit": unit, "spacing": spacing, "origin": origin, "boundary": boundary, "axes": axes}
    unit, spacing, origin, boundary, _ = _settle(where, given, cube.stated)
    dtype = jnp.result_type(float)
    spacing = jnp.broadcast_to(
        jnp.asarray(check_positive("read_field: spacing", spacing), dtype), (3,)
    )
    origin = jnp.asarray(check_finite("read_field: origin", origin), dtype)
    _check_aspect(where, cube, spacing)
    if endpoint:  # samples sit on the corners of cells, the first at the corner of the box
        remedy = "Only a periodic cube has planes twice."
        kind = type(boundary).__name__
        check_one_of("read_field: endpoint", kind, [Periodic.__name__], remedy=remedy)
        cube, origin = without_ends(cube, where), origin - spacing / 2
    return assemble(
        where,
        cube,
        unit=unit,
        spacing=spacing,
        origin=origin,
        boundary=boundary,
        stencil=Linear() if stencil is None else stencil,
        storage=as_storage("read_field: storage", storage, jnp.float32),
    )


def write_field(
    path: Path, field: Field, *, storage=None, notes: dict[str, Any] | None = None
) -> None:
    """Write the samples of a field in µG, with spacing and origin in pc, to an HDF5 file.

    Parameters
    ----------
    path
        The file; one that exists is replaced.
    field
        A ``GridField``, or a sum or multiple that contains one. Factors are multiplied in;
        stencil and storage are chosen again on reading.
    storage
        Type in the file: ``jnp.float32``, ``jnp.float64`` or ``jnp.int16`` (scaled, error 1.5e-5
        of the largest component). Default: the type of the samples.
    notes
        What else is known of the field, for JSON; `read_notes` returns it.

    Raises
    ------
    ValueError
        When the field has no grid, or changes in time.
    """
    check_static("write_field: field", field)
    lattice = field.lattice()
    if lattice is None:
        raise argument_error(
            "write_field: field",
            expected="a field that contains a grid",
            got=type(field).__name__,
            remedy="Sample it on a grid: GridField(samples, spacing=..., origin=...).",
        )
    samples = sample_field(field, lattice)
    stored, quantum = store(samples, as_storage("write_field: storage", storage, samples.dtype))
    attributes = {
        "format": _FORMAT,
        "unit": float(quantum),
        "spacing": np.asarray(lattice.spacing),
        "origin": np.asarray(lattice.origin),
        "boundary": type(_boundary_of(field)).__name__,
        "notes": json.dumps(notes or {}),
    }
    content = io.BytesIO()  # in memory, so that the file is whole or not there
    with h5py.File(content, "w") as file:
        file.create_dataset(_DATASET, data=np.asarray(stored), compression="gzip", shuffle=True)
        file[_DATASET].attrs.update(attributes)
    write_whole(pathlib.Path(path), content.getvalue())


def read_notes(path: Path) -> dict[str, Any]:
    """Return the notes that ``write_field`` wrote beside a field.

    Raises
    ------
    ValueError
        When the file is missing or broken, or the notes are not such.
    """
    written = find_arrays(path, _DATASET)[0].attributes.get("notes", "{}")
    with blaming(path):
        notes = json.loads(written)
        if not isinstance(notes, dict):
            raise ValueError("notes that are no dictionary")
    return notes


def _boundary_of(field: Field) -> Boundary:
    """Return what continues the grid within a field."""
    grids = [x for x in jax.tree.leaves(field, is_leaf=_is_grid) if isinstance(x, GridField)]
    return max(grids, key=lambda x: max(x.shape)).boundary


def _is_grid(node: Any) -> bool:
    return isinstance(node, GridField)


def _open_cube(
    path: Path | Sequence[Path],
    axes: str | None,
    dataset: str | None,
    frame: tuple[int, int] | None,
    shape: tuple[int, int, int] | None,
) -> tuple[Cube, str]:
    """Return the cube and how to name its file."""
    if isinstance(path, Sequence) and not isinstance(path, str):
        return _open_triple(path, axes), ", ".join(map(str, path))
    if shape is not None:
        return raw_cube(path, shape), str(path)
    start = signature(path)
    if start.startswith(FITS):
        return fits_cube([path], axes), str(path)
    if start.startswith(ATHENAK):
        return athenak_cube(path), str(path)
    if start.startswith(VTK):
        return vtk_cube(path, dataset), str(path)
    if start.startswith(HDF5) and dataset is None:
        with blaming(path), h5py.File(path, "r") as file:
            if is_well(file):
                return well_cube(path, file, frame), str(path)
            if is_athena(file):
                return athena_cube(path, file), str(path)
            if is_flash(file):
                return flash_cube(path, file), str(path)
    return _plain_cube(str(path), find_arrays(path, dataset), axes), str(path)


def _open_triple(paths: Sequence[Path], axes: str | None) -> Cube:
    """Return the cube of three files."""
    remedy = "Give one file, or three with Bx, By, Bz."
    check_one_of("read_field: path, number of files", len(paths), [3], remedy=remedy)
    where = ", ".join(map(str, paths))
    if signature(paths[0]).startswith(FITS):
        return fits_cube(paths, axes)
    arrays = [array for path in paths for array in find_arrays(path, None)]
    order = component_order(where, [array.name or "" for array in arrays])
    return _plain_cube(where, [arrays[i] for i in order], axes)


def _plain_cube(where: str, arrays: list[StoredArray], axes: str | None) -> Cube:
    """Return the cube in one array of four axes, or in three of three."""
    shape, attributes, ndim = arrays[0].shape, arrays[0].attributes, 3 + (len(arrays) == 1)
    alike = all(array.shape == shape for array in arrays)
    if not alike or len(shape) != ndim or 0 in shape or (ndim == 4 and 3 not in shape):
        raise argument_error(
            "read_field: path",
            expected="three arrays of one shape (nx, ny, nz)"
            if ndim == 3
            else "samples of shape (nx, ny, nz, 3) in some order of axes",
            got=f"shape {', '.join(str(array.shape) for array in arrays)} in {where}",
            remedy="Choose the array that holds B with dataset, or give three files.",
        )
    if str(attributes.get("format")) == _FORMAT:
        return cube_of_arrays([arrays[0].open], shape, "xyzc", _stated(where, attributes))
    names = {as_text(x.attributes.get("units", x.attributes.get("unit", ""))) for x in arrays}
    if len(names) > 1:
        raise argument_error(
            "read_field: path",
            expected="one unit for the three components",
            got=f"{shortened(', '.join(sorted(names)))} in {where}",
            remedy="Convert them to one unit.",
        )
    unit = unit_of(names.pop())
    stated = {} if unit is None else {"unit": unit}
    aspect = None
    if (arrays[0].name or "").startswith("Timestep_"):
        stated["axes"], axes, aspect = "zyx", axes or "zyx", pluto_aspect(where)
    axes = _require_axes(axes, ndim, where)
    check_one_of(
        "read_field: axes",
        shape[axes.index("c")] if ndim == 4 else 3,
        [3],
        remedy=f"c is the axis of the three components, of length 3 in {shape}.",
    )
    return cube_of_arrays([array.open for array in arrays], shape, axes, stated, aspect)


def _stated(path: Path, attributes: dict[str, Any]) -> dict[str, Any]:
    """Return what ``write_field`` recorded."""
    with blaming(path):
        stated = {x: np.asarray(attributes[x], float) for x in ("unit", "spacing", "origin")}
        shapes = tuple(x.shape for x in stated.values())
        name = str(attributes.get("boundary", Periodic.__name__))
        if shapes not in (((), (), (3,)), ((), (3,), (3,))) or name not in _BOUNDARIES:
            raise ValueError(f"shapes {shapes} of unit, spacing and origin, boundary {name}")
        unit, spacing, origin = stated.values()
        lengths = np.append(spacing, unit)
        if not (np.all((lengths > 0) & np.isfinite(lengths)) and np.all(np.isfinite(origin))):
            raise ValueError(f"unit {unit}, spacing {spacing}, origin {origin}")
    return stated | {"unit": float(stated["unit"]), "boundary": _BOUNDARIES[name]()}


def _require_axes(axes: str | None, ndim: int, where: str) -> str:
    """Return the axes; raise when they are missing or make no sense."""
    if axes is None:
        example = "xyzc" if ndim == 4 else "zyx"
        raise argument_error(
            "read_field: axes",
            expected=f"the order of the axes, for example {example!r}",
            got=f"None, and {where} does not record it",
            remedy="Fortran and FITS order is 'zyx' in NumPy; c is the axis of components.",
        )
    check_axes(axes, ndim, where)
    return axes


def _settle(where: str, given: dict, stated: dict) -> list:
    """Return unit, spacing, origin and boundary as given, or as the file states them."""
    values = {name: stated.get(name) if x is None else x for name, x in given.items()}
    missing = [name for name, value in values.items() if value is None and name != "axes"]
    if missing:
        raise argument_error(
            f"read_field: {', '.join(missing)}",
            expected="unit in µG, spacing and origin in pc, boundary such as Periodic()",
            got=f"None, and {where} does not record it",
            remedy="Give them: a guess would be silent.",
        )
    wrong = [n for n in given if n in stated and _differ(values[n], stated[n])]
    if wrong:
        raise argument_error(
            f"read_field: {wrong[0]}",
            expected=f"{stated[wrong[0]]}, as {where} records",
            got=values[wrong[0]],
            remedy="Leave it out; rescale the field to change it.",
        )
    return list(values.values())


def _in_microgauss(unit: float | str) -> float:
    """Return a unit, a number of µG or a name, in µG."""
    return check_positive(
        "read_field: unit",
        (unit_of(unit) or math.nan) if isinstance(unit, str) else unit,
        expected="a positive number of µG, or uG, muG, nG, nT, G, T, or G/sqrt(4pi)",
        remedy=f"{unit!r} is none: give the strength of one unit of the file, 1e6 for gauss.",
    )


def _check_aspect(where: str, cube: Cube, spacing: Vector) -> None:
    """Raise when the cells of the file have another shape than the spacing."""
    if cube.aspect is None:
        return
    ratio = np.asarray(spacing) / cube.aspect
    check_range(
        "read_field: spacing",
        np.ptp(ratio) / ratio.max(),
        0.0,
        1e-3,
        expected=f"cells in the proportions {cube.aspect.tolist()} of {where}",
        remedy="Multiply the file's own spacing on each axis by its unit of length in pc.",
    )


def _differ(given, stated) -> bool:
    """Return whether two numbers, triples or boundaries differ by more than float32 rounding."""
    if isinstance(stated, Boundary):
        return type(given) is not type(stated)
    if isinstance(stated, str):
        return given != stated
    return not np.allclose(given, stated, rtol=1e-6, atol=0)
