"""Does a fit give back what was planted? Simulated data, closure, calibration, forecasts."""

from jaxcr.infer.validation.calibration import CalibrationReport, calibration_ranks, uniformity
from jaxcr.infer.validation.closure import ClosureReport, closure
from jaxcr.infer.validation.draw import (
    draw_gamma,
    draw_gaussian,
    draw_log_normal,
    draw_values,
    simulate_from,
)
from jaxcr.infer.validation.fit_many import ManyFits, fit_many
from jaxcr.infer.validation.forecast import Forecast, forecast, skies_needed
from jaxcr.infer.validation.simulate import PLANTED, data_from_tensors, simulate_data

__all__ = [
    "PLANTED",
    "CalibrationReport",
    "ClosureReport",
    "Forecast",
    "ManyFits",
    "calibration_ranks",
    "closure",
    "data_from_tensors",
    "draw_gamma",
    "draw_gaussian",
    "draw_log_normal",
    "draw_values",
    "fit_many",
    "forecast",
    "simulate_data",
    "simulate_from",
    "skies_needed",
    "uniformity",
]
