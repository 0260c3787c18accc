"""The power spectrum of a windowed map, as it is."""

from jaxtyping import Array, Float

from jaxcr.sky.harmonics.modes import check_lmax
from jaxcr.sky.harmonics.transforms import analyse, mean_product
from jaxcr.sky.partial.declination import Maps, windowed_maps
from jaxcr.sky.partial.window import SkyWindow


def pseudo_spectrum(
    maps: Maps,
    window: SkyWindow,
    *,
    lmax: int | None = None,
    exposure_weighted: bool = False,
    remove_mean: bool = True,
) -> Float[Array, "*batch ell"]:
    """Return C_l of maps through a window: means removed, zero where nothing is seen.

    Parameters
    ----------
    maps
        dI/I, (..., pixel), RING order, equatorial; any value where nothing is seen.
    window
        Of the same nside. The mean of each ring is removed if it is blind to m = 0, else the
        mean over the window.
    lmax
        Highest degree; 2 nside if not given.
    exposure_weighted, remove_mean
        As in `windowed_maps`: pixels count with their exposure; a seeing window keeps its mean.

    Returns
    -------
    (..., lmax + 1), sr. Not divided by the fraction of the sky: `mixing_matrix` says what it
    measures.

    Raises
    ------
    ValueError
        If the window has another nside or lmax is above 3 nside - 1.

    Notes
    -----
    Plain quadrature without refinement (``healpy.anafast(iter=0)`` of the windowed map), which is
    local and hence has a coupling in closed form. Differentiable by the maps.
    """
    lmax = 2 * window.nside if lmax is None else lmax
    check_lmax(lmax, window.nside, "pseudo_spectrum: lmax")
    windowed = windowed_maps(
        maps, window, exposure_weighted=exposure_weighted, remove_mean=remove_mean
    )
    return plain_spectrum(windowed, window.nside, lmax)


def plain_spectrum(
    maps: Float[Array, "*batch pixel"], nside: int, lmax: int
) -> Float[Array, "*batch ell"]:
    """Return C_l of maps as they are, by plain quadrature."""
    modes = analyse(maps, nside, lmax, iterations=0)
    return mean_product(modes, modes, lmax)
