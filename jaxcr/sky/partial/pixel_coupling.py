"""The coupling of modes by any window, exact on the pixels of a small grid."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from jaxcr.checks import check_range
from jaxcr.sky.harmonics.modes import (
    LARGEST_DENSE_NSIDE,
    degree_average,
    mode_degrees,
    synthesis_matrix,
)
from jaxcr.sky.healpix.rings import ring_table
from jaxcr.sky.partial.coupling import PseudoCoupling
from jaxcr.sky.partial.declination import pixel_weights
from jaxcr.sky.partial.window import SkyWindow


def dense_coupling(
    window: SkyWindow, lmax: int, lmax_in: int, *, exposure_weighted: bool, remove_mean: bool
) -> PseudoCoupling:
    """Return the coupling of any window, exact on the pixels of the grid, up to nside 16.

    The arguments are those of `pseudo_coupling`, the degrees taken as checked.

    Raises
    ------
    ValueError
        If nside is above 16.

    Notes
    -----
    8 (lmax+1)² ((lmax_in+1)² + 12 nside²) bytes, and seconds: 47 MB at nside 16, lmax 32.
    """
    check_range(
        "pseudo_coupling: nside of a window that depends on right ascension",
        window.nside,
        1.0,
        LARGEST_DENSE_NSIDE,
        remedy=f"Take maps and window to nside {LARGEST_DENSE_NSIDE}: "
        "degrade_map(maps, nside=16, weight=window.exposure) and "
        "SkyWindow(degrade_map(window.exposure, nside=16)); or wigner_mixing_matrix, for a window "
        "that is not blind to m = 0.",
    )
    num = window.exposure.shape[-1]
    weight = pixel_weights(window, exposure_weighted)
    noise = synthesis_matrix(window.nside, lmax) * (4 * np.pi / num * weight)
    _project_out_means(noise, window, weight, remove_mean)
    degrees_in = mode_degrees(lmax_in)
    response = noise @ synthesis_matrix(window.nside, lmax_in).T
    return PseudoCoupling(
        response=jnp.asarray(response)[None],
        noise_response=jnp.asarray(noise)[None],
        multiplicity=jnp.ones(1),
        row_average=jnp.asarray(degree_average(lmax)),
        column_degrees=jnp.asarray((degrees_in[:, None] == np.arange(lmax_in + 1)).astype(float)),
        sample_of_pixel=jnp.arange(num),
        sample_weight=jnp.asarray((weight > 0).astype(float)),
    )


def _project_out_means(
    rows: Float[np.ndarray, "mode pixel"],
    window: SkyWindow,
    weight: Float[np.ndarray, " pixel"],
    remove_mean: bool,
) -> None:
    """Make rows, in place, blind to what the window removes: ring means or the mean."""
    if not window.m0_blind:
        if remove_mean:
            rows -= np.sum(rows, axis=1, keepdims=True) * (weight / np.sum(weight))
        return
    table, exposure = ring_table(window.nside), np.asarray(window.exposure, float)
    norm = np.add.reduceat(exposure, table.start)
    share = exposure / np.where(norm > 0, norm, 1)[table.of_pixel]
    rows -= np.add.reduceat(rows, table.start, axis=1)[:, table.of_pixel] * share
