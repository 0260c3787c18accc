"""The mixing of multipoles: what of the sky shows up where in the pseudo-spectrum.

<pseudo C_l> = sum_l' M_ll' C_l' + noise, for a Gaussian or any other statistically isotropic sky.
"""

from jaxtyping import Array, Float

from jaxcr.checks import check_range
from jaxcr.sky.harmonics.modes import check_lmax
from jaxcr.sky.partial.coupling import PseudoCoupling
from jaxcr.sky.partial.pixel_coupling import dense_coupling
from jaxcr.sky.partial.ring_coupling import zonal_coupling
from jaxcr.sky.partial.window import SkyWindow


def pseudo_coupling(
    window: SkyWindow,
    *,
    lmax: int,
    lmax_in: int | None = None,
    exposure_weighted: bool = False,
    remove_mean: bool = True,
) -> PseudoCoupling:
    """Return how the window mixes modes: order by order if it is zonal, else pixel by pixel.

    Parameters
    ----------
    window
        Its exposure must be known, not traced.
    lmax, lmax_in
        Highest degree of the pseudo-spectrum, and of the sky; 3 nside - 1 if not given.
    exposure_weighted, remove_mean
        As in `pseudo_spectrum`.

    Raises
    ------
    ValueError
        If a degree is out of range, or the window is not zonal above nside 16.

    Notes
    -----
    On the host. Zonal: `zonal_coupling`, (lmax+1) matrices of (lmax+1) (lmax_in+1). Else
    `dense_coupling`.
    """
    lmax_in = checked_degrees(window, lmax, lmax_in)
    build = zonal_coupling if window.zonal else dense_coupling
    return build(
        window,
        lmax,
        lmax_in,
        exposure_weighted=exposure_weighted,
        remove_mean=remove_mean,
    )


def mixing_matrix(
    window: SkyWindow,
    *,
    lmax: int,
    lmax_in: int | None = None,
    exposure_weighted: bool = False,
    remove_mean: bool = True,
) -> Float[Array, "ell ell_in"]:
    """Return M of <pseudo C_l> = sum_l' M_ll' C_l', the window's removal of means included.

    Parameters
    ----------
    window, lmax, lmax_in, exposure_weighted, remove_mean
        As in `pseudo_coupling`.

    Returns
    -------
    (lmax + 1, lmax_in + 1).

    Raises
    ------
    ValueError
        As `pseudo_coupling`.

    Notes
    -----
    The ``mixing_matrix`` of `pseudo_coupling`, which also gives noise and covariance. For the
    whole sky and m = 0 lost, M_ll = 2l / (2l+1).
    """
    return pseudo_coupling(
        window,
        lmax=lmax,
        lmax_in=lmax_in,
        exposure_weighted=exposure_weighted,
        remove_mean=remove_mean,
    ).mixing_matrix


def checked_degrees(window: SkyWindow, lmax: int, lmax_in: int | None) -> int:
    """Return lmax_in once both degrees are usable."""
    highest = 3 * window.nside - 1
    check_lmax(lmax, window.nside, "pseudo_coupling: lmax")
    lmax_in = highest if lmax_in is None else lmax_in
    remedy = "It is at least lmax; leave it out to take all that the grid holds."
    check_range("pseudo_coupling: lmax_in", lmax_in, lmax, highest, remedy=remedy)
    return lmax_in
