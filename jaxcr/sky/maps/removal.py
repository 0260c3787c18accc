"""Low multipoles taken out of one sky map, by the same least squares that measure them."""

import numpy as np
from jaxtyping import Array, Float

from jaxcr.sky.harmonics.modes import check_lmax, synthesis_matrix
from jaxcr.sky.healpix.grid import nside_of, without_unseen
from jaxcr.sky.maps.dipole import dipole_design
from jaxcr.sky.maps.least_squares import Design, Error, Mask, SkyMap, fit_functions, subtract


def remove_dipole(
    map: SkyMap, *, mask: Mask | None = None, error: Error | None = None
) -> Float[Array, " pixel"]:
    """Return the map less its least-squares monopole and dipole.

    Parameters
    ----------
    map, mask, error
        As in `fit_dipole`.

    Returns
    -------
    (pixel,); the fit is subtracted from every pixel, also where the mask is False; NaN where not
    observed.

    Raises
    ------
    ValueError
        As `fit_dipole`.

    Notes
    -----
    Equal to ``healpy.remove_dipole`` on the pixels used.
    """
    map = without_unseen(map)
    return _less_fit(map, dipole_design(map), mask, error)


def remove_multipoles(
    map: SkyMap, *, lmax: int, mask: Mask | None = None, error: Error | None = None
) -> Float[Array, " pixel"]:
    """Return the map less the least-squares fit of all multipoles 0 ... lmax, as `remove_dipole`.

    Parameters
    ----------
    lmax
        Highest multipole removed, 0 ... 3 nside - 1, usually 2 or 3.

    Raises
    ------
    ValueError
        If lmax is out of range, and as `fit_dipole`, with (lmax + 1)² pixels in place of 4.

    Notes
    -----
    Memory 8 (lmax+1)² 12 nside² bytes on the host.
    """
    map = without_unseen(map)
    nside = nside_of(map.shape[-1])
    check_lmax(lmax, nside, "remove_multipoles: lmax")
    return _less_fit(map, np.asarray(synthesis_matrix(nside, lmax).T, map.dtype), mask, error)


def _less_fit(
    map: Float[Array, " pixel"], design: Design, mask: Mask | None, error: Error | None
) -> Float[Array, " pixel"]:
    """Return the map less its fit by the functions of the design."""
    return subtract(map, design, fit_functions(map, design, mask, error).solution)
