"""Where orbits end when a parameter of turbulence changes: what dB/B0 means."""

import abc

import equinox as eqx
import jax.numpy as jnp

from jaxcr.arrays import Scalar, ScalarLike
from jaxcr.checks import check_positive
from jaxcr.infer.skies.sky_parameters import SkyParameters
from jaxcr.kinetic import bend_over_mean_free_path
from jaxcr.orbits import PathLength, Sphere, Stop
from jaxcr.units import GYRORADIUS


class PathConvention(eqx.Module):
    """What is held when the parameters of a sky change; ``str`` is one line for every output."""

    @abc.abstractmethod
    def stop(self, parameters: SkyParameters) -> Stop:
        """Return where the orbits of such a sky end: lengths in cells, differentiable."""

    @abc.abstractmethod
    def describe(self, reach: float) -> str:
        """Return the line for a known value of ``SkyParameters.reach``."""

    @abc.abstractmethod
    def __str__(self) -> str:
        """Return the line where ``reach`` is itself a parameter."""


class FixedPath(PathConvention):
    """Every orbit has the same length, ``reach`` gyroradii in the mean field."""

    def stop(self, parameters: SkyParameters) -> PathLength:
        """Return the path, reach × gyroradius."""
        return PathLength(_length(parameters, parameters.gyroradius))

    def describe(self, reach: float) -> str:
        """Return "dB/B0 at fixed path of 6 r_L"."""
        return f"{self} of {reach:g} r_L"

    def __str__(self) -> str:
        """Return "dB/B0 at fixed path"."""
        return "dB/B0 at fixed path"


class FixedSphere(PathConvention):
    """Orbits end where they first leave a sphere of ``reach`` gyroradii about the observer.

    A radius of 1.5, 3 or 6 gyroradii is a mean path of 1.8, 6.3 or 19 in dB = B0 isotropic
    turbulence, with a tail four times as long.
    """

    def stop(self, parameters: SkyParameters) -> Sphere:
        """Return the sphere, of radius reach × gyroradius."""
        return Sphere(_length(parameters, parameters.gyroradius), about_start=True)

    def describe(self, reach: float) -> str:
        """Return "dB/B0 at fixed sphere of 2 r_L"."""
        return f"{self} of {reach:g} r_L"

    def __str__(self) -> str:
        """Return "dB/B0 at fixed sphere"."""
        return "dB/B0 at fixed sphere"


class PathOverMeanFreePath(PathConvention):
    """Every orbit has the same length, ``reach`` mean free paths along the mean field.

    Then dB/B0 acts through the strength of single deflections alone: their number is held.
    """

    def stop(self, parameters: SkyParameters) -> PathLength:
        """Return the path, reach × `sky_mean_free_path`."""
        return PathLength(_length(parameters, sky_mean_free_path(parameters)))

    def describe(self, reach: float) -> str:
        """Return "dB/B0 at a path of 0.5 quasi-linear mean free paths"."""
        return f"dB/B0 at a path of {reach:g} quasi-linear mean free paths"

    def __str__(self) -> str:
        """Return "dB/B0 at a path in quasi-linear mean free paths"."""
        return "dB/B0 at a path in quasi-linear mean free paths"


class PathOverReferencePath(PathConvention):
    """Every orbit has the same length, ``reach`` mean free paths of turbulence with dB = B0.

    That length depends on index, outer scale and gyroradius, so that skies of very different
    energies are equally mixed; dB/B0 says how often orbits are deflected within it.
    """

    def stop(self, parameters: SkyParameters) -> PathLength:
        """Return the path, reach × `sky_mean_free_path` at a level of 1."""
        return PathLength(_length(parameters, sky_mean_free_path(parameters.at(level=1.0))))

    def describe(self, reach: float) -> str:
        """Return "dB/B0 at a path of 0.5 quasi-linear mean free paths of dB = B0"."""
        return f"dB/B0 at a path of {reach:g} quasi-linear mean free paths of dB = B0"

    def __str__(self) -> str:
        """Return "dB/B0 at a path in quasi-linear mean free paths of dB = B0"."""
        return "dB/B0 at a path in quasi-linear mean free paths of dB = B0"


def sky_mean_free_path(parameters: SkyParameters) -> Scalar:
    """Return the quasi-linear mean free path along the mean field, in cells.

    lambda ~ (B0/dB)² r_L^(2 - q) l^(q - 1) for r_L below l = outer_scale / (2 pi), r_L²/l above.

    Parameters
    ----------
    parameters
        Level above 0 and index q between 1 and 2; the inner scale and the share of slab waves
        do not enter.

    Raises
    ------
    ValueError
        For a known level of 0, or an index outside (1, 2).

    Notes
    -----
    The value of slab turbulence with E ~ (1 + k² l²)^(-q/2): a unit of length that scales as
    theory says, not a measurement. Quasi-linear theory is for weak, slab turbulence, and a sharp
    resonance with a spectrum cut at the outer scale has no mean free path at all for r_L > l.
    Source: ``kinetic.bend_over_mean_free_path``; Shalchi (2009), chapter 3.
    """
    check_positive("sky_mean_free_path: level", parameters.level, remedy="Or take FixedPath.")
    return bend_over_mean_free_path(
        parameters.gyroradius / GYRORADIUS,
        index=parameters.index,
        bend_over_scale=parameters.outer_scale / (2 * jnp.pi),
        rms=parameters.level,
        mean_strength=1.0,
    )


def _length(parameters: SkyParameters, unit: Scalar) -> ScalarLike:
    """Return reach in cells."""
    return parameters.reach.astype(unit.dtype) * unit
