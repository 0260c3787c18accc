"""How many of a multipole's modes a window leaves."""

import jax.numpy as jnp

from jaxcr.arrays import Scalar
from jaxcr.sky import SkyWindow


def window_share(window: SkyWindow, *, exposure_weighted: bool = False) -> Scalar:
    """Return the share of 2l+1 degrees of freedom that C_l through a window has.

    <W²>² / <W⁴> over the sphere, W the weight of a pixel: the seen fraction of the sky, or less
    when pixels count with their exposure.

    Parameters
    ----------
    window
        Exposure map.
    exposure_weighted
        As in ``sky.pseudo_spectrum``.

    Notes
    -----
    Of a band of multipoles wider than the window's own spectrum, pi over the angle it spans. One
    multipole alone has more, but its neighbours share them: taken as independent with this share
    each, they tell as much together as they do.
    Source: Hivon et al., ApJ 567 (2002) 2, eq. 17.
    """
    weight = window.exposure if exposure_weighted else window.seen.astype(window.exposure.dtype)
    return jnp.mean(weight**2) ** 2 / jnp.mean(weight**4)
