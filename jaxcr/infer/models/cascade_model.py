"""A dipole that turbulence cascades to small scales: theory instead of orbits."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import digamma, polygamma
from jaxtyping import Array, Float

from jaxcr.arrays import Scalar
from jaxcr.checks import check_positive
from jaxcr.infer.models.base import Prediction, SpectrumModel
from jaxcr.infer.models.trap_model import check_multipoles, mean_and_modes
from jaxcr.infer.models.trap_parameters import amplitude
from jaxcr.infer.parameters import Normal, Parameter, ParameterSet
from jaxcr.kinetic import bend_over_mean_free_path
from jaxcr.observed.data import SpectrumData
from jaxcr.sky import ahlers_loss, cascade_matrix, evolve_cascade, neighbour_rates
from jaxcr.units import gyroradius as gyroradius_of


class CascadeModel(SpectrumModel):
    """C(s) = exp(M s) C(0), a dipole of amplitude A on the boundary, after a path s.

    M moves power from l to l + 1 at the rate nu_l = nu (l + 1)(l + 2)/3, so that the power of
    the dipole leaves at 2 nu, nu = 1/lambda from quasilinear theory in slab turbulence. The
    vector of values is (ln A, ln dB/B0, index, ln outer scale, ln gyroradius, ln path).

    Attributes
    ----------
    outer_scale, gyroradius
        2 pi/k_min and r_L in the mean field, in one unit of length: centres of the priors.
    path
        Path from the boundary to the observer in gyroradii: centre of its prior.
    lmax
        Highest multipole; power leaves beyond it.

    Notes
    -----
    C_l depends on A and s/lambda alone: two combinations of the six parameters, the rest is the
    priors'. The scattering is weak, lambda > r_L; above dB/B0 of about 1 it is an extrapolation.
    Source: Ahlers, PRL 112 (2014) 021101; lambda from ``kinetic.bend_over_mean_free_path``.
    """

    outer_scale: float = 150.0
    gyroradius: float = 20.0
    path: float = 6.0
    lmax: int = eqx.field(static=True, default=24)

    def __check_init__(self):
        for name in ("outer_scale", "gyroradius", "path"):
            value = getattr(self, name)
            check_positive(f"CascadeModel: {name}", value)

    @property
    def parameters(self) -> ParameterSet:
        """Ranges and priors of the six parameters."""
        level = float(np.log(0.8))
        return ParameterSet(
            (
                amplitude(),
                Parameter("ln dB/B0", level, np.log(0.1), np.log(3.0), Normal(level, 0.5)),
                Parameter("index", 5 / 3, 1.1, 1.95, Normal(5 / 3, 0.2)),
                _length("ln outer scale", self.outer_scale, 0.3),
                _length("ln gyroradius", self.gyroradius, 0.3),
                _length("ln path", self.path, 0.3),
            )
        )

    def scatterings(self, values: Float[Array, " parameter"]) -> Scalar:
        """Return s/lambda, the path in mean free paths."""
        gyroradius = jnp.exp(values[4])
        mean_free_path = bend_over_mean_free_path(
            gyroradius / gyroradius_of(1.0, 1.0),  # PV, in a field of 1 µG
            index=values[2],
            bend_over_scale=jnp.exp(values[3]) / (2 * jnp.pi),
            rms=jnp.exp(values[1]),
            mean_strength=1.0,
        )
        return jnp.exp(values[5]) * gyroradius / mean_free_path

    def mean_spectrum(self, values: Float[Array, " parameter"]) -> Float[Array, " ell"]:
        """Return the ensemble mean E[C_l] in sr, l = 0 ... lmax."""
        dtype = values.dtype
        matrix = cascade_matrix(neighbour_rates(self.lmax, lambda l: ahlers_loss(l) / 3))
        # a dipole A cos(theta) has C_1 = 4 pi A²/9
        power = 4 * jnp.pi / 9 * jnp.exp(2 * values[0])
        start = jnp.zeros(self.lmax + 1, dtype).at[1].set(power)
        return evolve_cascade(matrix.astype(dtype), start, self.scatterings(values)[None])[0]

    def predict(self, values: Float[Array, " parameter"], data: SpectrumData) -> Prediction:
        """Return the distribution of the data: Gaussian skies of this mean spectrum.

        Notes
        -----
        C_l + N_l is Gamma distributed with 2l+1 degrees of freedom a sky; E[ln] and its variance
        are digamma and trigamma functions of half of them.
        """
        mean, freedom = mean_and_modes(self.mean_spectrum(values), data)
        noise = jnp.asarray(data.noise)
        total = mean + noise
        of_error = (jnp.asarray(data.log_error) * mean) ** 2
        half = freedom / 2
        return Prediction(
            mean=mean,
            covariance=jnp.diag(total**2 / half + of_error),
            noise=noise,
            log_mean=jnp.log(total) + digamma(half) - jnp.log(half),
            log_covariance=jnp.diag(polygamma(1, half) + of_error / total**2),
            num_simulations=jnp.asarray(jnp.inf, mean.dtype),
        )

    def comparable(self, data: SpectrumData) -> SpectrumData:
        """Return the data as they are.

        Raises
        ------
        ValueError
            When they have multipoles beyond ``lmax``.
        """
        check_multipoles(data, self.lmax)
        return data

    def conventions(self) -> str:
        """Return what the parameters mean."""
        return "quasilinear cascade of a dipole; path in gyroradii of the mean field"


def _length(name: str, centre: float, width: float) -> Parameter:
    """Return the logarithm of a length that is known to ``width``."""
    log = float(np.log(centre))
    return Parameter(name, log, log - 6 * width, log + 6 * width, Normal(log, width))
