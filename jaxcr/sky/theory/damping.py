"""Ordinary pitch-angle scattering: every particle diffuses on the sphere by itself."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxcr.arrays import ScalarLike
from jaxcr.checks import as_float, check_range


def pitch_angle_damping(
    c_ell: Float[Array | np.ndarray, "*batch ell"], depth: ScalarLike
) -> Float[Array, "*batch ell"]:
    """Return C_l exp[-l(l+1) depth], the power left after independent isotropic scattering.

    Parameters
    ----------
    c_ell
        C_l from l = 0 on, (..., ell), any unit.
    depth
        nu t >= 0, scattering rate times time.

    Returns
    -------
    (..., ell), in the unit of ``c_ell``.

    Raises
    ------
    ValueError
        If the depth is negative.

    Notes
    -----
    df/dt = -(nu/2) L² f, L² with the eigenvalues l(l+1), damps a_lm with nu l(l+1)/2 and its
    square twice as fast. Nothing feeds the higher multipoles: particles that share a field
    scatter together instead, see `cascade_matrix` and `bgk_spectrum`.
    """
    remedy = "Diffusion has no way back in time."
    check_range("pitch_angle_damping: depth", depth, 0, remedy=remedy)
    power = as_float(c_ell)
    l = np.arange(power.shape[-1], dtype=power.dtype)
    factor = jnp.exp(-l * (l + 1) * jnp.asarray(depth, power.dtype))
    return power * factor.reshape((1,) * (power.ndim - 1) + (-1,))
