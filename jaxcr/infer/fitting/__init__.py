"""Fits: optimisers, several starts, what the data constrain, profiles."""

from jaxcr.infer.fitting.directions import CONSTRAINED, Directions, data_directions
from jaxcr.infer.fitting.fit import fit
from jaxcr.infer.fitting.gradient_descent import LBFGS, Adam
from jaxcr.infer.fitting.levenberg_marquardt import LevenbergMarquardt
from jaxcr.infer.fitting.objective import Objective
from jaxcr.infer.fitting.optimiser import Optimiser, Run, Walk, run_starts
from jaxcr.infer.fitting.profile import Profile, profile
from jaxcr.infer.fitting.result import FitResult

__all__ = [
    "CONSTRAINED",
    "LBFGS",
    "Adam",
    "Directions",
    "FitResult",
    "LevenbergMarquardt",
    "Objective",
    "Optimiser",
    "Profile",
    "Run",
    "Walk",
    "data_directions",
    "fit",
    "profile",
    "run_starts",
]
