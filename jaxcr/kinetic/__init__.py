"""Kinetic theory of transport: from the spectrum of turbulence to the transport equation."""

from jaxcr.kinetic.drifts import guiding_center_velocity

__all__ = ["guiding_center_velocity"]
