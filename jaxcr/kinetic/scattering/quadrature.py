"""Quadrature for spectra: Gauss's rule over many decades, with nodes gathered about a peak."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxcr.arrays import Scalar
from jaxcr.legendre import gauss_rule


def peaked_nodes(
    low: Scalar, high: Scalar, centre: Scalar, width: Scalar, *, num_nodes: int
) -> tuple[Float[Array, " node"], Float[Array, " node"]]:
    """Return nodes and weights on (low, high), dense within ``width`` of ``centre``.

    Three Gauss rules: in ln k up to half the centre, and on both sides of it in s with
    k = centre ± width sinh(s), so that scales from the width to the whole range are resolved
    alike.
    """
    centre = jnp.clip(centre, low, high)
    width = jnp.clip(width, 1e-12 * centre, centre / 2)
    middle = jnp.maximum(low, centre / 2)
    places, weights = unit_gauss(num_nodes, centre.dtype)
    span = jnp.log(middle / low)
    first = low * jnp.exp(span * places)
    nodes, shares = [first], [span * weights * first]
    for sign, end in ((-1, middle), (1, high)):
        span = jnp.arcsinh(sign * (end - centre) / width)
        nodes.append(centre + sign * width * jnp.sinh(span * places))
        shares.append(span * weights * width * jnp.cosh(span * places))
    return jnp.concatenate(nodes), jnp.concatenate(shares)


def unit_gauss(count: int, dtype) -> tuple[Float[Array, " node"], Float[Array, " node"]]:
    """Return nodes and weights of Gauss's rule on (0, 1)."""
    nodes, weights = gauss_rule(count)
    return jnp.asarray((1 + nodes) / 2, dtype), jnp.asarray(weights / 2, dtype)
