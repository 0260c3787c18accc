"""Fits: optimisers, several starts, what the data constrain."""

from jaxcr.infer.fitting.fit import FitResult, fit

__all__ = ["FitResult", "fit"]
