"""A function whose derivative is an estimate: what least squares needs on chaotic means."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float


def estimated_jacobian(
    function: Callable[[Float[Array, " parameter"]], Float[Array, " out"]],
    jacobian: Callable[[Float[Array, " parameter"]], Float[Array, "parameter out"]],
) -> Callable[[Float[Array, " parameter"]], Float[Array, " out"]]:
    """Return ``function`` with tangents from ``jacobian`` instead of its own derivative.

    The mean C_l of simulated skies is a rough function: its exact derivative is dominated by
    chaos, while its trend is smooth. Levenberg-Marquardt then follows the trend.

    Parameters
    ----------
    function
        From parameters to any vector, for example the mean C_l; traceable.
    jacobian
        From parameters to derivatives, parameters first, as ``JacobianEstimate.value``; a
        function that returns one fixed array will do near an optimum.

    Notes
    -----
    ``jacobian`` is called once for each tangent. Forward and reverse mode both use the estimate;
    a second derivative is that of ``jacobian``.
    """

    @jax.custom_jvp
    def wrapped(values):
        return function(values)

    @wrapped.defjvp
    def tangent_rule(primals, tangents):
        (values,), (tangent,) = primals, tangents
        return function(values), tangent @ jnp.asarray(jacobian(values))

    return wrapped
