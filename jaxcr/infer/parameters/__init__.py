"""Fit parameters: names, units, bounds, priors, transforms."""

from jaxcr.infer.parameters.parameter import Flat, Normal, Parameter, ParameterSet, Prior

__all__ = ["Flat", "Normal", "Parameter", "ParameterSet", "Prior"]
