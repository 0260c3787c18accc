"""The C_l of a dipole that turbulence cascades to small scales: a reference curve."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxcr.checks import check_range


def cascade_spectrum(lmax: int) -> Float[Array, " ell"]:
    """Return the steady-state ratio C_l / C_1 = 18 / [(2l+1)(l+1)(l+2)], and 0 at l = 0.

    Parameters
    ----------
    lmax
        Highest degree, >= 1.

    Returns
    -------
    (lmax + 1,), dimensionless; 1, 0.3, 0.1286, ... from l = 1, close to 9 / l³ at large l.

    Raises
    ------
    ValueError
        If ``lmax`` is below 1.

    Notes
    -----
    Scattering that keeps the sum of (2l+1) C_l (Liouville's theorem) and feeds only the dipole
    from outside. The sum over l >= 1 is 9, so the dipole keeps a third of the power. Source:
    Ahlers 2014, PRL 112, 021101; the sum telescopes.
    """
    check_range("cascade_spectrum: lmax", lmax, 1, remedy="The norm is C_1.")
    l = np.arange(lmax + 1, dtype=jnp.result_type(float))
    return jnp.asarray(np.where(l > 0, 18 / ((2 * l + 1) * (l + 1) * (l + 2)), 0).astype(l.dtype))
