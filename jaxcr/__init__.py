"""Differentiable transport of cosmic rays: field, theory, orbits, traps, sky, inference.

The folders are the interface: ``from jaxcr import fields, kinetic, orbits, sky, traps, units``.
They are loaded on first use, so that importing the package alone imports no JAX.
"""

import importlib

from jaxcr._version import __version__

_FOLDERS = (
    "bench",
    "cli",
    "experiments",
    "fields",
    "infer",
    "kinetic",
    "observed",
    "orbits",
    "plots",
    "runs",
    "runtime",
    "sky",
    "traps",
)
_MODULES = ("arrays", "checks", "units")

__all__ = ["__version__", *_FOLDERS, *_MODULES]


def __getattr__(name: str):
    """Import a folder of the package on first use (PEP 562)."""
    if name in (*_FOLDERS, *_MODULES):
        return importlib.import_module(f"jaxcr.{name}")
    raise AttributeError(f"module 'jaxcr' has no attribute {name!r}; it has {', '.join(__all__)}")


def __dir__():
    return sorted(__all__)
