"""Trap chain outside, turbulence inside: spectra of simulated skies and their distribution."""

import itertools
from collections.abc import Sequence

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxcr.arrays import Scalar
from jaxcr.checks import check_one_of, check_range
from jaxcr.infer.emulator import CompressedSkies, TransferEmulator, TurbulenceAxis, compress
from jaxcr.infer.emulator.emulator import HALF_MAP, extended_log
from jaxcr.infer.models.base import Prediction, SpectrumModel
from jaxcr.infer.models.trap_model import check_multipoles
from jaxcr.infer.models.trap_parameters import amplitude, ratio_and_gradient, trap_shape
from jaxcr.infer.models.trap_series import TrapSeries
from jaxcr.infer.parameters import Parameter, ParameterSet
from jaxcr.observed.data import SpectrumData

_SIGNIFICANCE = 3.0
"""Multipoles whose mean is fainter than this many sigma of their noise are dropped."""

_FAMILY = (24, 9, 4)
"""Traps sampled along ln(R-1), gradient and edge width to find what they have in common."""


class SkyModel(SpectrumModel):
    """Spectra of skies whose boundary is a trap chain and whose interior is turbulence.

    The parameter vector is (ln A, *turbulence, ln(R-1), gradient[, edge width]): amplitude
    abs(f_1/f_0) of the boundary's dipole, coordinates of the emulator (ln dB/B0 first by
    default), mirror ratio and gradient of the traps, rounding of the cone edges. The sky is
    linear in the boundary, so all but the turbulence act exactly, on every simulated sky; the
    turbulence acts through the emulator's weights of the nodes.

    Attributes
    ----------
    parameters
        Ranges and priors; those of the turbulence are the emulator's.
    emulator, traps
        What the model was made of.
    skies
        The emulator's tensors in the combinations of pairs that traps can reach.
    bright_nodes
        Share of the nodes at which a multipole must rise above the simulation's noise.
    """

    parameters: ParameterSet
    emulator: TransferEmulator
    traps: TrapSeries
    skies: CompressedSkies
    bright_nodes: float = eqx.field(static=True)

    def __init__(
        self,
        emulator: TransferEmulator,
        traps: TrapSeries,
        *,
        edge_width: Parameter | None = None,
        bright_nodes: float = 1.0,
    ):
        """Build the model.

        Parameters
        ----------
        emulator, traps
            Skies and chain, of the same boundary_lmax.
        edge_width
            Frees the rounding of the cone edges in rad, with these bounds and prior, beside
            ``traps.edge_width``; A is the amplitude after it.
        bright_nodes
            Below 1 multipoles are kept although they are noise at some nodes, such as those of
            the strongest turbulence, and data get the noise of the noisiest node instead of a
            typical one: else single skies there would be nothing but scatter.
        """
        _check_orders(emulator, traps)
        self.emulator, self.traps, self.bright_nodes = emulator, traps, bright_nodes
        self.parameters = default_parameters(emulator.axes, edge_width=edge_width)
        widths = (0.0,)
        if edge_width is not None:
            widths = np.linspace(edge_width.lower, edge_width.upper, _FAMILY[2])
        self.skies = compress(emulator.tensors, trap_family(traps, widths))

    def conventions(self) -> str:
        """Return what is held when the turbulence changes."""
        return self.emulator.convention

    def point(self, values: Float[Array, " parameter"]) -> Float[Array, " axis"]:
        """Return the coordinates of the turbulence."""
        return values[1 : 1 + len(self.emulator.axes)]

    def ratio_and_gradient(self, values: Float[Array, " parameter"]) -> tuple[Scalar, Scalar]:
        """Return R = sqrt(B1 B2)/B0 and ln(B1/B2) of the traps; the latter is at most ln R."""
        first = 1 + len(self.emulator.axes)
        return ratio_and_gradient(values[first], values[first + 1])

    def series(self, values: Float[Array, " parameter"]) -> Float[Array, " l"]:
        """Return f_l / f_1 of the boundary, 0 in place of the monopole."""
        width = values[3 + len(self.emulator.axes) :]
        series = self.traps.series(*self.ratio_and_gradient(values))
        return _rounded(series, width[0]) if width.size else series

    def spectra(self, values: Float[Array, " parameter"]) -> Float[Array, "node sky ell"]:
        """Return C_l of every simulated sky at every node in sr, amplitude included."""
        series = self.series(values)
        components = jnp.exp(2 * values[0]) * self.skies.components(series)
        return self.skies.tensors @ components.astype(self.skies.tensors.dtype)

    def mean_spectrum(self, values: Float[Array, " parameter"]) -> Float[Array, " ell"]:
        """Return the ensemble mean E[C_l] in sr, l = 0 ... lmax."""
        mean = jnp.mean(self.spectra(values), axis=1)
        floor = 1e-6 * jnp.broadcast_to(mean[:, 1:2], mean.shape)
        return jnp.exp(self.emulator.mean_weights(self.point(values)) @ extended_log(mean, floor))

    def predict(self, values: Float[Array, " parameter"], data: SpectrumData) -> Prediction:
        """Return the distribution of the data, for other fields than ours.

        Notes
        -----
        Logarithms of means and of standard deviations over them go between the nodes by the
        emulator's weights for means, correlations by its positive weights. For one sky the
        logarithm's moments are those of the simulated skies; the mean of many is taken as
        log-normal. The finite number of simulated skies widens both, and the emulator's
        cross-validated error, a share of the scatter of one sky, is added to the variances.
        """
        ell, noise = data.ell, jnp.asarray(data.noise)
        spectra = self.spectra(values)[:, :, ell]
        if data.m0_blind:
            spectra = spectra * jnp.asarray(2 * ell / (2 * ell + 1))[None, None]
        total = spectra + noise[None, None]
        floor = jnp.broadcast_to(noise[None] / 10, (total.shape[0], ell.size))
        means, covariances = _moments(total)
        between = self.emulator.mean_weights(self.point(values))
        positive = self.emulator.covariance_weights(self.point(values))
        mean = jnp.exp(between @ extended_log(means, floor))
        relative = covariances / (means[:, :, None] * means[:, None, :])
        relative = covariance_between(between, positive, relative) / data.num_skies
        if data.num_skies == 1:
            log_means, log_covariances = _moments(extended_log(total, floor[:, None]))
            log_mean = between @ log_means
            log_covariance = covariance_between(between, positive, log_covariances)
            scatter = jnp.diagonal(log_covariance)
        else:
            log_covariance = jnp.log1p(relative)
            log_mean = jnp.log(mean) - jnp.diagonal(log_covariance) / 2
            scatter = jnp.log1p(data.num_skies * jnp.diagonal(relative))
        widening = 1 + data.num_skies / self.emulator.independent_skies
        extra = jnp.asarray(data.log_error) ** 2 + self.emulator.error[ell] ** 2 * scatter
        return Prediction(
            mean=mean - noise,
            covariance=widening * relative * jnp.outer(mean, mean) + jnp.diag(extra * mean**2),
            noise=noise,
            log_mean=log_mean,
            log_covariance=widening * log_covariance + jnp.diag(extra),
            num_simulations=jnp.asarray(self.emulator.independent_skies),
        )

    def comparable(self, data: SpectrumData) -> SpectrumData:
        """Return the data as they are compared: with the simulation's noise, without lost l.

        The half-cross C_l of a simulated sky may be negative where its noise wins. So the data
        get at least the noise level of its half maps, which is added on both sides before the
        logarithm: that of skies as bright as the data at their brightest multipole. Multipoles
        whose mean, for a dipole boundary, is under three sigma of that noise at any node, or at
        more than ``bright_nodes`` allows, are dropped.

        Raises
        ------
        ValueError
            When the data have multipoles beyond the model's, or none is left.
        """
        check_multipoles(data, self.emulator.lmax)
        mean = _dipole_means(self.emulator)
        noise = 2 * np.asarray(self.emulator.noise)[:, None] / np.sqrt(2 * data.ell + 1)
        bright = np.mean(mean[:, data.ell] > _SIGNIFICANCE * noise, axis=0)
        keep = bright >= self.bright_nodes
        check_range(
            "fit: multipoles above the noise", keep.sum(), 1, remedy="Raise per_pixel or nside."
        )
        typical = np.median if self.bright_nodes == 1 else np.max
        data = data.select(keep)
        place = int(np.argmax(data.c_ell))
        relative = typical(np.asarray(self.emulator.noise) / mean[:, data.ell[place]])
        level = HALF_MAP * float(relative * data.c_ell[place]) - float(np.min(data.noise))
        return data.with_level(max(level, 0.0))


def default_parameters(
    axes: tuple[TurbulenceAxis, ...], *, edge_width: Parameter | None = None
) -> ParameterSet:
    """Return ln A, the turbulence, ln(R-1), gradient with their ranges and priors."""
    turbulence = [axis.parameter for axis in axes]
    last = [] if edge_width is None else [edge_width]
    return ParameterSet((amplitude(), *turbulence, *trap_shape(), *last))


def _check_orders(emulator: TransferEmulator, traps: TrapSeries) -> None:
    check_one_of("SkyModel: lmax of traps, as of skies", traps.lmax, [emulator.boundary_lmax])


def _rounded(series: Float[Array, " l"], width) -> Float[Array, " l"]:
    """Return the series with rounded edges, f_1 kept at 1."""
    order = jnp.arange(series.size, dtype=series.dtype)
    return series * jnp.exp(-(order * (order + 1) - 2) * width**2 / 2)


def trap_family(
    traps: TrapSeries, widths: Sequence[float] | Float[np.ndarray, " width"] = (0.0,)
) -> Float[np.ndarray, "boundary l"]:
    """Return series of many traps within the default bounds.

    Parameters
    ----------
    widths
        Roundings of the cone edges in rad, beside that of ``traps``; each with all traps.
    """
    ranges = [
        np.linspace(p.lower, p.upper, num) for p, num in zip(trap_shape(), _FAMILY, strict=False)
    ]
    points = jnp.array(list(itertools.product(*ranges)))
    series = eqx.filter_jit(
        eqx.filter_vmap(lambda p: traps.series(*ratio_and_gradient(p[0], p[1])))
    )(points)
    rounded = eqx.filter_vmap(lambda w: eqx.filter_vmap(lambda s: _rounded(s, w))(series))
    return np.asarray(rounded(jnp.asarray(widths))).reshape(-1, series.shape[1])


def _dipole_means(emulator: TransferEmulator) -> np.ndarray:
    """Return the mean spectra at the nodes for a dipole of unit amplitude."""
    dipole = jnp.zeros(emulator.boundary_lmax + 1).at[1].set(1.0)
    return np.asarray(emulator.spectra(dipole)).mean(1)


def covariance_between(
    weights: Float[Array, " node"],
    positive: Float[Array, " node"],
    covariances: Float[Array, "node ell ell"],
) -> Float[Array, "ell ell"]:
    """Return a covariance between nodes, positive definite.

    The scatter of C_l grows about exponentially with the turbulence: a mean of covariances with
    positive weights would be too wide between the nodes, by half in two parameters.
    """
    deviations = jnp.sqrt(jnp.diagonal(covariances, axis1=1, axis2=2))
    correlations = covariances / (deviations[:, :, None] * deviations[:, None, :])
    deviation = jnp.exp(weights @ jnp.log(deviations))
    return jnp.tensordot(positive, correlations, axes=1) * jnp.outer(deviation, deviation)


def _moments(samples: Float[Array, "node sky ell"]):
    """Return mean ``(node, ell)`` and covariance over the skies."""
    mean = jnp.mean(samples, axis=1)
    away = samples - mean[:, None]
    covariance = jnp.einsum("nsi,nsj->nij", away, away) / (samples.shape[1] - 1)
    return mean, covariance
