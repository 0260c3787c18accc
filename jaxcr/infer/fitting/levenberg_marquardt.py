"""Least squares by Levenberg-Marquardt."""

from typing import ClassVar

import equinox as eqx
import optimistix as optx
from jaxtyping import Array, Float

from jaxcr.infer.fitting.objective import Objective
from jaxcr.infer.fitting.optimiser import Optimiser, Walk


class LevenbergMarquardt(Optimiser):
    """Damped Gauss-Newton steps on the residuals.

    Attributes
    ----------
    max_steps
        Steps at most, rejected ones included.
    tolerance
        Relative and absolute, of the angles and of the cost.

    Notes
    -----
    It sees the model through forward-mode derivatives of the residuals alone, and a step is
    kept only if the cost falls: a model whose tangent rule is an estimated Jacobian
    (``jax.custom_jvp``) is minimised on the slopes of its mean, though its own curve is rough.
    Source: Nocedal & Wright, Numerical Optimization (2006), section 10.3.
    """

    scaled: ClassVar[bool] = False
    max_steps: int = eqx.field(static=True, default=80)
    tolerance: float = 1e-7

    def walk(
        self, objective: Objective, start: Float[Array, " free"], scale: Float[Array, "free free"]
    ) -> Walk:
        """Minimise the cost from the angles ``start``."""
        solution = optx.least_squares(
            lambda angles, objective: objective.residuals(angles),
            optx.LevenbergMarquardt(rtol=self.tolerance, atol=self.tolerance),
            start,
            args=objective,
            max_steps=self.max_steps,
            throw=False,
        )
        return Walk(solution.value, None)

    def __str__(self) -> str:
        return "Levenberg-Marquardt"
