"""Derivatives of C_l by a turbulence parameter, straight through the orbits, and their gauge.

Orbits are chaotic: the derivative along each path is exact for each path, and grows with its
length until the mean over a sky drowns in it. A difference between skies with the same phases
blurs over its step but keeps its variance. Both are measured, with errors over fields.
"""

from collections.abc import Callable, Iterable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from jaxcr.arrays import Scalar, argument_error

_AGREEMENT = 3.0
_HEAVY_TAIL = 4.0
_NOISY = 2.0


class GradientReport(eqx.Module):
    """Two estimates of dC_l/dtheta, and which of them to believe.

    Attributes
    ----------
    name, value, step
        Parameter, where the derivative was taken, and half the width of the difference.
    spectrum, spectrum_error
        C_l and its error, l = 0 ... lmax, as all that follow.
    pathwise, pathwise_error, difference, difference_error
        The estimates with jackknife errors over fields.
    z_score
        Their difference over both errors in quadrature.
    noise_ratio
        Median over l >= 1 of the path-wise error over that of the difference: about 1 where
        orbits are regular, growing without bound with their chaos.
    tail
        rms over median size of the path-wise derivatives of single skies, mean over l >= 1;
        about 1.5 for a Gaussian, large when a few orbits carry the mean.
    path_over_lyapunov
        Path in units of the length over which neighbouring orbits separate by e.
    chosen
        Whether the path-wise estimate is the better of the two, for each l.
    num_fields
        Fields behind the errors.
    """

    name: str = eqx.field(static=True)
    value: float
    step: float
    spectrum: Float[np.ndarray, " ell"]
    spectrum_error: Float[np.ndarray, " ell"]
    pathwise: Float[np.ndarray, " ell"]
    pathwise_error: Float[np.ndarray, " ell"]
    difference: Float[np.ndarray, " ell"]
    difference_error: Float[np.ndarray, " ell"]
    z_score: Float[np.ndarray, " ell"]
    noise_ratio: float
    tail: float
    path_over_lyapunov: float
    chosen: Bool[np.ndarray, " ell"]
    num_fields: int

    @property
    def best(self) -> Float[np.ndarray, " ell"]:
        """The estimate to believe."""
        return np.where(self.chosen, self.pathwise, self.difference)

    @property
    def best_error(self) -> Float[np.ndarray, " ell"]:
        """Its error."""
        return np.where(self.chosen, self.pathwise_error, self.difference_error)

    @property
    def trusted(self) -> bool:
        """Whether the path-wise derivative is usable: it agrees, is no noisier, has no tail."""
        worst = float(np.max(np.abs(self.z_score[1:])))
        light = self.tail < _HEAVY_TAIL and self.noise_ratio < _NOISY
        return worst < _AGREEMENT and light

    def verdict(self) -> str:
        """Return one line on which estimate to believe, and why."""
        state = "regular" if self.trusted else "WARNING: chaotic"
        believe = "path-wise derivative" if self.trusted else "same-phase difference"
        return (
            f"d C_l / d {self.name}: {state}; believe the {believe} "
            f"(path-wise noise {self.noise_ratio:.1f} of the difference's, tail {self.tail:.1f}, "
            f"largest |z| {float(np.max(np.abs(self.z_score[1:]))):.1f}, path = "
            f"{self.path_over_lyapunov:.1f} Lyapunov lengths)"
        )


def spectrum_gradient(
    spectra: Callable[[Scalar, int], Float[Array, "sky ell"]],
    value: float,
    *,
    num_fields: int,
    name: str = "theta",
    step: float = 0.3,
    path_over_lyapunov: float = float("nan"),
    progress: Callable[[Iterable], Iterable] = lambda x: x,
) -> GradientReport:
    """Differentiate C_l by a turbulence parameter in two ways and say which to believe.

    Parameters
    ----------
    spectra
        ``spectra(value, number)``: half-cross C_l of the skies in field ``number``, with phases
        that depend on the number alone; forward-mode differentiable in ``value``.
    value
        Where.
    num_fields
        At least 2; fields are independent, skies in one field are not.
    step
        Half-width of the central difference with the same phases.
    path_over_lyapunov
        For the report; see ``orbits.lyapunov_length``.

    Raises
    ------
    ValueError
        For fewer than two fields.

    Notes
    -----
    The difference averages the derivative over ± step: a bias of order step², a variance that
    the chaos of orbits does not raise. Source: Metz et al., arXiv:2111.05803.
    """
    if num_fields < 2:
        raise argument_error(
            "spectrum_gradient: num_fields",
            expected="at least 2",
            got=num_fields,
            remedy="Errors are jackknifed over fields.",
        )
    theta, half = jnp.asarray(value), jnp.asarray(step)
    rows = [_one_field(spectra, theta, half, number) for number in progress(range(num_fields))]
    centre, slope, difference = (np.stack(x) for x in zip(*rows, strict=True))
    size = np.abs(slope.reshape(-1, slope.shape[-1])[:, 1:])
    tail = float(np.mean(np.sqrt(np.mean(size**2, 0)) / np.maximum(np.median(size, 0), 1e-300)))
    means = [x.mean(axis=1) for x in (centre, slope, difference)]
    (c, dc), (p, dp), (d, dd) = (_jackknife(x) for x in means)
    both = np.maximum(np.hypot(dp, dd), 1e-300)
    ratio = float(np.median(dp[1:] / np.maximum(dd[1:], 1e-300)))
    return GradientReport(
        name, float(value), float(step), c, dc, p, dp, d, dd,
        (p - d) / both, ratio, tail, float(path_over_lyapunov), dp < dd, num_fields,
    )  # fmt: skip


def _one_field(spectra, theta, half, number):
    """Return C_l, its path-wise derivative and its difference quotient for all skies."""
    centre, slope = jax.jvp(lambda x: spectra(x, number), (theta,), (jnp.ones_like(theta),))
    above, below = spectra(theta + half, number), spectra(theta - half, number)
    return np.asarray(centre), np.asarray(slope), np.asarray((above - below) / (2 * half))


def _jackknife(per_field: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean over the first axis and its error from leaving out one field at a time.

    For a mean the jackknife is the standard error.
    """
    return per_field.mean(0), per_field.std(0, ddof=1) / np.sqrt(len(per_field))
