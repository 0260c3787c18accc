"""VTK files of PLUTO and Athena, read by VTK."""

import sys

import jax.numpy as jnp
import numpy as np
import pytest

from jaxcr.checks import ArgumentError
from jaxcr.fields import Clamped, read_field
from jaxcr.fields.field import sample_field

SHAPE = (4, 5, 6)
PLACE = {
    "unit": 1.0,
    "spacing": jnp.array([0.5, 0.5, 1.0]),
    "origin": jnp.zeros(3),
    "boundary": Clamped(),
    "storage": jnp.float64,
}


def write(path, arrays, head="RECTILINEAR_GRID", dimensions="5 6 7", cells=120):
    """Write big-endian float32, as PLUTO does: time, edges of the cells, arrays."""
    content = [b"# vtk DataFile Version 2.0\nPLUTO\nBINARY\n", f"DATASET {head}\n".encode()]
    content += [b"FIELD FieldData 1\nTIME 1 1 double\n", np.array(3.0, ">f8").tobytes(), b"\n"]
    content.append(f"DIMENSIONS {dimensions}\n".encode())
    if head == "RECTILINEAR_GRID":
        for axis, num, step in zip("XYZ", SHAPE, (0.5, 0.5, 1.0), strict=True):
            edges = (step * np.arange(num + 1)).astype(">f4")
            content += [f"{axis}_COORDINATES {num + 1} float\n".encode(), edges.tobytes(), b"\n"]
    else:
        content.append(b"ORIGIN 0 0 0\nSPACING 0.5 0.5 1\n")
    content.append(f"CELL_DATA {cells}\n".encode())
    for name, values in arrays.items():
        if values.ndim == 4:
            content.append(f"VECTORS {name} float\n".encode())
        else:
            content.append(f"SCALARS {name} float\nLOOKUP_TABLE default\n".encode())
        content += [values.swapaxes(0, 2).astype(">f4").tobytes(), b"\n"]
    path.write_bytes(b"".join(content))
    return path


@pytest.fixture
def values(rng):
    return rng.normal(size=(*SHAPE, 3)).astype(np.float32)


@pytest.fixture
def vtk():
    return pytest.importorskip("vtkmodules")


def vectors(values, name):
    return {"rho": values[..., 0], "3D_Velocity_Field": 0 * values, name: values}


def components(values):
    return {"rho": values[..., 0]} | {f"Bx{i}": values[..., i - 1] for i in (3, 1, 2)}


@pytest.mark.parametrize("name", ["3D_Magnetic_Field", "Bcc", "cell_centered_B"])
@pytest.mark.parametrize("head", ["RECTILINEAR_GRID", "STRUCTURED_POINTS"])
def test_vectors(tmp_path, vtk, values, name, head):
    field = read_field(write(tmp_path / "b.vtk", vectors(values, name), head), **PLACE)
    np.testing.assert_array_equal(sample_field(field, field.lattice()), values)


def test_components_by_name_and_any_array_by_dataset(tmp_path, vtk, values):
    arrays = components(values) | {"A": 2 * values}
    for dataset, factor in ((None, 1.0), ("bx", 1.0), ("A", 2.0)):
        path = write(tmp_path / "b.vtk", arrays)
        field = read_field(path, dataset=dataset, **PLACE)
        np.testing.assert_array_equal(sample_field(field, field.lattice()), factor * values)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"spacing": 0.5}, "spacing: expected .*"),
        ({"axes": "xyzc"}, "axes"),
        ({"dataset": "rho"}, "vectors in rho in .*b.vtk"),
        ({"dataset": "T"}, "one of those in .*b.vtk: rho, .*3D_Magnetic_Field"),
    ],
)
def test_what_contradicts_the_file_is_refused(tmp_path, vtk, values, options, message):
    path = write(tmp_path / "b.vtk", vectors(values, "3D_Magnetic_Field"))
    with pytest.raises(ArgumentError, match=message):
        read_field(path, **(PLACE | options))


def test_damaged_files_and_other_meshes_are_refused(tmp_path, vtk, values, capfd):
    arrays = vectors(values, "Bcc")
    whole = write(tmp_path / "b.vtk", arrays).read_bytes()
    for content, message in (
        (whole[:-200], r"b\.vtk \(.*Error reading binary data"),
        (whole[:60], "RECTILINEAR_GRID or STRUCTURED_POINTS in .*b.vtk"),
        (whole.replace(b"RECTILINEAR_GRID", b"STRUCTURED_GRID"), "STRUCTURED_POINTS in"),
        (whole.replace(b"CELL_DATA 120", b"CELL_DATA 119"), "Number of cells don't match"),
        (whole.replace(b" 5 6 7", b" 5000 6000 7"), r"\d+ cells in \d+ bytes"),
    ):
        (tmp_path / "b.vtk").write_bytes(content)
        with pytest.raises(ArgumentError, match=message):
            read_field(tmp_path / "b.vtk", **PLACE)
    assert capfd.readouterr() == ("", "")


def test_without_vtk_the_extra_is_named(tmp_path, values, monkeypatch):
    monkeypatch.setitem(sys.modules, "vtkmodules.vtkCommonCore", None)
    with pytest.raises(ArgumentError, match=r"read_field: path: .*pip install 'jaxcr\[io\]'"):
        read_field(write(tmp_path / "b.vtk", vectors(values, "Bcc")), **PLACE)
