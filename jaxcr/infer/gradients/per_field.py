"""Statistics of values with one row for each independent field: errors, biases, weights."""

from collections.abc import Callable

import numpy as np
from jaxtyping import Float

_NEIGHBOURS = 2  # multipoles on each side that share their noise's shape
FIRST = 2
"""The first multipole with a neighbour that is alike: l = 0 vanishes, l = 1 is the boundary's."""
_TINY = 1e-300
_FLOOR = 0.1  # of the neighbours' mean: C_l may come out near zero, or negative, from noise


def pseudo_values(
    estimator: Callable[[np.ndarray], np.ndarray], means: Float[np.ndarray, "field ..."]
) -> Float[np.ndarray, "field ..."]:
    """Return F t(all) - (F - 1) t(all but one field), one row for each field.

    Their mean is the estimate without its first-order bias, their standard error is its
    jackknife error; for a mean they are the fields' own values.

    Parameters
    ----------
    estimator
        From a mean over fields to an array.
    means
        One row for each field.

    Notes
    -----
    Source: Tukey (1958); Efron (1982), ch. 2.
    """
    num, total = len(means), means.sum(axis=0)
    full = estimator(total / num)
    return np.stack([num * full - (num - 1) * estimator((total - x) / (num - 1)) for x in means])


def systematic_size(
    difference: Float[np.ndarray, "field ... ell"],
    scale: Float[np.ndarray, "... ell"] | None = None,
) -> Float[np.ndarray, "... ell"]:
    """Return the size of a mean beyond its own noise, sqrt(max(0, mean² - error²)).

    With a ``scale`` in proportion to what is expected, the excess over scale² is averaged over
    neighbouring multipoles first.
    """
    mean, error = difference.mean(axis=0), difference.std(axis=0, ddof=1) / np.sqrt(len(difference))
    excess = mean**2 - error**2
    if scale is not None:
        excess = scale**2 * smoothed_over_ell(excess / scale**2)
    return np.sqrt(np.maximum(excess, 0))


def line_over_ell(
    values: Float[np.ndarray, "... parameter ell"],
    spectrum: Float[np.ndarray, "parameter ell"],
    neighbours: int,
) -> Float[np.ndarray, "... parameter ell"]:
    """Return derivatives from straight lines through d ln C_l of neighbours, l >= 2.

    Chaos gives neighbouring multipoles noise that is nearly independent, while d ln C_l changes
    slowly with l. ln C_l itself is a parabola of ln l over the same neighbours: cosmic variance
    of single multipoles would come back as noise of the derivative.
    """
    floor = np.maximum(_FLOOR * smoothed_over_ell(np.abs(spectrum)), _TINY)
    logs = np.log(np.maximum(np.abs(spectrum), floor))
    ell = np.log(np.maximum(np.arange(spectrum.shape[-1]), 1))
    scale = np.exp(logs @ _local_fit(ell, neighbours, 3).T)
    lines = _local_fit(np.arange(spectrum.shape[-1]), neighbours, 2)
    return (values / scale) @ lines.T * scale


def _local_fit(places: np.ndarray, neighbours: int, num_terms: int) -> np.ndarray:
    """Return the matrix that replaces values by local polynomials, from l = 2 on."""
    num = len(places)
    weights = np.eye(num)
    for ell in range(FIRST, num):
        near = np.arange(max(FIRST, ell - neighbours), min(num - 1, ell + neighbours) + 1)
        terms = np.vander(places[near] - places[ell], min(num_terms, near.size))
        weights[ell] = 0
        weights[ell, near] = np.linalg.pinv(terms)[-1]
    return weights


def smoothed_over_ell(values: Float[np.ndarray, "... ell"]) -> Float[np.ndarray, "... ell"]:
    """Return values averaged over two neighbours on each side from l = 2 on.

    A variance from four fields is uncertain by a factor of two; neighbouring multipoles have
    nearly the same, or variances in nearly the same ratio.
    """
    result = np.array(values)
    for ell in range(FIRST, values.shape[-1]):
        near = values[..., max(FIRST, ell - _NEIGHBOURS) : ell + _NEIGHBOURS + 1]
        result[..., ell] = near.mean(axis=-1)
    return result


def pooled_over_ell(values: Float[np.ndarray, "... ell"]) -> Float[np.ndarray, "... ell"]:
    """Return values with all from l = 2 on replaced by their mean."""
    result = np.array(values)
    result[..., FIRST:] = values[..., FIRST:].mean(axis=-1, keepdims=True)
    return result


def combination_weights(
    rows: Float[np.ndarray, "field estimator ell"], bias: Float[np.ndarray, "estimator ell"]
) -> Float[np.ndarray, "estimator ell"]:
    """Return the weights, positive with sum 1, of least squared error for each multipole.

    The error matrix is covariance / fields + bias². Variances are smoothed over neighbouring
    multipoles, correlations likewise, and shrunk toward none by 1 over the number of fields.
    """
    num = len(rows)
    finite = np.isfinite(rows).all(axis=0) & np.isfinite(bias)
    deviation = np.where(finite[None], rows - rows.mean(axis=0)[None], 0)
    variance = np.maximum((deviation**2).sum(axis=0) / (num - 1), _TINY)
    reference = np.maximum(variance.min(axis=0, where=finite, initial=np.inf), _TINY)
    reference = np.where(np.isfinite(reference), reference, 1)
    ratio = np.exp(smoothed_over_ell(np.log(variance / reference[None])))
    scaled = deviation / np.sqrt(variance)[None]
    correlation = np.einsum("fel,fgl->egl", scaled, scaled) / (num - 1)
    correlation = smoothed_over_ell(correlation) * (1 - 1 / num)
    size = np.sqrt(ratio)
    matrix = correlation * size[:, None] * size[None]
    relative = bias**2 / reference[None] * num
    weights = np.zeros(finite.shape)
    for ell in range(finite.shape[-1]):
        matrix_l = matrix[..., ell]
        np.fill_diagonal(matrix_l, ratio[:, ell])
        offset = np.where(finite[:, ell], relative[:, ell], 0)
        weights[:, ell] = _positive_weights(matrix_l + np.diag(offset), finite[:, ell])
    return weights


def _positive_weights(matrix: np.ndarray, usable: np.ndarray) -> np.ndarray:
    """Return M^-1 1 over its sum, without the estimators that would count negatively."""
    weights, usable = np.zeros(len(matrix)), usable.copy()
    if not usable.any():
        return np.full(len(matrix), 1 / len(matrix))
    while True:
        part = np.linalg.solve(matrix[np.ix_(usable, usable)], np.ones(usable.sum()))
        if (part >= 0).all():
            weights[usable] = part / part.sum()
            return weights
        usable[np.flatnonzero(usable)[part.argmin()]] = False
