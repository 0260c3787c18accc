"""Array types named by axis."""

from jaxtyping import Array, Float

Vector = Float[Array, "xyz=3"]
Scalar = Float[Array, ""]
ScalarLike = Float[Array, ""] | float | int
