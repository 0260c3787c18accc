"""Models of a spectrum with one interface: traps, cascade, simulated skies."""

from jaxcr.infer.models.base import Prediction, SpectrumModel
from jaxcr.infer.models.sky_model import SkyModel, default_parameters
from jaxcr.infer.models.trap_series import TrapSeries

__all__ = ["Prediction", "SkyModel", "SpectrumModel", "TrapSeries", "default_parameters"]
