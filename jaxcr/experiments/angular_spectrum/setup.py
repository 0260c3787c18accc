"""What the experiments share: the ensemble of skies, its size, and where it is looked at.

Synthetic turbulence for every choice of ``--field``: the simulated cube is one realisation, and
scatter between fields is what all errors here are made of.
"""

from jaxcr import infer
from jaxcr.experiments.experiment import Size

SOURCE = "beyond the papers"
LEVEL = 0.8
"""dB/B0 of all skies that are not varied."""
SHORT, MEDIUM, LONG = 2.0, 3.0, 6.0
"""Length of orbits in gyroradii: regular ones; as long as little noise allows; default of fits."""
LMAX = 16
BOUNDARY_LMAX = 24
_CELLS = 64
_FULL_CELLS = 128


def ensemble(size: Size, path: float) -> infer.SkyEnsemble:
    """Return the skies of a size, after orbits of so many gyroradii.

    The default ensemble of fits in a box of half as many cells, and in its own at full size.
    """
    cells = _FULL_CELLS if size.cells > _FULL_CELLS else _CELLS
    return infer.SkyEnsemble(
        cells=cells,
        outer_scale=0.4 * cells,
        inner_scale=cells / 32,
        gyroradius=cells * 10 / 64,
        step=cells / 64,
        path=path,
        level=LEVEL,
        nside=size.nside // 2,
        per_pixel=size.per_pixel,
        lmax=LMAX,
        boundary_lmax=BOUNDARY_LMAX,
    )


def describe(skies: infer.SkyEnsemble) -> str:
    """Return the skies in one line."""
    return (
        f"synthetic turbulence, {skies.cells} cells, index {skies.index:.3g}, outer scale "
        f"{skies.outer_scale / skies.gyroradius:g} r_L, inner scale "
        f"{skies.inner_scale / skies.gyroradius:g} r_L, dB/B0 {skies.level:g}, path of "
        f"{skies.path:g} r_L; field frame, mean field along +x"
    )
