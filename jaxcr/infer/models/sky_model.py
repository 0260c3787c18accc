"""Trap chain outside, turbulence inside: spectra of simulated skies and their distribution."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxcr.arrays import argument_error
from jaxcr.infer.emulator import TransferTable
from jaxcr.infer.models.base import Prediction, SpectrumModel
from jaxcr.infer.models.trap_series import TrapSeries
from jaxcr.infer.parameters import Flat, Normal, Parameter, ParameterSet
from jaxcr.observed.data import SpectrumData

_SIGNIFICANCE = 3.0
"""Multipoles whose mean is fainter than this many sigma of their noise are dropped."""


class SkyModel(SpectrumModel):
    """Spectra of skies whose boundary is a trap chain and whose interior is turbulence.

    The parameter vector is (ln A, ln dB/B0, ln(R - 1), eta): amplitude abs(f_1/f_0) of the
    boundary's dipole, turbulence level, mean mirror ratio and asymmetry of the traps. The sky
    is linear in the boundary, so the first, third and fourth act exactly; dB/B0 acts through
    the table, by a smooth curve of the mean and a straight line of the covariance.
    """

    table: TransferTable
    traps: TrapSeries

    @property
    def parameters(self) -> ParameterSet:
        """Ranges and priors of the four parameters."""
        return default_parameters(self.table)

    def conventions(self) -> str:
        """Return what dB/B0 means here."""
        return "dB/B0 at fixed path"

    def spectra(self, values: Float[Array, " parameter"]) -> Float[Array, "node sky ell"]:
        """Return C_l of every simulated sky at every node, amplitude included."""
        series = self.traps.series(1 + jnp.exp(values[2]), values[3])
        return jnp.exp(2 * values[0]) * self.table.spectra(series)

    def mean_spectrum(self, values: Float[Array, " parameter"]) -> Float[Array, " ell"]:
        """Return the ensemble mean E[C_l] in sr, l = 0 ... lmax."""
        mean = jnp.mean(self.spectra(values), axis=1)
        return self.table.curve(values[1]) @ mean

    def predict(self, values: Float[Array, " parameter"], data: SpectrumData) -> Prediction:
        """Return the distribution of the data, for other fields than ours.

        Notes
        -----
        For one sky the logarithm's mean and covariance are those of the simulated skies. The mean
        of many skies is taken as log-normal with the moments of the simulated ones over
        ``num_skies``. The finite number of simulated skies widens both.
        """
        ell = data.ell
        spectra = self.spectra(values)[:, :, ell]
        if data.m0_blind:
            spectra = spectra * jnp.asarray(2 * ell / (2 * ell + 1))[None, None]
        noise = jnp.asarray(data.noise)
        total = spectra + noise[None, None]
        means, covariances = _moments(total)
        if data.num_skies == 1:
            log_means, log_covariances = _moments(_extended_log(total, noise / 10))
        else:
            log_means, log_covariances = _lognormal(means, covariances, data.num_skies)
        curve, line = self.table.curve(values[1]), self.table.line(values[1])
        widening = 1 + data.num_skies / self.table.independent_skies
        extra = jnp.asarray(data.log_error) ** 2
        mean = curve @ means
        covariance = widening * jnp.tensordot(line, covariances, axes=1) / data.num_skies
        log_covariance = widening * jnp.tensordot(line, log_covariances, axes=1)
        return Prediction(
            mean=mean - noise,
            covariance=covariance + jnp.diag(extra * mean**2),
            noise=noise,
            log_mean=curve @ log_means,
            log_covariance=log_covariance + jnp.diag(extra),
            num_simulations=jnp.asarray(self.table.independent_skies),
        )

    def comparable(self, data: SpectrumData) -> SpectrumData:
        """Return the data as they are compared: with the simulation's noise, without lost l.

        The half-cross C_l of a simulated sky may be negative where its noise wins. So its noise
        level, scaled to the data, is added on both sides before the logarithm. Multipoles whose
        mean, for a dipole boundary at any node, is under three sigma of that noise are dropped.

        Raises
        ------
        ValueError
            When the data have multipoles beyond the model's, or none is left.
        """
        lmax = self.table.tensors.shape[2] - 1
        if data.ell[-1] > lmax:
            raise argument_error(
                "fit: multipoles of the data",
                expected=f"at most {lmax}, the largest the model was simulated to",
                got=f"{data.ell[-1]}",
                remedy="Leave out the higher multipoles, or raise lmax and nside of the skies.",
            )
        dipole = jnp.zeros(self.traps.lmax + 1).at[1].set(1.0)
        spectra = np.asarray(self.table.spectra(dipole))
        noise = 2 * np.asarray(self.table.noise)[:, None] / np.sqrt(2 * data.ell + 1)
        keep = np.all(spectra[:, :, data.ell].mean(1) > _SIGNIFICANCE * noise, axis=0)
        if not keep.any():
            raise argument_error(
                "fit: multipoles of the data",
                expected="some that rise above the noise of the simulated skies",
                got=f"none of {data.ell.tolist()}",
                remedy="Raise per_pixel or nside of the skies.",
            )
        relative = float(np.median(np.asarray(self.table.noise) / spectra[:, :, 1].mean(1)))
        return data.select(keep).with_level(relative * float(np.max(data.c_ell)))


def default_parameters(table: TransferTable) -> ParameterSet:
    """Return ln A, ln dB/B0, ln(R - 1), eta with their ranges and priors.

    The asymmetry is a size, with half a Gaussian as its prior: mean spectra are even in it, with a
    cusp at 0 (the stronger mirror's cone depends on its size), which no smooth solver passes.
    """
    low, high = (float(jnp.log(x)) for x in (table.nodes[0], table.nodes[-1]))
    return ParameterSet(
        (
            Parameter("ln A", np.log(1e-3), np.log(1e-5), np.log(0.3), Flat()),
            Parameter(
                "ln dB/B0", np.log(0.8), max(low, np.log(0.3)), min(high, np.log(1.5)),
                Normal(np.log(0.8), 0.5),
            ),
            Parameter("ln(R-1)", 0.0, -2.0, 2.5, Normal(0.0, 1.0)),
            Parameter("eta", 0.2, 0.0, 0.6, Normal(0.0, 0.3)),
        )
    )  # fmt: skip


def _extended_log(x: Float[Array, "node sky ell"], floor: Float[Array, " ell"]):
    """Return ln x, continued below ``floor`` by its tangent: far-off starts stay finite."""
    floor = jnp.maximum(floor, jnp.finfo(x.dtype).tiny * 1e10)[None, None]
    above = x > floor
    return jnp.where(above, jnp.log(jnp.where(above, x, 1)), jnp.log(floor) + x / floor - 1)


def _lognormal(
    mean: Float[Array, "node ell"], covariance: Float[Array, "node ell ell"], num_skies: int
):
    """Return mean and covariance of the logarithm of the mean of ``num_skies`` skies."""
    relative = covariance / (mean[:, :, None] * mean[:, None, :]) / num_skies
    covariance = jnp.log1p(relative)
    return jnp.log(mean) - jnp.diagonal(covariance, axis1=1, axis2=2) / 2, covariance


def _moments(samples: Float[Array, "node sky ell"]):
    mean = jnp.mean(samples, axis=1)
    away = samples - mean[:, None]
    covariance = jnp.einsum("nsi,nsj->nij", away, away) / (samples.shape[1] - 1)
    return mean, covariance
