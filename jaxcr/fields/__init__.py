"""Magnetic fields: B at a point."""

from jaxcr.fields.analytic import UniformField
from jaxcr.fields.boundaries import Boundary, Periodic
from jaxcr.fields.field import Field, Lattice, ScaledField, SumField
from jaxcr.fields.grid import GridField
from jaxcr.fields.realise_grid import realise_grid
from jaxcr.fields.report import FieldReport, describe
from jaxcr.fields.snapshot import read_field, write_field
from jaxcr.fields.spectra import PowerLaw, Spectrum
from jaxcr.fields.stencils import CubicSpline, Linear, Stencil

__all__ = [
    "Boundary",
    "CubicSpline",
    "Field",
    "FieldReport",
    "GridField",
    "Lattice",
    "Linear",
    "Periodic",
    "PowerLaw",
    "ScaledField",
    "Spectrum",
    "Stencil",
    "SumField",
    "UniformField",
    "describe",
    "read_field",
    "realise_grid",
    "write_field",
]
