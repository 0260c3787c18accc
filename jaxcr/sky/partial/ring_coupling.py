"""The coupling of modes by a window that depends on declination only, order by order."""

import jax.numpy as jnp
import numpy as np

from jaxcr.sky.harmonics.modes import ring_legendre
from jaxcr.sky.healpix.rings import ring_table
from jaxcr.sky.partial.coupling import PseudoCoupling
from jaxcr.sky.partial.declination import pixel_weights
from jaxcr.sky.partial.window import SkyWindow


def zonal_coupling(
    window: SkyWindow, lmax: int, lmax_in: int, *, exposure_weighted: bool, remove_mean: bool
) -> PseudoCoupling:
    """Return the coupling of a window that depends on declination only, from sums over rings.

    K_m(l, l') = (4 pi / N_pix) sum_r n_r w_r Y_lm(r) Y_l'm(r) over the rings of n_r pixels.
    The arguments are those of `pseudo_coupling`, taken as checked.

    Notes
    -----
    A ring of n pixels does not tell m from m + n, which is left out here and kept in
    `dense_coupling`: see the test that compares them.
    """
    table, legendre = ring_table(window.nside), ring_legendre(window.nside, lmax, lmax_in)
    weight = pixel_weights(window, exposure_weighted)[table.start]
    root = np.sqrt(table.size)
    area = 4 * np.pi / window.exposure.shape[-1]
    noise = area * legendre[:, : lmax + 1] * (weight * root)  # (order, ell, ring)
    if not window.m0_blind and remove_mean:
        mean = weight * root / np.sum(weight * table.size)
        noise[0] -= (noise[0] @ root)[:, None] * mean
    first = 1 if window.m0_blind else 0
    noise, sky = noise[first:], (legendre * root)[first:]
    seen = np.asarray(window.exposure) > 0
    return PseudoCoupling(
        response=jnp.asarray(noise @ sky.transpose(0, 2, 1)),
        noise_response=jnp.asarray(noise),
        multiplicity=jnp.asarray(np.where(np.arange(first, lmax + 1) > 0, 2.0, 1.0)),
        row_average=jnp.asarray(np.diag(1 / (2.0 * np.arange(lmax + 1) + 1))),
        column_degrees=jnp.eye(lmax_in + 1),
        sample_of_pixel=jnp.asarray(table.of_pixel),
        sample_weight=jnp.asarray(np.where(seen, 1 / table.size[table.of_pixel], 0.0)),
    )
