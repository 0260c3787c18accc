"""From spectra below and above to derivatives: steps, Richardson, logarithm, and their choice."""

import equinox as eqx
import numpy as np
from jaxtyping import Float

from jaxcr.infer.gradients.per_field import (
    FIRST,
    line_over_ell,
    pooled_over_ell,
    pseudo_values,
    smoothed_over_ell,
    systematic_size,
)

_SIGNIFICANT = 5.0  # below, the logarithm of a mean is biased by its noise: (1/5)²/2 = 2 %
_TINY = 1e-300

_Means = Float[np.ndarray, "field step side parameter ell"]
_Steps = Float[np.ndarray, "step parameter"]
_Chosen = tuple[Float[np.ndarray, "field parameter ell"], Float[np.ndarray, "parameter ell"], str]


class StepCandidates(eqx.Module):
    """Derivatives by several steps and forms from the same skies.

    Attributes
    ----------
    per_field
        Pseudo-values; not a number where a form does not apply.
    bias
        Estimated size of the bias of each.
    labels
        Their names.
    """

    per_field: Float[np.ndarray, "candidate field parameter ell"]
    bias: Float[np.ndarray, "candidate parameter ell"]
    labels: tuple[str, ...] = eqx.field(static=True)

    def only(self, indices: list[int]) -> "StepCandidates":
        """Return some of the candidates."""
        labels = tuple(self.labels[i] for i in indices)
        return StepCandidates(self.per_field[indices], self.bias[indices], labels)


def step_candidates(
    means: _Means,
    steps: _Steps,
    *,
    richardson: bool = True,
    logarithmic: bool = True,
    neighbours: int = 0,
) -> StepCandidates:
    """Return all derivatives that the steps allow, with estimated biases.

    Parameters
    ----------
    means
        Mean C_l over the skies of each field; side 0 is below, 1 above.
    steps
        Half-widths, rising.
    neighbours
        Multipoles on each side for ``line_over_ell``; 0 leaves each multipole alone.

    Notes
    -----
    The bias of D(h) is b h², with b from D(h') - D(h) beyond its own noise; that of Richardson's
    form is put at the square of the relative bias of the smaller step. With one step there is
    nothing to tell the bias from: it is put at zero. ``C dlnC`` takes ln C at the centre from
    the same means, extrapolated to step zero.
    """
    scale = np.maximum(np.abs(means.mean(axis=0)[0].mean(axis=0)), _TINY)
    families = [(_differences, means, None, "")]
    if logarithmic:
        strong = _significant(means)
        positive = np.where(strong[None, None, None], means, 1.0)
        families.append((_log_differences, positive, strong, "C dlnC, "))
    rows, bias, labels = [], [], []
    for form, values, usable, name in families:
        family = _family(values, steps, form, richardson, scale)
        if neighbours:
            lines = _family(values, steps, _lined(form, neighbours), richardson, scale)
            gaps = [
                systematic_size(new - old, scale)
                for new, old in zip(lines[0], family[0], strict=True)
            ]
            family = lines[0], [np.hypot(*x) for x in zip(lines[1], gaps, strict=True)], lines[2]
        rows += [
            row if usable is None else np.where(usable[None], row, np.nan) for row in family[0]
        ]
        bias += family[1]
        labels += [name + label for label in family[2]]
    return StepCandidates(np.stack(rows), np.nan_to_num(np.stack(bias)), tuple(labels))


def chosen_candidate(candidates: StepCandidates) -> _Chosen:
    """Return per multipole the candidate of least squared error: rows, bias, reason.

    Errors relative to those of the first candidate are smoothed over neighbouring multipoles
    before they are compared, so that the choice does not follow their noise.
    """
    _, square, usable = _squares(candidates)
    ratio = np.log(np.maximum(square, _TINY) / np.maximum(square[:1], _TINY))
    best = np.argmin(np.where(usable, smoothed_over_ell(ratio), np.inf), axis=0)
    return _taken(candidates, best)


def common_candidate(candidates: StepCandidates) -> _Chosen:
    """Return the same candidate for all l >= 2, and that of least bias for lower multipoles.

    From l = 2 on the one of least variance among those whose bias is below their error in the
    mean over multipoles; when there is none, that of least squared error. From few fields a
    choice for each multipole costs more than it gains.
    """
    variance, square, usable = _squares(candidates)
    reference = np.exp(smoothed_over_ell(np.log(np.maximum(variance[0], _TINY))))
    pooled = [
        np.where(usable, pooled_over_ell(x / reference[None]), np.inf) for x in (variance, square)
    ]
    unbiased = pooled[1] <= 2 * pooled[0]
    cautious = np.where(unbiased, pooled[0], np.inf)
    best = np.where(unbiased.any(axis=0), cautious.argmin(axis=0), pooled[1].argmin(axis=0))
    bias = np.where(usable, candidates.bias, np.inf)[::-1]  # of equal ones the extrapolated
    best[..., :FIRST] = len(bias) - 1 - bias.argmin(axis=0)[..., :FIRST]
    return _taken(candidates, best)


def _squares(candidates: StepCandidates) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return squared errors without and with bias, and where they exist."""
    rows, bias = candidates.per_field, candidates.bias
    usable = np.isfinite(rows).all(axis=1)
    variance = np.where(usable, rows.var(axis=1, ddof=1) / rows.shape[1], np.inf)
    return variance, variance + np.where(usable, bias, 0) ** 2, usable


def _taken(candidates: StepCandidates, best: np.ndarray) -> _Chosen:
    """Return rows and bias of the candidates with these indices ``(parameter, ell)``."""
    chosen = np.take_along_axis(candidates.per_field, best[None, None], axis=0)[0]
    counts = [(int((best[..., 1:] == i).sum()), name) for i, name in enumerate(candidates.labels)]
    reason = ", ".join(f"{name} at {num}" for num, name in sorted(counts, reverse=True) if num)
    bias = np.take_along_axis(candidates.bias, best[None], axis=0)[0]
    return chosen, bias, f"{reason} multipoles"


def _significant(means: _Means) -> np.ndarray:
    """Return where all means are far above their errors, ``(parameter, ell)``."""
    error = means.std(axis=0, ddof=1) / np.sqrt(len(means))
    return (means.mean(axis=0) > _SIGNIFICANT * error).all(axis=(0, 1))


def _differences(mean: np.ndarray, steps: _Steps) -> np.ndarray:
    """Return D(h), ``(step, parameter, ell)``."""
    return (mean[:, 1] - mean[:, 0]) / (2 * steps[..., None])


def _log_differences(mean: np.ndarray, steps: _Steps) -> np.ndarray:
    """Return C(0) times the difference of ln C, with ln C(0) from the smallest steps."""
    logs = np.log(mean)
    middle = logs.mean(axis=1)
    centre = middle[0]
    if len(steps) > 1:
        square = ((steps[1] / steps[0]) ** 2)[:, None]
        centre = (square * middle[0] - middle[1]) / (square - 1)
    return np.exp(centre)[None] * (logs[:, 1] - logs[:, 0]) / (2 * steps[..., None])


def _lined(form, neighbours: int):
    """Return the form followed by lines over multipoles."""

    def lined(mean, steps):
        return line_over_ell(form(mean, steps), mean[0].mean(axis=0), neighbours)

    return lined


def _family(means, steps, form, richardson, scale) -> tuple[list, list, list]:
    """Return pseudo-values, biases and labels of one form at all steps, Richardson's last."""
    rows = np.moveaxis(pseudo_values(lambda mean: form(mean, steps), means), 1, 0)
    labels = [f"step {_numbers(step)}" for step in steps]
    bias = [np.zeros(rows.shape[2:])] * len(steps)
    kept = list(rows)
    for i in range(1, len(steps)):
        square = ((steps[i] / steps[i - 1]) ** 2)[:, None]
        error = systematic_size(rows[i] - rows[i - 1], scale) / (square - 1)
        bias[i - 1] = error if i == 1 else bias[i - 1]
        bias[i] = square * error
        if richardson:
            kept.append((square[None] * rows[i - 1] - rows[i]) / (square[None] - 1))
            size = np.abs(kept[-1].mean(axis=0))
            spread = kept[-1].std(axis=0, ddof=1) / np.sqrt(len(means))
            bias.append(error**2 / np.maximum(np.maximum(size, spread), _TINY))
            labels.append(f"Richardson {_numbers(steps[i - 1])} and {_numbers(steps[i])}")
    return kept, bias, labels


def _numbers(step: np.ndarray) -> str:
    """Return the steps of all parameters in one word."""
    return "/".join(f"{x:.3g}" for x in np.unique(step))
