"""Models of a spectrum with one interface: traps, cascade, simulated skies."""

from jaxcr.infer.models.base import Prediction, SpectrumModel
from jaxcr.infer.models.cascade_model import CascadeModel
from jaxcr.infer.models.sky_model import SkyModel, default_parameters
from jaxcr.infer.models.trap_model import TrapModel
from jaxcr.infer.models.trap_series import BoundarySeries, ChainSeries, TrapSeries

__all__ = [
    "BoundarySeries",
    "CascadeModel",
    "ChainSeries",
    "Prediction",
    "SkyModel",
    "SpectrumModel",
    "TrapModel",
    "TrapSeries",
    "default_parameters",
]
