"""Derivatives of C_l by parameters of turbulence, and how far to trust them."""

from jaxcr.infer.gradients.combined import Combined, combined_estimate
from jaxcr.infer.gradients.control import ControlVariate, controlled_means
from jaxcr.infer.gradients.custom_tangent import estimated_jacobian
from jaxcr.infer.gradients.difference import CentralDifference
from jaxcr.infer.gradients.differentiate import spectrum_gradient
from jaxcr.infer.gradients.estimate import GradientEstimator, JacobianEstimate
from jaxcr.infer.gradients.pathwise import Pathwise, pathwise_estimate
from jaxcr.infer.gradients.report import GradientReport
from jaxcr.infer.gradients.simulations import remembered
from jaxcr.infer.gradients.smoothed import Smoothed, smoothed_estimate
from jaxcr.infer.gradients.surrogate import composed_spectra, composed_surrogate, transfer_operator

__all__ = [
    "CentralDifference",
    "Combined",
    "ControlVariate",
    "GradientEstimator",
    "GradientReport",
    "JacobianEstimate",
    "Pathwise",
    "Smoothed",
    "combined_estimate",
    "composed_spectra",
    "composed_surrogate",
    "controlled_means",
    "estimated_jacobian",
    "pathwise_estimate",
    "remembered",
    "smoothed_estimate",
    "spectrum_gradient",
    "transfer_operator",
]
