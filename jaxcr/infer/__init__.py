"""Inference: from spectra to parameters, with gradients that say how far they hold."""

from jaxcr.infer.density_fit import DensityFit, DensityProfile, fit_density, read_density
from jaxcr.infer.emulator import (
    TransferTable,
    build_transfer_table,
)
from jaxcr.infer.fitting import (
    FitResult,
    fit,
)
from jaxcr.infer.gradients import (
    GradientReport,
    spectrum_gradient,
)
from jaxcr.infer.likelihood import (
    Likelihood,
    LogNormalLikelihood,
    Problem,
    chi_squared,
    fisher_matrix,
    hartlap,
    log_likelihood,
    log_posterior,
    percival,
    posterior_residuals,
)
from jaxcr.infer.models import (
    Prediction,
    SkyModel,
    SpectrumModel,
    TrapSeries,
    default_parameters,
)
from jaxcr.infer.parameters import (
    Flat,
    Normal,
    Parameter,
    ParameterSet,
    Prior,
)
from jaxcr.infer.posterior import (
    Posterior,
    sample_posterior,
)
from jaxcr.infer.skies import (
    AXIS,
    PathSystematic,
    SkyEnsemble,
    path_systematic,
    simulated_spectra,
)
from jaxcr.infer.validation import (
    PLANTED,
    simulate_data,
)
from jaxcr.observed import SpectrumData, read_spectrum

__all__ = [
    "AXIS",
    "PLANTED",
    "DensityFit",
    "DensityProfile",
    "FitResult",
    "Flat",
    "GradientReport",
    "Likelihood",
    "LogNormalLikelihood",
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
    "SpectrumModel",
    "TransferTable",
    "TrapSeries",
    "build_transfer_table",
    "chi_squared",
    "default_parameters",
    "fisher_matrix",
    "fit",
    "fit_density",
    "hartlap",
    "log_likelihood",
    "log_posterior",
    "path_systematic",
    "percival",
    "posterior_residuals",
    "read_density",
    "read_spectrum",
    "sample_posterior",
    "simulate_data",
    "simulated_spectra",
    "spectrum_gradient",
]
