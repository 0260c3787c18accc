"""Inference: from spectra to parameters, with gradients."""

from jaxcr.infer.density_fit import DensityFit, DensityProfile, fit_density, read_density
from jaxcr.infer.emulator import TransferTable, build_transfer_table
from jaxcr.infer.fitting import FitResult, fit
from jaxcr.infer.gradients import GradientReport, spectrum_gradient
from jaxcr.infer.likelihood import Problem, fisher_matrix, log_likelihood
from jaxcr.infer.parameters import Flat, Normal, Parameter, ParameterSet, Prior
from jaxcr.infer.posterior import Posterior, sample_posterior
from jaxcr.infer.simulate import PLANTED, simulate_data
from jaxcr.infer.skies import AXIS, SkyEnsemble, simulated_spectra
from jaxcr.infer.sky_model import Prediction, SkyModel, default_parameters
from jaxcr.infer.systematics import PathSystematic, path_systematic
from jaxcr.infer.trap_model import TrapModel
from jaxcr.observed import SpectrumData, read_spectrum

__all__ = [
    "AXIS",
    "PLANTED",
    "DensityFit",
    "DensityProfile",
    "FitResult",
    "Flat",
    "GradientReport",
    "Normal",
    "Parameter",
    "ParameterSet",
    "PathSystematic",
    "Posterior",
    "Prediction",
    "Prior",
    "Problem",
    "SkyEnsemble",
    "SkyModel",
    "SpectrumData",
    "TransferTable",
    "TrapModel",
    "build_transfer_table",
    "default_parameters",
    "fisher_matrix",
    "fit",
    "fit_density",
    "log_likelihood",
    "path_systematic",
    "read_density",
    "read_spectrum",
    "sample_posterior",
    "simulate_data",
    "simulated_spectra",
    "spectrum_gradient",
]
