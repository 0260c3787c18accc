"""Emulators of the transfer tensor over the parameters of turbulence."""

from jaxcr.infer.emulator.axes import TurbulenceAxis, physical_values, turbulence_axes
from jaxcr.infer.emulator.build import build_emulator, recentred, with_mean_weights
from jaxcr.infer.emulator.compression import CompressedSkies, compress
from jaxcr.infer.emulator.cross_validation import CrossValidation, against_simulation, leave_one_out
from jaxcr.infer.emulator.emulator import TransferEmulator
from jaxcr.infer.emulator.positive import EntropyWeights
from jaxcr.infer.emulator.weights import ChebyshevWeights, NodeWeights

__all__ = [
    "ChebyshevWeights",
    "CompressedSkies",
    "CrossValidation",
    "EntropyWeights",
    "NodeWeights",
    "TransferEmulator",
    "TurbulenceAxis",
    "against_simulation",
    "build_emulator",
    "compress",
    "leave_one_out",
    "physical_values",
    "recentred",
    "turbulence_axes",
    "with_mean_weights",
]
