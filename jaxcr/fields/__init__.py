"""Magnetic fields: B at a point."""

from jaxcr.annotations import checked_folder
from jaxcr.fields.analytic import FunctionField, UniformField
from jaxcr.fields.boundaries import Boundary, Clamped, Mirrored, Periodic, ZeroOutside
from jaxcr.fields.cascade import GoldreichSridhar
from jaxcr.fields.field import Field, Lattice, ScaledField, SumField
from jaxcr.fields.geometries import Geometry, Isotropic, Slab, SlabTwoD, TwoDimensional
from jaxcr.fields.grid import GridField, outside_samples
from jaxcr.fields.jansson_farrar import JanssonFarrarField
from jaxcr.fields.large_scale import DipoleField, ParkerSpiralField
from jaxcr.fields.mhd_modes import Alfven, Fast, Slow
from jaxcr.fields.mirror_chain import MirrorChainField
from jaxcr.fields.moving import FieldSequence, MotionalField, MovingField
from jaxcr.fields.potential import PotentialGridField
from jaxcr.fields.realise_grid import realise_grid
from jaxcr.fields.realise_waves import realise_waves
from jaxcr.fields.report import FieldReport, describe
from jaxcr.fields.rescaling import rescale_field
from jaxcr.fields.shipped import mhd_snapshot, mhd_snapshot_notes
from jaxcr.fields.snapshot import read_field, read_notes, write_field
from jaxcr.fields.solenoidal import solenoidal_part
from jaxcr.fields.spectra import BendOver, FunctionSpectrum, PowerLaw, Spectrum
from jaxcr.fields.stencils import CatmullRom, CubicSpline, Linear, Nearest, Stencil
from jaxcr.fields.waves import WaveField

__all__ = [
    "Alfven",
    "BendOver",
    "Boundary",
    "CatmullRom",
    "Clamped",
    "CubicSpline",
    "DipoleField",
    "Fast",
    "Field",
    "FieldReport",
    "FieldSequence",
    "FunctionField",
    "FunctionSpectrum",
    "Geometry",
    "GoldreichSridhar",
    "GridField",
    "Isotropic",
    "JanssonFarrarField",
    "Lattice",
    "Linear",
    "MirrorChainField",
    "Mirrored",
    "MotionalField",
    "MovingField",
    "Nearest",
    "ParkerSpiralField",
    "Periodic",
    "PotentialGridField",
    "PowerLaw",
    "ScaledField",
    "Slab",
    "SlabTwoD",
    "Slow",
    "Spectrum",
    "Stencil",
    "SumField",
    "TwoDimensional",
    "UniformField",
    "WaveField",
    "ZeroOutside",
    "describe",
    "mhd_snapshot",
    "mhd_snapshot_notes",
    "outside_samples",
    "read_field",
    "read_notes",
    "realise_grid",
    "realise_waves",
    "rescale_field",
    "solenoidal_part",
    "write_field",
]

checked_folder(globals())
