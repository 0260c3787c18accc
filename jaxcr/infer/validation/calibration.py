"""Simulation-based calibration: whether planted values are uniform among posterior samples."""

import equinox as eqx
import numpy as np
from jaxtyping import Array, Float, Key

from jaxcr.infer.likelihood import Problem
from jaxcr.infer.validation.closure import ClosureReport, closure
from jaxcr.infer.validation.draw import Simulator

_LEAST_P = 0.01
_PER_BIN = 20
"""Expected ranks in each bin of the chi-squared test, four times what it needs."""


class CalibrationReport(eqx.Module):
    """Ranks of planted values, and how likely uniform ones differ as much.

    Attributes
    ----------
    names
        Of the free parameters.
    ranks
        Share of the posterior below the planted value, ``(dataset, parameter)``.
    chi2_p, ks_p
        p-values of uniformity, chi-squared in bins of 20 expected ranks and Kolmogorov-Smirnov,
        ``(parameter,)``.
    closure
        Coverage and bias of the same fits.
    """

    names: tuple[str, ...] = eqx.field(static=True)
    ranks: Float[np.ndarray, "dataset parameter"]
    chi2_p: Float[np.ndarray, " parameter"]
    ks_p: Float[np.ndarray, " parameter"]
    closure: ClosureReport

    @property
    def passed(self) -> bool:
        """Whether every p-value is above 0.01."""
        return bool(min(self.chi2_p.min(), self.ks_p.min()) > _LEAST_P)

    def verdict(self) -> str:
        """Return the result in one line."""
        parts = [
            f"{name}: p = {a:.2g} (chi²), {b:.2g} (KS)"
            for name, a, b in zip(self.names, self.chi2_p, self.ks_p, strict=True)
        ]
        outcome = "ranks are uniform" if self.passed else "RANKS ARE NOT UNIFORM"
        return f"{outcome} over {len(self.ranks)} data sets; " + "; ".join(parts)


def calibration_ranks(
    problem: Problem, simulate: Simulator, key: Key[Array, ""], *, num: int = 200, **options: int
) -> CalibrationReport:
    """Plant values drawn from the priors, and rank them within the posteriors.

    Parameters
    ----------
    problem, simulate, num, options
        As in ``closure``.

    Notes
    -----
    If data and posterior are of one model, ranks are uniform whatever the data tell. A heap at
    both ends means intervals too narrow, a heap in the middle too wide ones. Source: Talts et
    al., arXiv:1804.06788; the rank is the weighted share of samples, not a count.
    """
    report = closure(problem, simulate, key, num=num, **options)
    chi2_p, ks_p = uniformity(report.ranks)
    return CalibrationReport(report.names, report.ranks, chi2_p, ks_p, report)


def uniformity(
    ranks: Float[np.ndarray, "dataset parameter"],
) -> tuple[Float[np.ndarray, " parameter"], Float[np.ndarray, " parameter"]]:
    """Return p-values of uniform ranks in [0, 1]: chi-squared in bins, Kolmogorov-Smirnov."""
    from scipy.stats import chisquare, kstest

    bins = max(2, min(20, len(ranks) // _PER_BIN))
    counts = [np.histogram(row, bins, (0, 1))[0] for row in ranks.T]
    of_bins = np.array([chisquare(c).pvalue for c in counts])
    return of_bins, np.array([kstest(row, "uniform").pvalue for row in ranks.T])
