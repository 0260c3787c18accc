"""Differences between skies with the same phases; the step is chosen from the data."""

from collections.abc import Iterable

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxcr.annotations import checked
from jaxcr.checks import check_positive, check_range
from jaxcr.infer.gradients.estimate import GradientEstimator, JacobianEstimate, Spectra
from jaxcr.infer.gradients.simulations import field_numbers, forward, point_label
from jaxcr.infer.gradients.step_choice import chosen_candidate, common_candidate, step_candidates

_Steps = Float[np.ndarray, "step parameter"]


class CentralDifference(GradientEstimator):
    """Central differences of the mean C_l, or of its logarithm, with the same phases.

    Attributes
    ----------
    step
        Half the width, one for all parameters or one for each. ``None``: ``num_steps`` of them
        are simulated, and step and form are chosen for each multipole.
    largest, num_steps
        The widest of the steps that are tried, each half of the next.
    richardson
        Let (4 D(h) - D(2h)) / 3 compete; with a given step, it is taken, and h is half of it.
    logarithmic
        Without a given step, let C dlnC compete where C_l is well above its noise: means that
        fall exponentially with a parameter are nearly straight in it.
    neighbours
        Multipoles on each side whose d ln C_l lie on a straight line; 6 suits l = 2 to 24. All
        from l = 2 on then have the same step and form, the least noisy one whose bias is below
        its error.
    """

    step: float | tuple[float, ...] | None = eqx.field(static=True, default=None)
    largest: float | tuple[float, ...] = eqx.field(static=True, default=0.3)
    num_steps: int = eqx.field(static=True, default=2)
    richardson: bool = eqx.field(static=True, default=True)
    logarithmic: bool = eqx.field(static=True, default=True)
    neighbours: int = eqx.field(static=True, default=0)
    label: str = eqx.field(static=True, default="same-phase difference")

    def __check_init__(self):
        width = self.largest if self.step is None else self.step
        check_positive("CentralDifference: step", width, remedy="0.3 suits dB/B0 and logarithms.")
        check_range("CentralDifference: num_steps", self.num_steps, 1)

    def steps(self, num_parameters: int) -> _Steps:
        """Return the steps to simulate, rising."""
        width = np.asarray(self.largest if self.step is None else self.step, dtype=float)
        num = self.num_steps if self.step is None else 1 + self.richardson
        factors = 0.5 ** np.arange(num - 1, -1, -1)
        return factors[:, None] * np.broadcast_to(width, num_parameters)[None]

    @checked
    def __call__(
        self, spectra: Spectra, values: Float[Array, " parameter"], numbers: Iterable[int]
    ) -> JacobianEstimate:
        """Return the Jacobian; see ``GradientEstimator``."""
        steps = self.steps(values.size)
        stepped, labels = stepped_spectra(spectra, values, steps, field_numbers(numbers))
        return self.reduce(stepped.mean(axis=1), steps, tuple((x, 1.0) for x in labels))

    def reduce(
        self,
        means: Float[np.ndarray, "field step side parameter ell"],
        steps: _Steps,
        simulations: tuple[tuple[str, float], ...],
    ) -> JacobianEstimate:
        """Return the estimate from means over the skies of each field, below and above."""
        free = self.step is None
        candidates = step_candidates(
            means,
            steps,
            richardson=self.richardson,
            logarithmic=self.logarithmic and free,
            neighbours=self.neighbours,
        )
        if not free:
            candidates = candidates.only([-1])
        choose = common_candidate if self.neighbours else chosen_candidate
        per_field, bias, reason = choose(candidates)
        return JacobianEstimate(per_field, bias, simulations, self.label, reason)


def stepped_spectra(
    spectra: Spectra, values: Float[Array, " parameter"], steps: _Steps, numbers: tuple[int, ...]
) -> tuple[Float[np.ndarray, "field sky step side parameter ell"], list[str]]:
    """Simulate all skies below and above, one parameter moved at a time; labels of the points."""
    labels, rows = [], []
    for row in steps:
        sides = []
        for sign in (-1.0, 1.0):
            moved = []
            for j, step in enumerate(row):
                point = values.at[j].add(jnp.asarray(sign * step, values.dtype))
                labels.append(point_label(point))
                moved.append(forward(spectra, point, numbers))
            sides.append(np.stack(moved, axis=2))
        rows.append(np.stack(sides, axis=2))
    return np.stack(rows, axis=2), labels
