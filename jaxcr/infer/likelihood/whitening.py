"""A vector in units of its covariance, quick to differentiate."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

Square = Float[Array, "row row"]
Vector = Float[Array, " row"]


@jax.custom_jvp
def whitened(covariance: Square, vector: Vector) -> tuple[Vector, Square]:
    """Return L^-1 vector and L with L L^T = covariance, L lower triangular.

    Notes
    -----
    dL = L P, P the lower half of L^-1 dS L^-T with half its diagonal: products of matrices only.
    The rule of ``jnp.linalg.cholesky`` solves triangular systems for each derivative, which takes
    ten times longer for 24 x 24, and more where the linear algebra library starts threads.
    Source: Murray, arXiv:1602.07527, eq. 8.
    """
    factor = jnp.linalg.cholesky(covariance)
    return jax.scipy.linalg.solve_triangular(factor, vector, lower=True), factor


@whitened.defjvp
def _slopes(primals, tangents):
    white, factor = whitened(*primals)
    one = jnp.eye(white.size, dtype=white.dtype)
    inverse = jax.scipy.linalg.solve_triangular(factor, one, lower=True)
    change, of_vector = tangents
    half = jnp.tril(inverse @ ((change + change.T) / 2) @ inverse.T)
    half = half - jnp.diag(jnp.diagonal(half)) / 2
    return (white, factor), (inverse @ of_vector - half @ white, factor @ half)
