"""Orbits: from a start state to an exit state."""

from jaxcr.orbits.boris import Boris
from jaxcr.orbits.chaos import lyapunov_length
from jaxcr.orbits.diffrax_pusher import DiffraxPusher
from jaxcr.orbits.ensemble import trace_ensemble
from jaxcr.orbits.exits import STATUS_TEXT, Exits
from jaxcr.orbits.fixed_path import trace_fixed_path
from jaxcr.orbits.lorentz import Lorentz
from jaxcr.orbits.pusher import Pusher
from jaxcr.orbits.stops import PathLength, Sphere, Stop
from jaxcr.orbits.trace import Orbit, trace

__all__ = [
    "STATUS_TEXT",
    "Boris",
    "DiffraxPusher",
    "Exits",
    "Lorentz",
    "Orbit",
    "PathLength",
    "Pusher",
    "Sphere",
    "Stop",
    "lyapunov_length",
    "trace",
    "trace_ensemble",
    "trace_fixed_path",
]
