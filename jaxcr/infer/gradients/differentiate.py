"""Differentiate the mean C_l of simulated skies in several ways, and say which to believe."""

from collections.abc import Callable, Iterable, Sequence

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxcr.arrays import ScalarLike
from jaxcr.checks import as_float, check_shape
from jaxcr.infer.gradients.combined import combined_estimate
from jaxcr.infer.gradients.difference import CentralDifference
from jaxcr.infer.gradients.estimate import GradientEstimator, JacobianEstimate
from jaxcr.infer.gradients.pathwise import pathwise_estimate, tail_weight
from jaxcr.infer.gradients.report import GradientReport, distance
from jaxcr.infer.gradients.simulations import (
    SLOPE_COST,
    field_numbers,
    path_slopes,
    point_label,
    remembered,
)
from jaxcr.statistics import jackknife

_FAR = 4.0
"""Lyapunov lengths; nine gyroradii of 20 cells in turbulence of dB = B0."""


def spectrum_gradient(
    spectra: Callable[..., Float[Array, "sky ell"]],
    values: ScalarLike | Float[Array | np.ndarray, " parameter"],
    *,
    num_fields: int,
    names: Sequence[str] | None = None,
    name: str = "theta",
    estimator: GradientEstimator | None = None,
    step: float | tuple[float, ...] = 0.3,
    path_over_lyapunov: float = float("nan"),
    progress: Callable[[Iterable], Iterable] = lambda x: x,
) -> GradientReport:
    """Differentiate C_l by turbulence parameters in several ways and say which to believe.

    Parameters
    ----------
    spectra
        ``spectra(values, number)``: half-cross C_l of the skies in field ``number``, with phases
        that depend on the number alone; forward-mode differentiable.
    values
        Where: a number, which ``spectra`` then takes as it is, or a vector.
    num_fields
        At least 2; fields are independent, skies in one field are not.
    names, name
        Of the parameters, or of the one parameter.
    estimator
        One more, and the best. Default: the combination of path-wise derivative and difference.
    step
        Half-width of the central difference with the same phases, one or for each parameter.
    path_over_lyapunov
        See ``orbits.lyapunov_length``. From four on the difference is Richardson's, from skies at
        half the step, too: the plain one is then biased by more than its error.

    Raises
    ------
    ValueError
        For fewer than two fields, or when names and values differ in number.
    """
    scalar = np.ndim(values) == 0
    vector = jnp.atleast_1d(as_float(values))
    names = _checked_names((name,) if names is None else tuple(names), vector.size)
    given = spectra if not scalar else lambda x, number: spectra(x[0], number)
    kept = remembered(given)
    numbers = field_numbers(range(num_fields))
    wide = CentralDifference(step=step, richardson=False)
    far = path_over_lyapunov >= _FAR
    difference = CentralDifference(step=step, richardson=True) if far else wide
    for number in progress(numbers):
        _simulate(kept, vector, difference, number)
    centre, slopes = path_slopes(kept, vector, numbers)
    cost = ((f"slopes: {point_label(vector)}", SLOPE_COST * vector.size),)
    pathwise = pathwise_estimate(slopes, simulations=cost)
    estimates = [pathwise, difference(kept, vector, numbers)]
    noise, tail = _gauges(pathwise, wide(kept, vector, numbers), slopes)
    if estimator is None:
        best = combined_estimate(estimates)
    else:
        best = estimator(kept, vector, numbers)
        estimates.append(best)
    each = slice(None) if not scalar else 0
    stacked = [
        np.stack([x[each] for x in y])
        for y in zip(*[(e.value, e.error, e.bias) for e in estimates], strict=True)
    ]
    spectrum = jackknife(lambda mean: mean, centre.mean(axis=1))
    widths = wide.steps(vector.size)[-1]
    return GradientReport(
        name=", ".join(names),
        estimators="; ".join(e.label for e in estimates),
        reason=best.reason,
        value=float(vector[0]) if scalar else np.asarray(vector),
        step=float(widths[0]) if scalar else widths,
        spectrum=np.asarray(spectrum.value),
        spectrum_error=np.asarray(spectrum.error),
        estimates=stacked[0],
        errors=stacked[1],
        biases=stacked[2],
        best=best.value[each],
        best_error=best.total_error[each],
        z_score=distance(*estimates[:2])[each],
        noise_ratio=noise,
        tail=tail,
        path_over_lyapunov=float(path_over_lyapunov),
        cost=best.cost,
        num_fields=num_fields,
    )


def _checked_names(names: tuple[str, ...], num: int) -> tuple[str, ...]:
    """Return the names if there is one for each parameter."""
    check_shape("spectrum_gradient: names", names, (num,), remedy="One for each value, in order.")
    return names


def _simulate(spectra, values, difference: CentralDifference, number: int) -> None:
    """Simulate all skies of one field; the estimators then find them remembered."""
    path_slopes(spectra, values, (number,))
    for row in difference.steps(values.size):
        for j, step in enumerate(row):
            for sign in (-1.0, 1.0):
                spectra(values.at[j].add(jnp.asarray(sign * step, values.dtype)), number)


def _gauges(pathwise: JacobianEstimate, plain: JacobianEstimate, slopes) -> tuple[float, float]:
    """Return the noise ratio and the tail of the worst parameter."""
    first, second = pathwise.error[:, 1:], plain.error[:, 1:]
    ratio = np.median(first / np.maximum(second, np.finfo(float).tiny), axis=1)
    return float(ratio.max()), float(tail_weight(slopes).max())
