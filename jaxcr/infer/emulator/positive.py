"""Weights that are positive, for correlations: the result stays a correlation matrix."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxcr.annotations import checked
from jaxcr.infer.emulator.weights import Ends, Nodes, NodeWeights, Point, scaled

_STEPS = 15
"""Of Newton's method; the worst corner of a box needs 10."""

_RIDGE = 1e-3
"""Penalty on the multipliers, which would grow without bound at the edge of the nodes."""

_LONGEST_STEP = 4.0
"""Of one Newton step, in units of a multiplier's own scale: keeps the first steps in bounds."""


class EntropyWeights(NodeWeights):
    """Positive weights of largest entropy with which the nodes average to the point.

    w_n ~ exp(-b |x_n - x|² + m · (x_n - x)), with the multipliers m such that
    sum_n w_n x_n = x: linear functions are exact, others are averaged over neighbouring nodes.
    Smooth in the point. At the edge of the nodes a ridge on m leaves a small shift inward.

    Attributes
    ----------
    nodes
        In a box -1 ... 1, ``(node, axis)``.
    low, high
        The box.
    sharpness
        b, from the mean distance of the nodes.

    Notes
    -----
    Source: Arroyo & Ortiz, Int. J. Numer. Meth. Eng. 65 (2006) 2167, eqs. 23-30. First
    derivatives are exact (the last Newton step carries them), second ones are not.
    """

    nodes: Float[Array, "node axis"]
    low: Float[Array, " axis"]
    high: Float[Array, " axis"]
    sharpness: float = eqx.field(static=True)

    def __init__(self, nodes: Nodes, low: Ends, high: Ends):
        x = scaled(nodes, low, high)
        self.nodes, self.low, self.high = jnp.asarray(x), jnp.asarray(low), jnp.asarray(high)
        spacing = 2 / max(1.0, len(x) ** (1 / x.shape[1]) - 1)
        self.sharpness = float(1 / spacing**2)

    @checked
    def __call__(self, point: Point) -> Float[Array, " node"]:
        """Return the weights, all positive."""
        x = (2 * point - self.low - self.high) / (self.high - self.low)
        away = self.nodes - x[None]
        fixed = jax.lax.stop_gradient(away)
        start = jnp.zeros_like(x)
        step = lambda _, m: self._newton(fixed, m)  # noqa: E731 one line of a loop
        multipliers = jax.lax.fori_loop(0, _STEPS, step, start)
        # One more step at the solution: its derivative is that of the solution itself.
        return self._weights(away, self._newton(away, jax.lax.stop_gradient(multipliers)))

    def _weights(self, away: Float[Array, "node axis"], multipliers: Point):
        return jax.nn.softmax(away @ multipliers - self.sharpness * jnp.sum(away**2, axis=1))

    def _newton(self, away: Float[Array, "node axis"], multipliers: Point) -> Point:
        """Return the multipliers after one bounded Newton step."""
        weights = self._weights(away, multipliers)
        mean = weights @ away
        spread = (away - mean[None]).T @ (weights[:, None] * (away - mean[None]))
        slope = mean + _RIDGE * multipliers
        step = jnp.linalg.solve(spread + _RIDGE * jnp.eye(mean.size, dtype=mean.dtype), slope)
        length = jnp.sqrt(jnp.sum(step**2) + 1e-30)
        longest = _LONGEST_STEP * self.sharpness
        return multipliers - step * jnp.minimum(1.0, longest / length)
