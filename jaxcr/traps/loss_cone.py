"""Loss cones of a trap: which share of an isotropic distribution leaves through which mirror."""

from typing import NamedTuple

import jax.numpy as jnp

from jaxcr.arrays import Scalar
from jaxcr.traps.trap import Trap, check_strengths


class EscapeProbabilities(NamedTuple):
    """Where a particle goes that is emitted isotropically at the minimum; the sum is one."""

    left: Scalar
    right: Scalar
    trapped: Scalar


def loss_cone_fractions(trap: Trap) -> tuple[Scalar, Scalar]:
    """Return the shares (1 - mu_i) / 2 of the full sphere in the left and the right loss cone.

    sin²(theta_i) = B0 / B_i is the edge of the cone at the minimum, mu_i its cosine.

    Parameters
    ----------
    trap
        The trap; its unit of field strength cancels.

    Returns
    -------
    The left and the right fraction, each in (0, 1/2).

    Notes
    -----
    Evaluated as (B0 / B_i) / [2 (1 + mu_i)], without cancellation for strong mirrors.
    """
    left = trap.minimum / trap.left_mirror / (2 * (1 + trap.left_cosine))
    right = trap.minimum / trap.right_mirror / (2 * (1 + trap.right_cosine))
    return left, right


def escape_probabilities(trap: Trap) -> EscapeProbabilities:
    """Return the probabilities to leave left, to leave right, and to stay trapped.

    For B1 > B2:  P_L = (1 - mu1)/2,  P_R = (1 - mu2)/2 + (mu1 - mu2)/2,  P_trapped = mu2.
    The second term of P_R is the band of particles that start toward the strong mirror, are
    reflected there and leave through the weak one. For B1 < B2 the sides exchange roles.

    Parameters
    ----------
    trap
        The trap; its unit of field strength cancels.

    Raises
    ------
    ValueError
        If the numbers are known and a mirror is not above the minimum.

    Notes
    -----
    Many bounces between scatterings. P_L and P_R have a kink where B1 = B2 (their sum too);
    there the derivative returned is the mean of both sides.
    Source: loss-cone argument of Medvedev & Medvedev 2015, arXiv:1504.03914.
    """
    check_strengths("escape_probabilities", trap.minimum, trap.left_mirror, trap.right_mirror)
    left, right = loss_cone_fractions(trap)
    mu1, mu2 = trap.left_cosine, trap.right_cosine
    # mu1² - mu2² = B0 (B1 - B2) / (B1 B2): exact for small gradients
    contrast = (trap.left_mirror - trap.right_mirror) / trap.left_mirror
    band = contrast * (trap.minimum / trap.right_mirror) / (mu1 + mu2) / 2
    zero = jnp.zeros_like(band)
    return EscapeProbabilities(
        left=left + jnp.maximum(-band, zero),
        right=right + jnp.maximum(band, zero),
        trapped=jnp.minimum(mu1, mu2),
    )
