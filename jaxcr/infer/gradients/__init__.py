"""Derivatives of C_l by parameters of turbulence, and how far to trust them."""

from jaxcr.infer.gradients.report import GradientReport, spectrum_gradient

__all__ = ["GradientReport", "spectrum_gradient"]
