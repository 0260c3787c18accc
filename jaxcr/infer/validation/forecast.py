"""Errors before the data: which skies and which noise measure what, by the Fisher matrix."""

import math
from collections.abc import Callable, Sequence

import equinox as eqx
import jax
import numpy as np
from jaxtyping import Array, Float

from jaxcr.arrays import Scalar
from jaxcr.checks import check_positive
from jaxcr.infer.likelihood import Likelihood, Problem, fisher_matrix
from jaxcr.infer.models.base import SpectrumModel
from jaxcr.infer.parameters import ParameterSet
from jaxcr.observed.data import SpectrumData

Values = Float[Array, " parameter"]


class Forecast(eqx.Module):
    """Errors of parameters that data would give.

    Attributes
    ----------
    names
        Of the parameters.
    num_skies, noise_factors
        Cases, in rows and columns.
    errors
        Standard deviations, prior included, ``(skies, noise, parameter)``; 0 for fixed ones.
    """

    names: tuple[str, ...] = eqx.field(static=True)
    num_skies: tuple[int, ...] = eqx.field(static=True)
    noise_factors: tuple[float, ...] = eqx.field(static=True)
    errors: Float[np.ndarray, "skies noise parameter"]

    def table(self) -> str:
        """Return the errors as text, a line for each case."""
        head = "skies  noise x  " + "  ".join(f"{name:>12}" for name in self.names)
        rows = [
            f"{n:5d}  {f:7.3g}  " + "  ".join(f"{e:12.3g}" for e in self.errors[i, j])
            for i, n in enumerate(self.num_skies)
            for j, f in enumerate(self.noise_factors)
        ]
        return "\n".join([head, *rows])


def forecast(
    model: SpectrumModel,
    values: Values,
    data: SpectrumData,
    *,
    num_skies: Sequence[int] = (1, 8, 32),
    noise_factors: Sequence[float] = (1.0,),
    parameters: ParameterSet | None = None,
    likelihood: Likelihood | None = None,
) -> Forecast:
    """Return the errors that the mean of so many skies, with so much noise, would give.

    Parameters
    ----------
    values
        Where the Fisher matrix is taken.
    data
        Template: multipoles, noise and errors; its C_l are not used.
    num_skies
        Independent skies.
    noise_factors
        Times the template's noise.
    parameters, likelihood
        As in ``Problem``; free and fixed parameters and priors are those of the set.

    Notes
    -----
    Gaussian errors: wrong where a prior's edge or a curved valley rules (R - 1 from one sky).
    """
    chosen = model.parameters if parameters is None else parameters
    errors = [
        [
            np.sqrt(np.diagonal(_covariance(model, values, _case(data, n, f), chosen, likelihood)))
            for f in noise_factors
        ]
        for n in num_skies
    ]
    return Forecast(
        model.parameters.names, tuple(num_skies), tuple(noise_factors), np.array(errors)
    )


def skies_needed(
    model: SpectrumModel,
    values: Values,
    data: SpectrumData,
    quantity: Callable[[Values], Scalar],
    *,
    relative_error: float = 0.2,
    most: int = 100_000,
    parameters: ParameterSet | None = None,
    likelihood: Likelihood | None = None,
) -> int | None:
    """Return how many skies measure a quantity to this relative error; ``None`` above ``most``.

    Parameters
    ----------
    quantity
        Of the values, for example the mirror ratio ``lambda v: 1 + jnp.exp(v[2])``.
    relative_error
        Standard deviation over value.

    Raises
    ------
    ValueError
        Unless ``relative_error`` > 0.

    Notes
    -----
    The error falls with the number of skies, about as its root; halving between powers of two,
    about 2 log2(n) Fisher matrices.
    """
    check_positive("skies_needed: relative_error", relative_error)
    chosen = model.parameters if parameters is None else parameters
    value, slope = quantity(values), np.asarray(jax.grad(quantity)(values))

    def enough(num: int) -> bool:
        covariance = _covariance(model, values, _case(data, num, 1.0), chosen, likelihood)
        return math.sqrt(slope @ covariance @ slope) <= relative_error * abs(float(value))

    high = 1
    while not enough(high):
        if high >= most:
            return None
        high = min(2 * high, most)
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high


def _case(data: SpectrumData, num_skies: int, noise_factor: float) -> SpectrumData:
    """Return the template with another number of skies and level of noise."""
    noise = np.asarray(data.noise) * noise_factor
    return SpectrumData(
        data.ell, np.ones(data.ell.size), data.log_error, noise, num_skies, data.m0_blind,
        data.debiased, "forecast",
    )  # fmt: skip


def _covariance(model, values, data, parameters, likelihood) -> np.ndarray:
    """Return the inverse Fisher matrix of the free parameters, 0 for the others."""
    problem = Problem(model, data, parameters, likelihood)
    where = np.flatnonzero(parameters.is_free)
    fisher = np.asarray(fisher_matrix(problem, values))[np.ix_(where, where)]
    size = len(parameters.names)
    covariance = np.zeros((size, size))
    covariance[np.ix_(where, where)] = np.linalg.inv(fisher)
    return covariance
