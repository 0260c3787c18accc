"""The report on a derivative of C_l: all estimates, how they agree, and which to believe."""

import equinox as eqx
import numpy as np
from jaxtyping import Float

from jaxcr.infer.gradients.estimate import JacobianEstimate

HEAVY_TAIL = 2.5
"""rms over median slope of single skies above which a few of them carry the mean."""
NOISY = 1.5
"""Path-wise error over that of the difference above which chaos shows: over 100 ensembles each it
is at most 1.14 for paths up to 2 gyroradii, and at least 1.75 for 9 to 12."""
FEW_FIELDS = 8
"""Below, a tail of rare steep slopes is not seen: fields that all look regular decide nothing."""
AGREEMENT = 4.0
"""Largest |z| between both; from few fields errors scatter, and many multipoles are looked at."""

_Estimate = Float[np.ndarray, "..."]


class GradientReport(eqx.Module):
    """Estimates of dC_l/dtheta for one parameter or several, and which of them to believe.

    For one parameter given as a number all arrays end on ``ell``, for a vector on
    ``(parameter, ell)``; l = 0 ... lmax.

    Attributes
    ----------
    name, estimators, reason
        Parameters, labels of the estimators and why the best is what it is; joined by commas,
        the labels by semicolons.
    value, step
        Where the derivative was taken, and half the width of the widest difference.
    spectrum, spectrum_error
        C_l and its error.
    estimates, errors, biases
        Of every estimator, ``(estimator, ...)``; the path-wise first, the difference second.
        Errors are jackknifed over fields, biases estimated.
    best, best_error
        The estimate to believe, and its error with bias.
    z_score
        Distance of path-wise and difference over both errors and biases in quadrature.
    noise_ratio
        Median over l >= 1 of the path-wise error over that of the difference, the worst
        parameter: about 1 where orbits are regular, growing without bound with their chaos.
    tail
        rms over median size of the path-wise slopes of single skies, mean over l >= 1, the
        worst parameter.
    path_over_lyapunov
        Path in units of the length over which neighbouring orbits separate by e.
    cost
        Work of the best estimate in forward C_l's.
    num_fields
        Fields behind the errors.
    """

    name: str = eqx.field(static=True)
    estimators: str = eqx.field(static=True)
    reason: str = eqx.field(static=True)
    value: float | Float[np.ndarray, " parameter"]
    step: float | Float[np.ndarray, " parameter"]
    spectrum: Float[np.ndarray, " ell"]
    spectrum_error: Float[np.ndarray, " ell"]
    estimates: _Estimate
    errors: _Estimate
    biases: _Estimate
    best: _Estimate
    best_error: _Estimate
    z_score: _Estimate
    noise_ratio: float
    tail: float
    path_over_lyapunov: float
    cost: float
    num_fields: int

    @property
    def pathwise(self) -> _Estimate:
        """The derivative along the orbits."""
        return self.estimates[0]

    @property
    def pathwise_error(self) -> _Estimate:
        """Its jackknife error."""
        return self.errors[0]

    @property
    def difference(self) -> _Estimate:
        """The difference with the same phases."""
        return self.estimates[1]

    @property
    def difference_error(self) -> _Estimate:
        """Its jackknife error."""
        return self.errors[1]

    @property
    def worst_z(self) -> float:
        """Largest distance of the two in their errors, l >= 1."""
        return float(np.max(np.abs(self.z_score[..., 1:])))

    @property
    def trusted(self) -> bool:
        """Whether the path-wise derivative is usable: it agrees, is no noisier, has no tail."""
        return self.believed == "path-wise"

    @property
    def believed(self) -> str:
        """Which estimate to believe: "path-wise", "difference", or "undecided" by few fields."""
        if not is_regular(self.noise_ratio, self.tail, self.worst_z):
            return "difference"
        return "undecided" if self.num_fields < FEW_FIELDS else "path-wise"

    def verdict(self) -> str:
        """Return one line on which estimate to believe, and why."""
        told = {
            "path-wise": "regular; believe the path-wise derivative",
            "difference": "WARNING: chaotic; believe the same-phase difference",
            "undecided": f"undecided: no sign of chaos, but {self.num_fields} fields show no "
            f"tails, take {FEW_FIELDS}; the same-phase difference holds either way",
        }[self.believed]
        measured = np.isfinite(self.path_over_lyapunov)
        length = f", path = {self.path_over_lyapunov:.1f} Lyapunov lengths" if measured else ""
        return (
            f"d C_l / d {self.name}: {told} "
            f"(path-wise noise {self.noise_ratio:.1f} of the difference's, tail {self.tail:.1f}, "
            f"largest |z| {self.worst_z:.1f}{length})"
        )


def is_regular(noise_ratio: float, tail: float, worst_z: float) -> bool:
    """Return whether path-wise derivatives can be trusted, by three thresholds.

    Notes
    -----
    Calibrated on more than a hundred regular and as many chaotic ensembles
    (``experiments/inference/gauge.py``): at most one in twenty of either kind is taken for the
    other.
    """
    return bool(noise_ratio < NOISY and tail < HEAVY_TAIL and worst_z < AGREEMENT)


def distance(
    first: JacobianEstimate, second: JacobianEstimate
) -> Float[np.ndarray, "parameter ell"]:
    """Return the difference of two estimates over errors and biases in quadrature.

    Both share their phases, so that the true error of the difference is smaller where orbits are
    regular: a cautious measure.
    """
    both = np.hypot(first.total_error, second.total_error)
    gap = first.value - second.value
    return np.where(np.isfinite(both), gap / np.maximum(both, np.finfo(float).tiny), 0)
