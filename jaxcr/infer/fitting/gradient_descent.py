"""Adam and L-BFGS of optax, in coordinates in which the Fisher matrix at the start is one."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float

from jaxcr.infer.fitting.objective import Objective
from jaxcr.infer.fitting.optimiser import Optimiser, Walk


class Adam(Optimiser):
    """Adam with a cosine of the rate, for costs that are not sums of squares of smooth residuals.

    Attributes
    ----------
    num_steps
        Steps; all of them are done.
    rate
        First rate in units of the errors; it falls to 0 along half a cosine. So the walk is at
        most ``rate num_steps / 2`` errors long.

    Notes
    -----
    In coordinates in which the Fisher matrix at the start is one, the valley between amplitude,
    turbulence and mirror ratio is as wide as it is long. Source: Kingma & Ba, arXiv:1412.6980.
    """

    num_steps: int = eqx.field(static=True, default=400)
    rate: float = 0.3

    def walk(
        self, objective: Objective, start: Float[Array, " free"], scale: Float[Array, "free free"]
    ) -> Walk:
        """Minimise the cost from the angles ``start``."""

        def rate(count):
            phase = jnp.pi * count.astype(start.dtype) / self.num_steps
            return self.rate / 2 * (1 + jnp.cos(phase))

        return _descend(optax.adam(rate), objective, start, scale, self.num_steps)

    def __str__(self) -> str:
        return "Adam"


class LBFGS(Optimiser):
    """L-BFGS with a zoom line search, for many free parameters.

    Attributes
    ----------
    num_steps
        Steps; all of them are done, though a few dozen arrive.
    memory
        Pairs of steps and gradients that are kept.

    Notes
    -----
    Source: Nocedal & Wright, Numerical Optimization (2006), algorithms 7.5 and 3.5.
    """

    num_steps: int = eqx.field(static=True, default=60)
    memory: int = eqx.field(static=True, default=10)

    def walk(
        self, objective: Objective, start: Float[Array, " free"], scale: Float[Array, "free free"]
    ) -> Walk:
        """Minimise the cost from the angles ``start``."""
        return _descend(
            optax.lbfgs(memory_size=self.memory), objective, start, scale, self.num_steps
        )

    def __str__(self) -> str:
        return "L-BFGS"


def _descend(
    rule: Any,
    objective: Objective,
    start: Float[Array, " free"],
    scale: Float[Array, "free free"],
    num_steps: int,
) -> Walk:
    """Take the steps of an optax rule in scaled coordinates; keep the cost before each."""

    def cost(y):
        return objective.cost(start + scale @ y)

    def step(carry, _):
        y, state = carry
        value, gradient = jax.value_and_grad(cost)(y)
        with jax.numpy_dtype_promotion("standard"):  # optax counts its steps in int32
            updates, state = rule.update(
                gradient, state, y, value=value, grad=gradient, value_fn=cost
            )
        return (optax.apply_updates(y, updates), state), value

    first = jnp.zeros_like(start)
    rule = optax.with_extra_args_support(rule)
    (y, _), history = jax.lax.scan(step, (first, rule.init(first)), length=num_steps)
    return Walk(start + scale @ y, history)
