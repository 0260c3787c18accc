"""Cubes in legacy VTK files, as PLUTO, Athena and Athena++ write them, read by VTK itself."""

import math
import os
import re
from contextlib import nullcontext
from functools import partial
from typing import Any

import numpy as np

from jaxcr.checks import argument_error
from jaxcr.fields.cube_formats import unexpected, uniform_step
from jaxcr.fields.cubes import Cube, cube_of_arrays
from jaxcr.fields.files import Path, blaming, choose
from jaxcr.untrusted.sizes import shortened

_HEAD = 2**12
_MESH = re.compile(rb"\sDATASET\s+(RECTILINEAR_GRID|STRUCTURED_POINTS)\s")
_NODES = re.compile(rb"\sDIMENSIONS\s+(\d+)\s+(\d+)\s+(\d+)\s")


def vtk_cube(path: Path, dataset: str | None) -> Cube:
    """Return B in the cells of a VTK file, or at its points where it has no cells.

    It is one array of vectors, or three whose names say which component they are. The mesh is in
    units of the code.

    Raises
    ------
    ValueError
        When VTK is not installed, or what it finds is damaged or no uniform mesh.
    """
    with blaming(path):
        _check_head(path)
    mesh = _read(path)
    shape, lines, arrays = _samples(mesh)
    aspect = [uniform_step(path, axis, line) for axis, line in zip("xyz", lines, strict=True)]
    named = {}
    for name, values in arrays.items():
        if values.shape[1:] == (3,):
            named |= {f"{name}_{axis}": values[:, i] for i, axis in enumerate("xyz")}
        named[name] = values
    chosen = [named[name] for name in choose(path, list(named), dataset)]
    if sum(math.prod(x.shape[1:]) for x in chosen) != 3:
        raise unexpected(path, f"vectors in {dataset}", "other numbers")
    axes = "zyxc" if len(chosen) == 1 else "zyx"
    chosen = [x.reshape(*shape[::-1], *x.shape[1:]) for x in chosen]
    openers = [partial(nullcontext, x) for x in chosen]
    return cube_of_arrays(openers, chosen[0].shape, axes, {"axes": axes}, np.array(aspect))


def _check_head(path: Path) -> None:
    """Raise unless the head tells of a mesh of boxes that fits into the file."""
    with open(path, "rb") as file:
        head = file.read(_HEAD)
    nodes = _NODES.search(head)
    if not (_MESH.search(head) and nodes):
        raise unexpected(path, "RECTILINEAR_GRID or STRUCTURED_POINTS", "another mesh of VTK")
    cells = math.prod(max(1, int(n) - 1) for n in nodes.groups())
    if cells > os.path.getsize(path):
        raise ValueError(f"{cells} cells in {os.path.getsize(path)} bytes")


def _read(path: Path) -> Any:
    """Return what VTK reads. It fills what is missing with anything and says so to a window."""
    try:
        from vtkmodules.vtkCommonCore import vtkLogger, vtkOutputWindow, vtkStringOutputWindow
        from vtkmodules.vtkIOLegacy import vtkDataSetReader
    except ImportError as problem:
        raise argument_error(
            "read_field: path",
            expected="vtk, which reads VTK files",
            got="an environment without it",
            remedy="Install the extra: pip install 'jaxcr[io]'.",
        ) from problem
    window, before = vtkStringOutputWindow(), vtkOutputWindow.GetInstance()
    verbosity = vtkLogger.GetCurrentVerbosityCutoff()
    reader = vtkDataSetReader()
    reader.SetFileName(os.fspath(path))
    reader.ReadAllScalarsOn()
    reader.ReadAllVectorsOn()
    vtkOutputWindow.SetInstance(window)
    vtkLogger.SetStderrVerbosity(vtkLogger.VERBOSITY_OFF)
    try:
        reader.Update()
    finally:
        vtkOutputWindow.SetInstance(before)
        vtkLogger.SetStderrVerbosity(verbosity)
    with blaming(path):
        if window.GetOutput():
            raise ValueError(shortened(" ".join(window.GetOutput().split())))
    return reader.GetOutput()


def _samples(mesh: Any) -> tuple[list[int], list[np.ndarray], dict[str, np.ndarray]]:
    """Return shape, coordinates along each axis, and arrays (sample, component) by name."""
    from vtkmodules.util.numpy_support import vtk_to_numpy

    nodes, attributes = mesh.GetDimensions(), mesh.GetCellData()
    shape = [max(1, n - 1) for n in nodes]
    if not attributes.GetNumberOfArrays():
        shape, attributes = list(nodes), mesh.GetPointData()
    if hasattr(mesh, "GetXCoordinates"):
        axes = (mesh.GetXCoordinates(), mesh.GetYCoordinates(), mesh.GetZCoordinates())
        lines = [vtk_to_numpy(x) for x in axes]
    else:
        lines = [step * np.arange(n) for step, n in zip(mesh.GetSpacing(), nodes, strict=True)]
    found = [attributes.GetArray(i) for i in range(attributes.GetNumberOfArrays())]
    return shape, lines, {x.GetName(): vtk_to_numpy(x) for x in found if x is not None}
