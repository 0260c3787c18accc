"""Differences helped by a cheap surrogate whose mean is known from many more fields."""

from collections.abc import Callable, Iterable

import equinox as eqx
import numpy as np
from jaxtyping import Array, Float

from jaxcr.annotations import checked
from jaxcr.checks import argument_error
from jaxcr.infer.gradients.difference import CentralDifference, stepped_spectra
from jaxcr.infer.gradients.estimate import GradientEstimator, JacobianEstimate, Spectra
from jaxcr.infer.gradients.simulations import field_numbers

_BLOCKS = 8  # of extra fields; their jackknife error is then good to a quarter
_Stepped = Float[np.ndarray, "field sky step side parameter ell"]


class ControlVariate(GradientEstimator):
    """A central difference whose field-to-field scatter is taken out by a surrogate's.

    Attributes
    ----------
    surrogate
        ``surrogate(values, number)``: C_l that follow those of the same fields, at less cost;
        for example ``composed_surrogate``.
    extra
        Numbers of the fields from which its mean is known, disjoint from those in use.
    surrogate_cost
        Of one field's surrogate in those, in forward C_l's. In the fields in use the surrogate
        comes from the first part of the same orbits and is free.
    difference
        The form of the derivative.
    """

    surrogate: Callable = eqx.field(static=True)
    extra: tuple[int, ...] = eqx.field(static=True)
    surrogate_cost: float = eqx.field(static=True, default=1 / 3)
    difference: CentralDifference = eqx.field(default_factory=CentralDifference)
    label: str = eqx.field(static=True, default="control variate")

    @checked
    def __call__(
        self, spectra: Spectra, values: Float[Array, " parameter"], numbers: Iterable[int]
    ) -> JacobianEstimate:
        """Return the Jacobian; see ``GradientEstimator``."""
        numbers = field_numbers(numbers)
        if set(numbers) & set(self.extra) or not self.extra:
            raise argument_error(
                "ControlVariate: extra",
                expected="other fields than those in use, and at least one",
                got=str(self.extra),
                remedy="The surrogate's mean must come from independent fields.",
            )
        steps = self.difference.steps(values.size)
        stepped, labels = stepped_spectra(spectra, values, steps, numbers)
        surrogates, _ = stepped_spectra(self.surrogate, values, steps, numbers)
        known, _ = stepped_spectra(self.surrogate, values, steps, self.extra)
        extra_cost = self.surrogate_cost * len(self.extra) / len(numbers)
        simulations = [(label, 1.0) for label in labels]
        simulations += [(f"surrogate, {label}", extra_cost) for label in labels]
        return self.reduce(stepped, surrogates, known.mean(axis=1), steps, tuple(simulations))

    def reduce(
        self,
        stepped: _Stepped,
        surrogates: _Stepped,
        known: Float[np.ndarray, "extra step side parameter ell"],
        steps: Float[np.ndarray, "step parameter"],
        simulations: tuple[tuple[str, float], ...],
    ) -> JacobianEstimate:
        """Return the estimate from skies and surrogates; ``known``: means of the extra fields."""

        def estimate_with(known):
            means, correlation = controlled_means(stepped, surrogates, known)
            return self.difference.reduce(means, steps, simulations), correlation

        estimate, correlation = estimate_with(known)
        # the noise of the known mean is common to all fields, so the jackknife misses it
        noise = _noise_of_known(lambda part: estimate_with(part)[0].value, known)
        reason = f"{estimate.reason}; correlation {correlation:.2f} with the surrogate at l = 1"
        return JacobianEstimate(
            _widened(estimate.per_field, noise), estimate.bias, simulations, self.label, reason
        )


def controlled_means(
    stepped: _Stepped,
    surrogates: _Stepped,
    known: Float[np.ndarray, "extra step side parameter ell"],
) -> tuple[Float[np.ndarray, "field step side parameter ell"], float]:
    """Return the fields' means less beta (surrogate - its known mean), and a correlation.

    Halved sums and differences of the two sides have slopes beta of their own; the slopes for
    one field come from the skies of the others, so the means keep their expectation.

    Notes
    -----
    beta = cov / var × E / (E + F) for F fields in use and E extra ones. Source: Glasserman
    (2003), Monte Carlo Methods in Financial Engineering, section 4.1.
    """
    target, control, mean = (_sum_and_difference(x) for x in (stepped, surrogates, known))
    share = len(known) / (len(known) + len(stepped))
    rows = []
    for i in range(len(stepped)):
        slope = share * _slope(np.delete(target, i, axis=0), np.delete(control, i, axis=0))
        rows.append(target[i].mean(axis=0) - slope * (control[i] - mean.mean(axis=0)).mean(axis=0))
    flat = [x[:, :, -1, 1, 0, 1].reshape(-1) for x in (target, control)]
    return _two_sides(np.stack(rows)), float(np.corrcoef(*flat)[0, 1])


def _slope(target: np.ndarray, control: np.ndarray) -> np.ndarray:
    """Return cov / var over all skies of some fields."""
    deviation = [x - x.mean(axis=(0, 1), keepdims=True) for x in (target, control)]
    variance = np.maximum((deviation[1] ** 2).sum(axis=(0, 1)), 1e-300)
    return (deviation[0] * deviation[1]).sum(axis=(0, 1)) / variance


def _noise_of_known(value, known: np.ndarray) -> np.ndarray:
    """Return the error from the surrogate's mean: jackknife over blocks of the extra fields."""
    num = min(_BLOCKS, len(known))
    if num < 2:
        return np.zeros(known.shape[-2:])
    blocks = np.array_split(np.arange(len(known)), num)
    values = np.stack([value(np.delete(known, block, axis=0)) for block in blocks])
    return np.sqrt((num - 1) * values.var(axis=0))


def _widened(per_field: np.ndarray, noise: np.ndarray) -> np.ndarray:
    """Return rows of the same mean whose jackknife error also holds an error common to all."""
    mean = per_field.mean(axis=0)
    deviation = per_field - mean[None]
    variance = (deviation**2).sum(axis=0) / (len(per_field) * (len(per_field) - 1))
    factor = np.sqrt((variance + noise**2) / np.maximum(variance, 1e-300))
    return mean[None] + deviation * factor[None]


def _sum_and_difference(sides: np.ndarray) -> np.ndarray:
    """Return half the sum and half the difference of the two sides, on the axis of sides."""
    below, above = sides[..., 0, :, :], sides[..., 1, :, :]
    return np.stack([(above + below) / 2, (above - below) / 2], axis=-3)


def _two_sides(values: np.ndarray) -> np.ndarray:
    """Return below and above from half the sum and half the difference."""
    middle, half = values[..., 0, :, :], values[..., 1, :, :]
    return np.stack([middle - half, middle + half], axis=-3)
