"""Anisotropy of scattered particles: in a gradient, and after a path, by Legendre coefficients."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxcr.arrays import ScalarLike
from jaxcr.checks import as_float, check_range
from jaxcr.kinetic.pitch_angle.operators import Diffusion, checked_diffusion, scattering_matrix
from jaxcr.kinetic.pitch_angle.quadrature import (
    half_range_rule,
    integrals_from_zero,
    legendre_tables,
)

_POWER = 6  # mu = u^6 makes 1/|mu|^s smooth at s = 1/3, 1/2 and 2/3
_EXTRA_NODES = 96
_MAX_SQUARINGS = 40


def steady_anisotropy(
    diffusion: Diffusion,
    *,
    gradient: ScalarLike,
    inverse_focusing_length: ScalarLike = 0.0,
    speed: ScalarLike = 1.0,
    lmax: int,
) -> Float[Array, " ell"]:
    """Return f_l/f_0 of the steady distribution in a gradient, far from sources and ends.

    With k = dlnf_0/dz and 1/L = -dlnB/dz the steady equation has the solution, exact in mu,

        f/f_0 = 1 - k L (e^G / <e^G> - 1),   dG/dmu = v (1 - mu²)/(2 L D),   <> over mu,
        f_l/f_0 = -k (2l + 1)/[4 l(l + 1)] v int (1 - mu²)² P_l' e^G/D dmu / <e^G>.

    Parameters
    ----------
    diffusion
        mu -> D_mumu in 1/pc, for arrays; positive but at mu = ±1 and at isolated points where
        1/D is integrable.
    gradient
        k = dlnf_0/dz in 1/pc, of the phase-space density f_0.
    inverse_focusing_length
        1/L in 1/pc, constant over some mean free paths; 0 (default) is the diffusive anisotropy.
    speed
        v in c.
    lmax
        Highest order, at least 1; static.

    Returns
    -------
    f_0 = 1, f_1 ... f_lmax, ``(ell,)``, for ``sky.TrapBoundary`` with its axis along z.

    Raises
    ------
    ValueError
        If ``lmax`` is below 1, or D is known and not positive at a node.

    Notes
    -----
    f_1 = -lambda k without focusing, lambda = (3v/8) int (1 - mu²)²/D dmu. k = 0 is isotropic
    for every L; k = -1/L is the equilibrium of ``UniformRegion``. Where k makes f negative
    somewhere there is no such state: the gradient is too steep for diffusion. Relative error
    1e-11 for mean free paths up to 30 L, 1e-8 at 300 L.
    Source: Earl 1981, ApJ 251, 739; derived in tests/kinetic/test_kinetic_anisotropy.py.
    """
    _check_order("steady_anisotropy", lmax)
    num_nodes = 3 * lmax + _EXTRA_NODES
    places, weights = half_range_rule(num_nodes, power=_POWER)
    slopes = legendre_tables(places, lmax)[1][:, 1:]
    nodes, weights = (jnp.asarray(x, slopes.dtype) for x in (places, weights))
    rate = checked_diffusion("steady_anisotropy: diffusion", diffusion, nodes, positive=True)
    gradient, inverse, speed = (
        as_float(x).astype(nodes.dtype) for x in (gradient, inverse_focusing_length, speed)
    )
    turning = speed * (1 - nodes**2) / (2 * rate)
    exponent = inverse * (integrals_from_zero(num_nodes, power=_POWER) @ turning)
    # only ratios of the exponentials count; their largest is set to one
    growth = jnp.exp(exponent - jnp.max(exponent))
    mean = jnp.sum(weights * growth) / 2
    order = jnp.arange(1, lmax + 1, dtype=nodes.dtype)
    integral = (weights * (1 - nodes**2) * turning * growth) @ slopes
    orders = -gradient * (order + 0.5) / (order * (order + 1)) * integral / mean
    return jnp.concatenate([jnp.ones_like(orders[:1]), orders])


def damping_matrix(diffusion: Diffusion, path: ScalarLike, *, lmax: int) -> Float[Array, "ell ell"]:
    """Return the matrix that scattering over a path applies to Legendre coefficients.

    exp(M path), M_lk = -(2l + 1)/2 int D P_l' P_k' dmu; diagonal for D = nu (1 - mu²)/2.

    Parameters
    ----------
    diffusion
        mu -> D_mumu in 1/pc, >= 0, for arrays.
    path
        In pc, >= 0; c times the elapsed time.
    lmax
        Highest order kept, at least 1; static. Twice as many and 16 more are followed, since
        orders exchange power.

    Raises
    ------
    ValueError
        If ``lmax`` is below 1, the path is known and negative or D is known and negative.

    Notes
    -----
    Dense: O(lmax³). The ``edge_width`` of ``traps.trap_distribution`` is sqrt(nu path).
    """
    _check_order("damping_matrix", lmax)
    check_range("damping_matrix: path", path, 0, remedy="Scattering cannot be undone.")
    matrix = scattering_matrix(diffusion, lmax=2 * lmax + 16)
    depth = matrix * as_float(path).astype(matrix.dtype)
    return jax.scipy.linalg.expm(depth, max_squarings=_MAX_SQUARINGS)[: lmax + 1, : lmax + 1]


def _check_order(name, lmax):
    """Raise unless there is a dipole."""
    check_range(f"{name}: lmax", lmax, 1)
