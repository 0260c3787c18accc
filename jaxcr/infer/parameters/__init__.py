"""Fit parameters: names, units, bounds, priors, what is fixed, transforms."""

from jaxcr.infer.parameters.parameter import Parameter
from jaxcr.infer.parameters.parameter_set import ParameterSet
from jaxcr.infer.parameters.prior import Flat, HalfNormal, Normal, Prior

__all__ = ["Flat", "HalfNormal", "Normal", "Parameter", "ParameterSet", "Prior"]
