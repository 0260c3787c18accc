"""Closed theories of the angular power spectrum."""

from jaxcr.sky.theory.cascade import cascade_spectrum

__all__ = [
    "cascade_spectrum",
]
