"""The simulated cube that comes with the package."""

from importlib import resources
from typing import Any

import jax.numpy as jnp

from jaxcr.fields.grid import GridField
from jaxcr.fields.snapshot import read_field, read_notes
from jaxcr.fields.stencils import Stencil

_FILE = "mhd_snapshot.h5"


def mhd_snapshot(*, stencil: Stencil | None = None, storage=jnp.float32) -> GridField:
    """Return a snapshot of driven MHD turbulence, mean field along x.

    Isothermal gas, solenoidal driving at 0.4 of the box; the numbers are in
    ``mhd_snapshot_notes``. As shipped the mean field is 3 µG and the box 25 pc, hence the driven
    wavelength 10 pc; ``rescale_field`` puts it elsewhere (``injection_cells`` of the notes).

    Parameters
    ----------
    stencil, storage
        See ``GridField``.

    Notes
    -----
    A small cube: between driving and grid scale lies less than a decade, of which numerical
    dissipation takes the lower half. It shows how real turbulence differs from random phases
    (intermittent, correlated with the mean field); it has no inertial range to fit an index to.
    Made by ``experiments/mhd_snapshot`` of the source tree.
    """
    with resources.as_file(_path()) as path:
        return read_field(path, stencil=stencil, storage=storage)


def mhd_snapshot_notes() -> dict[str, Any]:
    """Return code, parameters, Mach numbers and report of ``mhd_snapshot``."""
    with resources.as_file(_path()) as path:
        return read_notes(path)


def _path():
    return resources.files("jaxcr.fields").joinpath("data", _FILE)
