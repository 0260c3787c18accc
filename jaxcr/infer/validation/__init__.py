"""Does a fit give back what was planted? Simulated data, closure, calibration, forecasts."""

from jaxcr.infer.validation.simulate import PLANTED, simulate_data

__all__ = ["PLANTED", "simulate_data"]
