"""The ensemble of skies at one energy: plane waves from the outer scale to below the gyroradius."""

from jaxcr.checks import check_positive, check_range
from jaxcr.infer.skies import PathOverReferencePath, SkyEnsemble
from jaxcr.units import gyroradius

RANGES = {"level": (0.28, 1.6), "index": (1.5, 1.75)}
"""Of dB/B0 and spectral index: beyond Kraichnan's 3/2 and Kolmogorov's 5/3 skies cost too much."""

_SHORTEST_WAVE = 0.3
"""In gyroradii: it scatters pitch-angle cosines of 0.05 in the mean field."""
_STEP = 0.15
"""In gyroradii: half the shortest wave."""
_REACH = 0.5
"""Path over the mean free path of dB = B0: longer, and strong turbulence leaves only noise."""


def skies_at_energy(
    energy: float,
    *,
    mean_field: float = 3.0,
    outer_scale: float = 100.0,
    waves: int = 240,
    nside: int = 8,
    per_pixel: int = 4,
    lmax: int = 8,
    seed: int = 0,
) -> SkyEnsemble:
    """Return skies of protons whose resonant waves are in the field at any energy.

    Parameters
    ----------
    energy
        PeV, of protons; of other nuclei the rigidity in PV.
    mean_field
        µG.
    outer_scale
        Longest wave, pc; the shortest is 0.3 gyroradii.
    waves
        Plane waves, evenly spaced in ln k: 50 a decade at 20 TeV, more above.
    nside, per_pixel, lmax, seed
        As for `SkyEnsemble`; one observer in each field.

    Raises
    ------
    ValueError
        For an energy whose shortest wave is not below the outer scale.

    Notes
    -----
    Lengths in pc. Paths are half a quasi-linear mean free path of dB = B0, see
    `PathOverReferencePath`: 440 gyroradii at 20 TeV, 3.4 at 30 PeV, for an index of 5/3.
    """
    check_positive("skies_at_energy: mean_field", mean_field)
    radius = float(gyroradius(energy, mean_field))
    longest = outer_scale / _SHORTEST_WAVE
    check_range("skies_at_energy: gyroradius", radius, 0, longest, ends="()", remedy="Give PeV.")
    return SkyEnsemble(
        seed=seed,
        waves=waves,
        outer_scale=outer_scale,
        inner_scale=_SHORTEST_WAVE * radius,
        gyroradius=radius,
        step=_STEP * radius,
        path=_REACH,
        convention=PathOverReferencePath(),
        observers_per_axis=1,
        nside=nside,
        per_pixel=per_pixel,
        lmax=lmax,
    )
