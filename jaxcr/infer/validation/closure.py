"""Closure: plant parameters, fit them back many times, and count how often the intervals hold."""

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Key

from jaxcr.checks import check_range
from jaxcr.infer.likelihood import Problem
from jaxcr.infer.validation.draw import Simulator, draw_values
from jaxcr.infer.validation.fit_many import ManyFits, fit_many

_LARGEST_BIAS = 0.25
_SIGMAS = 2.6
"""Coverage and bias may be off by this many errors: 1 % of right fits fail one parameter."""

_FEW = 50
"""Effective samples, below which a rank is off by more than 0.07."""


class ClosureReport(eqx.Module):
    """What came back of planted parameters.

    Attributes
    ----------
    names
        Of the free parameters.
    planted
        True values, ``(dataset, parameter)``; the arrays hold the free parameters only.
    means, errors
        Posterior means and standard deviations.
    ranks
        Share of the posterior below the true value.
    effective_samples
        Of each posterior, ``(dataset,)``.
    """

    names: tuple[str, ...] = eqx.field(static=True)
    planted: Float[np.ndarray, "dataset parameter"]
    means: Float[np.ndarray, "dataset parameter"]
    errors: Float[np.ndarray, "dataset parameter"]
    ranks: Float[np.ndarray, "dataset parameter"]
    effective_samples: Float[np.ndarray, " dataset"]

    @property
    def num(self) -> int:
        """Number of data sets."""
        return len(self.planted)

    @property
    def pulls(self) -> Float[np.ndarray, "dataset parameter"]:
        """(mean - planted) / error."""
        return (self.means - self.planted) / self.errors

    @property
    def bias(self) -> Float[np.ndarray, " parameter"]:
        """Mean of the pulls, in sigma of one data set; its error is about 1/sqrt(num)."""
        return self.pulls.mean(0)

    def coverage(self, level: float) -> Float[np.ndarray, " parameter"]:
        """Return how often the central interval of this probability holds the planted value."""
        return np.mean(np.abs(self.ranks - 0.5) < level / 2, axis=0)

    def coverage_error(self, level: float) -> float:
        """Return the binomial standard error of a coverage that is right."""
        return float(np.sqrt(level * (1 - level) / self.num))

    @property
    def poorly_sampled(self) -> Int[np.ndarray, " few"]:
        """Numbers of the data sets whose posterior is worth fewer than 50 samples."""
        return np.flatnonzero(~(self.effective_samples >= _FEW))

    @property
    def passed(self) -> bool:
        """Whether coverages are right within errors, biases too or below 0.25 sigma."""
        right = all(
            np.all(np.abs(self.coverage(p) - p) < _SIGMAS * self.coverage_error(p))
            for p in (0.68, 0.95)
        )
        largest = max(_LARGEST_BIAS, _SIGMAS / np.sqrt(self.num))
        return bool(right and np.all(np.abs(self.bias) < largest))

    def verdict(self) -> str:
        """Return the result in one line."""
        parts = [
            f"{name}: 68 % hold {100 * a:.0f} %, 95 % hold {100 * b:.0f} %, bias {c:+.2f} sigma"
            for name, a, b, c in zip(
                self.names, self.coverage(0.68), self.coverage(0.95), self.bias, strict=True
            )
        ]
        outcome = "closes" if self.passed else "DOES NOT CLOSE"
        if self.poorly_sampled.size:
            parts.append(f"{self.poorly_sampled.size} posteriors worth fewer than {_FEW} samples")
        return f"{outcome} on {self.num} data sets; " + "; ".join(parts)


def closure(
    problem: Problem,
    simulate: Simulator,
    key: Key[Array, ""],
    *,
    num: int = 200,
    planted: Float[Array, " parameter"] | None = None,
    progress: Callable = lambda x: x,
    **options: int,
) -> ClosureReport:
    """Plant parameters in many data sets and fit them back.

    Parameters
    ----------
    problem
        Model, parameters with priors, likelihood.
    simulate
        ``(values, key)`` to data: ``simulate_from`` for the model's own distribution, or skies of
        fields that the model never saw.
    num
        Data sets, at least 20.
    planted
        The same true values in each; drawn from the priors if not given, as coverage averaged
        over the prior is the one that a Bayesian interval promises.
    progress
        Wraps the loop over simulations.
    options
        ``num_starts`` and ``num_samples`` of every fit.

    Raises
    ------
    ValueError
        When ``num`` is below 20, or the data sets differ in their multipoles.
    """
    check_range(
        "closure: num", num, 20, remedy="The error of a coverage of 68 % is 0.47/sqrt(num)."
    )
    of_values, of_data, of_fits = jax.random.split(key, 3)
    if planted is None:
        values = [draw_values(problem.parameters, k) for k in jax.random.split(of_values, num)]
    else:
        values = [planted] * num
    pairs = zip(values, jax.random.split(of_data, num), strict=True)
    data = [problem.model.comparable(simulate(v, k)) for v, k in progress(list(pairs))]
    fits = fit_many(problem, data, jnp.stack(values), of_fits, **options)
    return _report(problem, np.stack([np.asarray(v) for v in values]), fits)


def _report(problem: Problem, planted: np.ndarray, fits: ManyFits) -> ClosureReport:
    free = problem.parameters.is_free
    columns = (np.asarray(x) for x in (fits.means, fits.errors, fits.ranks))
    return ClosureReport(
        problem.parameters.free_names,
        planted[:, free],
        *columns,
        np.asarray(fits.effective_samples),
    )
