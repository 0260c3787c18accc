"""Orbits: from a start state to an exit state, and what is measured along the way."""

from jaxcr.annotations import checked_folder
from jaxcr.kinetic import guiding_center_velocity
from jaxcr.orbits.averages import OrbitAverage, average_over_orbits
from jaxcr.orbits.boris import Boris
from jaxcr.orbits.bulirsch_stoer import BulirschStoer
from jaxcr.orbits.chaos import lyapunov_length
from jaxcr.orbits.diffrax_pusher import DiffraxPusher
from jaxcr.orbits.diffusion import (
    MeanFreePath,
    PitchAngleDiffusion,
    Plateau,
    RunningDiffusion,
    RunningTensor,
    mean_free_path,
    measure_pitch_angle_diffusion,
    parallel_mean_free_path,
    running_diffusion,
)
from jaxcr.orbits.ensemble import trace_ensemble
from jaxcr.orbits.exits import STATUS_TEXT, Exits
from jaxcr.orbits.field_lines import (
    FieldLines,
    PairSeparation,
    field_line_diffusion,
    growth_paths,
    pair_separation,
    trace_field_lines,
)
from jaxcr.orbits.fixed_step import FixedStepPusher
from jaxcr.orbits.guiding_center import GuidingCenter, GuidingTrack, trace_guiding_center
from jaxcr.orbits.invariants import (
    MomentScatter,
    magnetic_moment,
    moment_scatter,
    phase_space_jacobian,
)
from jaxcr.orbits.lorentz import Lorentz
from jaxcr.orbits.particle_sets import PARTICLE_SETS, ParticleSet
from jaxcr.orbits.pusher import Pusher
from jaxcr.orbits.splitting import BlanesMoan4, Strang
from jaxcr.orbits.stops import AnyOf, Box, EachOf, PathLength, Sphere, Stop
from jaxcr.orbits.trace import Orbit, trace
from jaxcr.orbits.tracks import Tracks, join_tracks, record_tracks

__all__ = [
    "PARTICLE_SETS",
    "STATUS_TEXT",
    "AnyOf",
    "BlanesMoan4",
    "Boris",
    "Box",
    "BulirschStoer",
    "DiffraxPusher",
    "EachOf",
    "Exits",
    "FieldLines",
    "FixedStepPusher",
    "GuidingCenter",
    "GuidingTrack",
    "Lorentz",
    "MeanFreePath",
    "MomentScatter",
    "Orbit",
    "OrbitAverage",
    "PairSeparation",
    "ParticleSet",
    "PathLength",
    "PitchAngleDiffusion",
    "Plateau",
    "Pusher",
    "RunningDiffusion",
    "RunningTensor",
    "Sphere",
    "Stop",
    "Strang",
    "Tracks",
    "average_over_orbits",
    "field_line_diffusion",
    "growth_paths",
    "guiding_center_velocity",
    "join_tracks",
    "lyapunov_length",
    "magnetic_moment",
    "mean_free_path",
    "measure_pitch_angle_diffusion",
    "moment_scatter",
    "pair_separation",
    "parallel_mean_free_path",
    "phase_space_jacobian",
    "record_tracks",
    "running_diffusion",
    "trace",
    "trace_ensemble",
    "trace_field_lines",
    "trace_guiding_center",
]

checked_folder(globals())
