"""Parker's transport equation on a grid: diffusion, advection, energy changes, sources."""

from jaxcr.kinetic.parker.age import mean_age
from jaxcr.kinetic.parker.boundaries import (
    BoundaryCondition,
    FreeEscape,
    Outflow,
    Prescribed,
    Reflecting,
)
from jaxcr.kinetic.parker.evolve import evolve_parker
from jaxcr.kinetic.parker.grid import CartesianGrid, MomentumGrid, SpatialGrid, SphericalGrid
from jaxcr.kinetic.parker.losses import MomentumLosses
from jaxcr.kinetic.parker.problem import ParkerProblem
from jaxcr.kinetic.parker.solution import Budget, ParkerHistory, ParkerSolution
from jaxcr.kinetic.parker.steady import solve_parker

__all__ = [
    "BoundaryCondition",
    "Budget",
    "CartesianGrid",
    "FreeEscape",
    "MomentumGrid",
    "MomentumLosses",
    "Outflow",
    "ParkerHistory",
    "ParkerProblem",
    "ParkerSolution",
    "Prescribed",
    "Reflecting",
    "SpatialGrid",
    "SphericalGrid",
    "evolve_parker",
    "mean_age",
    "solve_parker",
]
