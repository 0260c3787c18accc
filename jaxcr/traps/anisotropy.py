"""Angular distribution at the bottom of a trap, from the densities around it."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxcr.arrays import ScalarLike
from jaxcr.checks import check_range
from jaxcr.legendre import legendre_derivatives
from jaxcr.traps.loss_cone import escape_probabilities
from jaxcr.traps.trap import Trap


def trap_distribution(
    trap: Trap,
    left: ScalarLike,
    own: ScalarLike,
    right: ScalarLike,
    *,
    lmax: int,
    edge_width: ScalarLike = 0.0,
) -> Float[Array, " ell"]:
    """Return the Legendre coefficients f_l of f(mu) = sum f_l P_l(mu) at the minimum.

    Traced back without scattering, for B1 > B2: f = left where mu > mu1; own where
    |mu| < mu2; right elsewhere. mu > 0 moves right. For B1 < B2 the mirror image.
    Each coefficient is multiplied by exp[-l (l + 1) edge_width² / 2].

    Parameters
    ----------
    left, own, right
        PHASE-SPACE DENSITIES of the left neighbour, this trap and the right neighbour, in any
        one unit: n / ``flux_tube_volume``. Occupations n in their place give a false dipole.
    lmax
        Highest order, at least 0; static.
    edge_width
        Angular width of the cone edges, rad, >= 0. It decides every order above 2.

    Raises
    ------
    ValueError
        If ``lmax`` or ``edge_width`` (when known) is negative, or the trap has no mirrors.

    Notes
    -----
    Kink in the trap's derivative where B1 = B2. Source: tests/traps/test_anisotropy.py.
    """
    check_range("trap_distribution: lmax", lmax, 0)
    check_range("trap_distribution: edge_width", edge_width, 0, expected="an angle >= 0 in rad")
    escape = escape_probabilities(trap)
    left, own, right = (jnp.asarray(value, trap.minimum.dtype) for value in (left, own, right))
    monopole = left * escape.left + own * escape.trapped + right * escape.right
    edges = jnp.concatenate([monopole[None], _edges(trap, left, own, right, lmax)])
    order = jnp.arange(lmax + 1, dtype=edges.dtype)
    return edges * jnp.exp(-order * (order + 1) * jnp.asarray(edge_width, edges.dtype) ** 2 / 2)


def gyrotropic_spectrum(coefficients: Float[Array, " ell"]) -> Float[Array, " ell"]:
    """Return C_l in sr of dI/I = sum_{l >= 1} (f_l/f_0) P_l(n · axis), 0 for the monopole.

    C_l = 4 pi (f_l/f_0)² / (2 l + 1)², whatever the axis.

    Parameters
    ----------
    coefficients
        f_0 ... f_lmax, as ``trap_distribution`` returns them, (ell,).
    """
    order = jnp.arange(coefficients.shape[0], dtype=coefficients.dtype)
    power = 4 * jnp.pi * (coefficients / coefficients[0] / (2 * order + 1)) ** 2
    return power.at[0].set(0)


def _edges(trap, left, own, right, lmax):
    """Return f_1 ... f_lmax, a sum over the edges of the cones.

    Seen toward the weaker mirror:  f_l = Q_l(mu_s) (weak - strong) / 2, plus
    Q_l(mu_w) (own - weak) at even l, where mu_s and mu_w are the stronger and weaker mirror's.
    """
    to_right = trap.left_mirror >= trap.right_mirror
    strong, weak = jnp.where(to_right, left, right), jnp.where(to_right, right, left)
    q_left = _edge_weight(trap.minimum / trap.left_mirror, trap.left_cosine, lmax)
    q_right = _edge_weight(trap.minimum / trap.right_mirror, trap.right_cosine, lmax)
    q_strong, q_weak = jnp.where(to_right, q_left, q_right), jnp.where(to_right, q_right, q_left)
    even = jnp.arange(1, lmax + 1) % 2 == 0
    odd_part = q_strong * (weak - strong) / 2
    even_part = odd_part + q_weak * (own - weak)
    return jnp.where(even, even_part, jnp.where(to_right, odd_part, -odd_part))


def _edge_weight(sine_squared, cosine, lmax):
    """Return Q_l = P_{l+1} - P_{l-1} = -(2l + 1) sin² P_l' / [l (l + 1)] for l = 1 ... lmax.

    The second form does not cancel for narrow cones.
    """
    order = jnp.arange(1, lmax + 1, dtype=cosine.dtype)
    slopes = legendre_derivatives(cosine, lmax)[1:]
    return -(2 * order + 1) / (order * (order + 1)) * sine_squared * slopes
