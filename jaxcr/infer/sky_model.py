"""Trap chain and turbulence to the distribution of ln(C_l + N_l): its mean and covariance."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxcr.arrays import argument_error
from jaxcr.infer.emulator import TransferTable
from jaxcr.infer.parameters import Flat, Normal, Parameter, ParameterSet
from jaxcr.infer.trap_model import TrapModel
from jaxcr.observed.data import SpectrumData

_SIGNIFICANCE = 3.0
"""Multipoles whose mean is fainter than this many sigma of their noise are dropped."""


class Prediction(eqx.Module):
    """Distribution of one data set: mean and covariance of ln(C_l + N_l)."""

    mean: Float[Array, " ell"]
    covariance: Float[Array, "ell ell"]


class SkyModel(eqx.Module):
    """Spectra of skies whose boundary is a trap chain and whose interior is turbulence.

    The parameter vector is (ln A, ln dB/B0, ln(R - 1), eta): amplitude abs(f_1/f_0) of the
    boundary's dipole, turbulence level, mean mirror ratio and asymmetry of the traps. The sky
    is linear in the boundary, so the first, third and fourth act exactly; dB/B0 acts through
    the table, by a smooth curve of the mean and a straight line of the covariance.
    """

    table: TransferTable
    traps: TrapModel

    def spectra(self, values: Float[Array, " parameter"]) -> Float[Array, "node sky ell"]:
        """Return C_l of every simulated sky at every node, amplitude included."""
        series = self.traps.series(1 + jnp.exp(values[2]), values[3])
        return jnp.exp(2 * values[0]) * self.table.spectra(series)

    def mean_spectrum(self, values: Float[Array, " parameter"]) -> Float[Array, " ell"]:
        """Return the ensemble mean E[C_l] in sr, l = 0 ... lmax."""
        mean = jnp.mean(self.spectra(values), axis=1)
        return self.table.curve(values[1]) @ mean

    def predict(self, values: Float[Array, " parameter"], data: SpectrumData) -> Prediction:
        """Return mean and covariance of the data's ln(C_l + N_l), for other fields than ours.

        Notes
        -----
        For one sky the mean is E[ln(C + N)] and the covariance that of the logarithms of the
        simulated skies. The mean of many skies is taken as log-normal with the moments of the
        simulated ones over ``num_skies``. The finite number of simulated skies widens both.
        """
        ell = data.ell
        spectra = self.spectra(values)[:, :, ell]
        if data.m0_blind:
            spectra = spectra * jnp.asarray(2 * ell / (2 * ell + 1))[None, None]
        total = spectra + jnp.asarray(data.noise)[None, None]
        if data.num_skies == 1:
            mean, covariance = _moments(_extended_log(total, jnp.asarray(data.noise) / 10))
        else:
            mean, covariance = _lognormal_moments(total, data.num_skies)
        mean = self.table.curve(values[1]) @ mean
        covariance = jnp.tensordot(self.table.line(values[1]), covariance, axes=1)
        covariance = covariance * (1 + data.num_skies / self.table.independent_skies)
        return Prediction(mean, covariance + jnp.diag(jnp.asarray(data.log_error) ** 2))

    def hartlap(self, num_ell: int) -> float:
        """Return the factor on the inverse of a covariance estimated from so few skies.

        Source: Hartlap, Simon & Schneider, A&A 464 (2007) 399.
        """
        return (self.table.independent_skies - num_ell - 2) / (self.table.independent_skies - 1)

    def percival(self, num_ell: int, num_parameters: int) -> float:
        """Return the factor on the parameters' covariance for the same reason.

        Source: Percival et al., MNRAS 439 (2014) 2531, eq. 18, beyond the Hartlap factor.
        """
        n, p, m = self.table.independent_skies, num_ell, num_parameters
        a = 2 / ((n - p - 1) * (n - p - 4))
        b = (n - p - 2) / ((n - p - 1) * (n - p - 4))
        return (1 + b * (p - m)) / (1 + a + b * (m + 1))

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


def _lognormal_moments(total: Float[Array, "node sky ell"], num_skies: int):
    """Return mean and covariance of the logarithm of the mean of ``num_skies`` skies."""
    mean, covariance = _moments(total)
    relative = covariance / (mean[:, :, None] * mean[:, None, :]) / num_skies
    covariance = jnp.log1p(relative)
    return jnp.log(mean) - jnp.diagonal(covariance, axis1=1, axis2=2) / 2, covariance


def _moments(samples: Float[Array, "node sky ell"]):
    mean = jnp.mean(samples, axis=1)
    away = samples - mean[:, None]
    covariance = jnp.einsum("nsi,nsj->nij", away, away) / (samples.shape[1] - 1)
    return mean, covariance
