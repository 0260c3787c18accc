"""Energies and charges of the arriving particles: a power law seen by a detector."""

import math

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from jaxcr.arrays import Scalar, ScalarLike
from jaxcr.checks import as_float, check_finite, check_positive, check_range, check_shape

_LN_10 = math.log(10.0)


class Composition(eqx.Module):
    """Shares of nuclei among the particles of one energy per nucleus.

    Parameters
    ----------
    charge
        Z of each species, ``(species,)``.
    share
        Relative numbers at one energy per nucleus, ``(species,)``; normalised here.

    Raises
    ------
    ValueError
        When the shapes differ, a charge is 0, or a share is negative or all are 0.
    """

    charge: Float[Array, " species"]
    share: Float[Array, " species"]

    def __init__(self, charge: Float[Array, " species"], share: Float[Array, " shares"]):
        check_shape("Composition: share", share, charge.shape)
        check_positive("Composition: |charge|", jnp.abs(charge), expected="charges other than 0")
        check_range("Composition: share", share, 0)
        self.charge = charge
        self.share = share / check_positive("Composition: sum of the shares", jnp.sum(share))

    def at_one_rigidity(self, index: ScalarLike) -> "Composition":
        """Return the composition at one energy when ``share`` is meant at one rigidity.

        Each nucleus has the spectrum R^-index in rigidity, hence Z^(index - 1) E^-index.
        """
        exponent = as_float(index).astype(self.charge.dtype) - 1
        return Composition(self.charge, self.share * jnp.abs(self.charge) ** exponent)


class EnergyResponse(eqx.Module):
    """A detector that sees E^-index through a log-normal response.

    Parameters
    ----------
    center
        Energy at which the response is largest, PeV.
    width
        Its standard deviation in log10 E.
    index
        Spectral index of the intensity.

    Raises
    ------
    ValueError
        When ``center`` or ``width`` is not positive, or the index not finite.

    Notes
    -----
    What is seen is log-normal too, with the same width about ``observed_median``.
    """

    center: Scalar
    width: Scalar
    index: Scalar

    def __init__(self, center: ScalarLike, width: ScalarLike = 0.25, index: ScalarLike = 2.7):
        check_positive("EnergyResponse: center", center, remedy="In PeV.")
        check_positive("EnergyResponse: width", width, remedy="In decades of energy.")
        check_finite("EnergyResponse: index", index)
        self.center, self.width, self.index = as_float(center), as_float(width), as_float(index)

    @classmethod
    def with_observed_median(
        cls, median: ScalarLike, width: ScalarLike = 0.25, index: ScalarLike = 2.7
    ) -> "EnergyResponse":
        """Return the response with which the median energy of what is seen is ``median``, PeV."""
        unit = cls(1.0, width, index)
        return cls(as_float(median) / unit.observed_median(), width, index)

    def observed_median(self) -> Scalar:
        """Return the median energy of what is seen, PeV: below the center, for the flux falls.

        ln of it is ln center + (1 - index) sigma², with sigma the width in ln E.
        """
        return self.center * jnp.exp((1 - self.index) * (self.width * _LN_10) ** 2)

    def weight(self, energy: Float[Array, "..."]) -> Float[Array, "..."]:
        """Return the relative number of particles seen per energy, E^-index times the response.

        For orbits at energies (PeV) spread evenly in E; multiply by E when spread evenly in ln E.
        """
        ratio = jnp.log(energy / self.center) / (self.width * _LN_10)
        return (energy / self.center) ** -self.index * jnp.exp(-(ratio**2) / 2)


class Energies(eqx.Module):
    """Drawn energies: one particle for each orbit, all of equal weight.

    Attributes
    ----------
    energy
        Per nucleus, PeV.
    charge
        Z.
    """

    energy: Float[Array, "*orbit"]
    charge: Float[Array, "*orbit"]

    @property
    def rigidity(self) -> Float[Array, "*orbit"]:
        """Energy over charge, PV, for `backtrack`; the rest mass is neglected."""
        return self.energy / self.charge


def draw_energies(
    key: Key[Array, ""],
    shape: tuple[int, ...],
    *,
    response: EnergyResponse,
    composition: Composition | None = None,
) -> Energies:
    """Draw the particles that a detector sees.

    Parameters
    ----------
    shape
        That of the orbits: ``(12 * nside**2, per_pixel)``, or ``(particle,)``.
    response
        Spectrum and detector.
    composition
        Default: protons.

    Notes
    -----
    Drawn from what is seen itself, so no weights are needed. Differentiable by the response at a
    fixed key, not by the composition. The sky is then the mean of those of all rigidities, not
    that of their mean. Automatic Boris steps follow the smallest gyroradius of all orbits: one
    rare low rigidity slows down the rest, so give ``Boris(step=...)``.
    """
    for_energy, for_charge = jax.random.split(key)
    normal = jax.random.normal(for_energy, shape)
    scatter = jnp.exp(response.width.astype(normal.dtype) * _LN_10 * normal)
    energy = response.observed_median().astype(normal.dtype) * scatter
    if composition is None:
        return Energies(energy, jnp.ones(shape, energy.dtype))
    odds = jnp.log(composition.share)
    species = jax.random.categorical(for_charge, odds, shape=shape)
    charge = composition.charge.astype(energy.dtype)[species]
    return Energies(energy, jnp.where(jnp.any(jnp.isnan(odds)), jnp.nan, charge))
