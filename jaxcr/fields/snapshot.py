"""Read a field from a simulation snapshot; write one and read it back."""

import math
import os

import h5py
import jax.numpy as jnp
import numpy as np

from jaxcr.arrays import ScalarLike, Vector, argument_error
from jaxcr.fields.field import Field, sample_field
from jaxcr.fields.files import load_array
from jaxcr.fields.grid import GridField
from jaxcr.fields.stencils import Stencil

_FORMAT = "jaxcr field 1"
_DATASET = "magnetic_field"


def read_field(
    path: str | os.PathLike,
    *,
    unit: float | None = None,
    spacing: ScalarLike | Vector | None = None,
    origin: Vector | None = None,
    dataset: str | None = None,
    stencil: Stencil | None = None,
    storage=jnp.float32,
) -> GridField:
    """Read a periodic field from an NPZ, NPY or HDF5 file with samples (nx, ny, nz, 3).

    Parameters
    ----------
    path
        The file; its kind is known from its content.
    unit, spacing, origin
        µG in one unit of the file (1e6 for gauss); cell size and corner of the box in pc. A file
        of ``write_field`` records the three; for any other each must be given.
    dataset
        Name of the samples in the file; needed when it holds several arrays.
    stencil, storage
        See ``GridField``.

    Raises
    ------
    ValueError
        When the file is missing, broken or of another kind, when the samples are missing, not
        finite or of another shape, or when unit, spacing or origin is missing or contradicts
        the record.
    """
    values, attributes = load_array(path, dataset)
    given = {"unit": unit, "spacing": spacing, "origin": origin}
    unit, spacing, origin = _settle(path, given, attributes)
    return GridField(
        jnp.asarray(_in_microgauss(path, values, unit), jnp.result_type(float)),
        spacing=jnp.asarray(spacing, jnp.result_type(float)),
        origin=jnp.asarray(origin, jnp.result_type(float)),
        stencil=stencil,
        storage=storage,
    )


def write_field(path: str | os.PathLike, field: Field) -> None:
    """Write the samples of a field in µG, with spacing and origin in pc, to an HDF5 file.

    Parameters
    ----------
    path
        The file; one that exists is replaced.
    field
        A ``GridField``, or a sum or multiple that contains one. Factors are multiplied in;
        stencil and storage are chosen again on reading.

    Raises
    ------
    ValueError
        When the field has no grid.
    """
    lattice = field.lattice()
    if lattice is None:
        raise argument_error(
            "write_field: field",
            expected="a field that contains a grid",
            got=type(field).__name__,
            remedy="Sample it on a grid: GridField(samples, spacing=..., origin=...).",
        )
    samples = np.asarray(sample_field(field, lattice))
    with h5py.File(path, "w") as file:
        stored = file.create_dataset(_DATASET, data=samples)
        stored.attrs["format"] = _FORMAT
        stored.attrs["unit"] = 1.0
        stored.attrs["spacing"] = np.asarray(lattice.spacing)
        stored.attrs["origin"] = np.asarray(lattice.origin)


def _settle(path: str | os.PathLike, given: dict, attributes: dict) -> list:
    """Return unit, spacing and origin as given, or as ``write_field`` recorded them."""
    recorded = attributes if attributes.get("format") == _FORMAT else {}
    values = {name: recorded.get(name) if x is None else x for name, x in given.items()}
    missing = [name for name, value in values.items() if value is None]
    if missing:
        raise argument_error(
            f"read_field: {', '.join(missing)}",
            expected="unit in µG, spacing and origin in pc",
            got=f"None, and {path} does not record it",
            remedy="Give them; only files of write_field record them.",
        )
    wrong = [n for n in recorded.keys() & given.keys() if _differ(values[n], recorded[n])]
    if wrong:
        raise argument_error(
            f"read_field: {wrong[0]}",
            expected=f"{recorded[wrong[0]]}, as {path} records",
            got=values[wrong[0]],
            remedy="Leave it out; multiply the field to change its strength.",
        )
    return list(values.values())


def _in_microgauss(path: str | os.PathLike, values: np.ndarray, unit: float) -> np.ndarray:
    """Return the samples of the file in µG, or raise when they cannot be a field."""
    unit = float(unit)
    if not (math.isfinite(unit) and unit > 0):
        raise argument_error(
            "read_field: unit",
            expected="a positive number of µG",
            got=unit,
            remedy="Give the strength of one unit of the file, 1e6 for gauss.",
        )
    real = np.issubdtype(values.dtype, np.integer) or np.issubdtype(values.dtype, np.floating)
    if not real or values.ndim != 4 or values.shape[-1] != 3 or values.size == 0:
        raise argument_error(
            "read_field: path",
            expected="real numbers of shape (nx, ny, nz, 3)",
            got=f"{values.dtype} of shape {values.shape} in {path}",
            remedy="Put the components of B on the last axis, with numpy.moveaxis.",
        )
    num_bad = values.size - np.count_nonzero(np.isfinite(values))
    if num_bad:
        raise argument_error(
            "read_field: path",
            expected="finite values",
            got=f"{num_bad} of {values.size} not finite in {path}",
            remedy="Repair them or cut them away: one would spread through a spline.",
        )
    return np.asarray(values, np.float64) * unit


def _differ(given, recorded) -> bool:
    """Return whether two numbers or triples differ by more than float32 rounding."""
    return not np.allclose(given, recorded, rtol=1e-6, atol=0)
