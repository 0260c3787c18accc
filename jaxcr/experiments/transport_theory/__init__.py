"""Kinetic theory of transport: its closed forms, orbits beside it, and its two equations."""

from jaxcr.experiments.transport_theory.grid_and_paths import GRID_AND_PATHS
from jaxcr.experiments.transport_theory.mean_free_path import MEAN_FREE_PATH
from jaxcr.experiments.transport_theory.parker import PARKER
from jaxcr.experiments.transport_theory.pitch_angle_equation import PITCH_ANGLE_EQUATION
from jaxcr.experiments.transport_theory.pitch_angle_scattering import PITCH_ANGLE_SCATTERING

TRANSPORT_THEORY = (
    PITCH_ANGLE_SCATTERING, MEAN_FREE_PATH, PITCH_ANGLE_EQUATION, PARKER, GRID_AND_PATHS,
)  # fmt: skip

__all__ = ["TRANSPORT_THEORY"]
