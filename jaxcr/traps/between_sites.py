"""A uniform chain between its sites: the place of an observer as a continuous parameter."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxcr.arrays import Scalar
from jaxcr.traps.chain import Chain
from jaxcr.traps.trap import Trap

_NEARLY_LINEAR = 1e-3
"""Below this (squared) exponent of a step the series of sinh(x q)/sinh(q) is used, to 1e-15."""


def densities_around(
    chain: Chain, trap: Trap, occupation: Float[Array, " site"], site: Scalar
) -> tuple[Scalar, Scalar, Scalar]:
    """Return the phase-space densities left of, in and right of a place, in one unit.

    Between two sites the occupation is the solution of the chain's own recurrence through both,
    n = s^x (alpha e^(q x) + beta e^(-q x)) with s² = g/r and cosh q = (g + r + l)/(2 sqrt(g r)).
    Beyond an open end there is nothing.

    Parameters
    ----------
    chain, trap
        Equal rates at all sites, at least two, and the trap of which they are.
    occupation
        n, (site,), without a source between the two sites around each place.
    site
        k from 1 to N, may be fractional.
    """
    growth, exponent = _step(chain)
    places = site + jnp.array([-1.0, 0, 1], occupation.dtype)
    padded = jnp.pad(occupation, 1)
    numbers = jax.vmap(lambda k: _between(padded, growth, exponent, k))(places)
    # f = n/w, w_k ~ (B1/B2)^k; relative to the own trap
    left, own, right = numbers * jnp.exp(-trap.gradient * (places - site))
    return left, own, right


def _step(chain: Chain) -> tuple[Scalar, Scalar]:
    """Return s = sqrt(g/r) and q² of a step inside the chain."""
    right, left, loss = chain.rate_right[1], chain.rate_left[1], chain.losses[1]
    mean = jnp.sqrt(right * left)
    # cosh q - 1, as a sum of positive terms
    above = ((jnp.sqrt(right) - jnp.sqrt(left)) ** 2 + loss) / (2 * mean)
    small = above < _NEARLY_LINEAR / 2
    safe = jnp.where(small, 1.0, above)
    series = above * (
        2 + above * (-1 / 3 + above * (4 / 45 + above * (-1 / 35 + above * 16 / 1575)))
    )
    squared = jnp.log1p(safe + jnp.sqrt(safe * (2 + safe))) ** 2
    return jnp.sqrt(right / left), jnp.where(small, series, squared)


def _between(
    occupation: Float[Array, " site"], growth: Scalar, exponent: Scalar, site: Scalar
) -> Scalar:
    """Return the occupation at a fractional site, from the two sites around it."""
    floor = jnp.clip(jnp.floor(site), 0, occupation.size - 2)
    index = floor.astype(int)
    x = site - floor
    left = _share(1 - x, exponent) * occupation[index]
    right = _share(x, exponent) * occupation[index + 1] / growth
    return growth**x * (left + right)


def _share(x: Scalar, exponent: Scalar) -> Scalar:
    """Return sinh(x q)/sinh(q) from q² >= 0; x where q = 0."""
    small = exponent < _NEARLY_LINEAR
    q = jnp.sqrt(jnp.where(small, 1.0, exponent))
    large = jnp.exp((x - 1) * q) * jnp.expm1(-2 * x * q) / jnp.expm1(-2 * q)
    above, below = _sinhc(x**2 * exponent), _sinhc(exponent)
    return jnp.where(small, x * above / below, large)


def _sinhc(squared: Scalar) -> Scalar:
    """Return sinh(q)/q for small q²."""
    return 1 + squared / 6 * (1 + squared / 20 * (1 + squared / 42 * (1 + squared / 72)))
