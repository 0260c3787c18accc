"""The combination of several estimators with the least squared error for each multipole."""

from collections.abc import Iterable, Sequence

import equinox as eqx
import numpy as np
from jaxtyping import Array, Float

from jaxcr.annotations import checked
from jaxcr.checks import check_range
from jaxcr.infer.gradients.estimate import GradientEstimator, JacobianEstimate, Spectra
from jaxcr.infer.gradients.per_field import combination_weights
from jaxcr.infer.gradients.simulations import field_numbers, remembered

_HOPELESS = 10.0  # its best weight is 1 %


class Combined(GradientEstimator):
    """Inverse-variance combination of estimators from the same skies, simulated once.

    Attributes
    ----------
    estimators
        At least one.
    """

    estimators: tuple[GradientEstimator, ...]
    label: str = eqx.field(static=True, default="combined")

    def __check_init__(self):
        check_range("Combined: number of estimators", len(self.estimators), 1)

    @checked
    def __call__(
        self, spectra: Spectra, values: Float[Array, " parameter"], numbers: Iterable[int]
    ) -> JacobianEstimate:
        """Return the Jacobian; see ``GradientEstimator``."""
        numbers, spectra = field_numbers(numbers), remembered(spectra)
        return combined_estimate([e(spectra, values, numbers) for e in self.estimators], self.label)


def combined_estimate(
    estimates: Sequence[JacobianEstimate], label: str = "combined"
) -> JacobianEstimate:
    """Return sum w · estimate, with weights from covariances over fields and from biases.

    Notes
    -----
    The weights of a field come from the other fields, so that they do not follow its value:
    for unbiased estimators the combination is unbiased. ``combination_weights`` says how few
    fields are made to do. With two fields the weights are equal. An estimator with ten times the
    error of another, in the median over l >= 1, is left out: from few fields a heavy tail looks
    small at some multipoles.
    Source: Parmas et al. (2018), PIPPS, arXiv:1902.01240 ("total propagation").
    """
    rows = np.stack([e.per_field for e in estimates], axis=1)
    bias = np.stack([e.bias for e in estimates])
    num, num_parameters = rows.shape[0], rows.shape[2]
    rows = np.where(_hopeless(rows)[None, ..., None], np.nan, rows)
    usable = np.isfinite(rows).all(axis=0)
    weights = np.zeros(rows.shape)
    for j in range(num_parameters):
        for i in range(num):
            others = np.delete(rows[:, :, j], i, axis=0)
            weights[i, :, j] = (
                combination_weights(others, bias[:, j])
                if num > 2
                else usable[:, j] / np.maximum(usable[:, j].sum(axis=0), 1)
            )
    per_field = (weights * np.where(usable[None], rows, 0)).sum(axis=1)
    total = (weights.mean(axis=0) * np.where(np.isfinite(bias), bias, 0)).sum(axis=0)
    simulations = tuple(dict(x for e in estimates for x in e.simulations).items())
    return JacobianEstimate(per_field, total, simulations, label, _reason(estimates, weights))


def _hopeless(rows: np.ndarray) -> np.ndarray:
    """Return which estimators are far noisier than the best, ``(estimator, parameter)``."""
    finite = np.isfinite(rows).all(axis=0)
    spread = np.where(finite, np.where(finite[None], rows, 0).std(axis=0), np.inf)[..., 1:]
    least = np.maximum(spread.min(axis=0), np.finfo(float).tiny)
    return np.median(spread / least[None], axis=-1) > _HOPELESS


def _reason(estimates, weights) -> str:
    """Say which estimators carry the result, in shares over l >= 1."""
    shares = weights[..., 1:].mean(axis=(0, 2, 3))
    order = np.argsort(-shares)
    return ", ".join(f"{estimates[i].label} {100 * shares[i]:.0f} %" for i in order)
