"""The sky inside a trap, without turbulence: C_l of its gyrotropic distribution."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxcr.checks import check_positive, check_range
from jaxcr.infer.models.base import Prediction, SpectrumModel
from jaxcr.infer.models.trap_series import BoundarySeries
from jaxcr.infer.parameters import ParameterSet
from jaxcr.observed.data import SpectrumData
from jaxcr.traps import gyrotropic_spectrum


class TrapModel(SpectrumModel):
    """C_l = 4 pi (f_l/f_0)² / (2l+1)² of the distribution f(mu) at the bottom of one trap.

    Attributes
    ----------
    boundary
        The chain: ``TrapSeries`` (by amplitude) or ``ChainSeries`` (any closure, losses, by
        place).

    Notes
    -----
    A gyrotropic sky is one function, not a random field: it has no cosmic variance. The data
    scatter by ``log_error`` and by their noise alone, and ``num_skies`` counts measurements of
    the same sky. Where a_l0 about the Earth's axis was lost the mean share 2l/(2l+1) over all
    directions of the field is taken.
    """

    boundary: BoundarySeries

    @property
    def parameters(self) -> ParameterSet:
        """Those of the chain."""
        return self.boundary.parameters

    def mean_spectrum(self, values: Float[Array, " parameter"]) -> Float[Array, " ell"]:
        """Return C_l in sr, l = 0 ... lmax."""
        return gyrotropic_spectrum(self.boundary.coefficients(values))

    def predict(self, values: Float[Array, " parameter"], data: SpectrumData) -> Prediction:
        """Return the distribution of the data.

        Notes
        -----
        Gaussian noise N on each of 2l+1 modes: variance 2 (2 C N + N²)/(2l+1). That of the
        logarithm is ln(1 + variance/(C + N)²), as of a log-normal variable, plus that of
        ``log_error``, which is of C alone.
        """
        mean, modes = mean_and_modes(self.mean_spectrum(values), data)
        noise = jnp.asarray(data.noise)
        total = mean + noise
        variance = 2 * (2 * mean + noise) * noise / modes
        of_error = (jnp.asarray(data.log_error) * mean) ** 2
        of_noise = jnp.log1p(variance / total**2)
        return Prediction(
            mean=mean,
            covariance=jnp.diag(variance + of_error),
            noise=noise,
            log_mean=jnp.log(total) - of_noise / 2,
            log_covariance=jnp.diag(of_noise + of_error / total**2),
            num_simulations=jnp.asarray(jnp.inf, mean.dtype),
        )

    def comparable(self, data: SpectrumData) -> SpectrumData:
        """Return the data as they are.

        Raises
        ------
        ValueError
            When they have multipoles beyond the series, or one with neither error nor noise.
        """
        check_multipoles(data, self.boundary.lmax)
        spread = np.asarray(data.log_error) + np.asarray(data.noise)
        check_positive(
            "TrapModel: log_error + noise", spread, remedy="No cosmic variance stands in for them."
        )
        return data

    def conventions(self) -> str:
        """Return what the parameters mean."""
        return "sky inside one trap, no turbulence; R = sqrt(B1 B2)/B0, gradient ln(B1/B2)"


def mean_and_modes(
    spectrum: Float[Array, " multipole"], data: SpectrumData
) -> tuple[Float[Array, " ell"], Float[Array, " ell"]]:
    """Return C_l at the data's multipoles, m = 0 lost if it was, and the modes that each has."""
    ell = jnp.asarray(data.ell)
    mean = spectrum[ell]
    all_modes = (2 * ell + 1).astype(mean.dtype)
    modes = all_modes - 1 if data.m0_blind else all_modes
    return mean * (modes / all_modes), data.num_skies * modes


def check_multipoles(data: SpectrumData, lmax: int) -> None:
    """Raise ``ValueError`` for data beyond the model's multipoles."""
    check_range(
        "fit: multipoles", data.ell[-1], 0, lmax, remedy="Leave the rest out, or raise lmax."
    )
