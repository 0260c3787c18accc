"""Resonance functions: how sharply a wave must match the gyration of a particle to scatter it."""

import abc
from collections.abc import Callable
from typing import NamedTuple

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array

from jaxcr.arrays import Scalar, ScalarLike
from jaxcr.checks import as_float, check_positive
from jaxcr.kinetic.scattering.quadrature import peaked_nodes

NODES = 48
"""Of Gauss's rule in each of three panels about a resonance: 1e-8 for smooth spectra."""

_SHARPEST = 1e-6
"""Least width in mu: narrower ones are as good as sharp and would lose digits."""


class Detuning(NamedTuple):
    """The mismatch k x slope + offset of a wave with wavenumber k, and what can broaden it.

    ``slope`` is v mu less the speed of the wave and ``offset`` is n Omega; ``stretch`` v (in the
    integral over another variable than k along the field: the factor of mu in ``slope``),
    ``cosine`` mu, and ``amplitude`` rms over the mean field.
    """

    slope: Scalar
    offset: Scalar
    stretch: Scalar
    cosine: Scalar
    amplitude: Scalar


class ResonanceFunction(eqx.Module):
    """R(k): pi times a delta function of the mismatch, or what replaces it; area pi."""

    @abc.abstractmethod
    def integrate(
        self,
        density: Callable[[Array], Array],
        low: Scalar,
        high: Scalar,
        detuning: Detuning,
        *,
        num_nodes: int = NODES,
    ) -> Scalar:
        """Return the integral of density(k) R(k) over k > 0.

        Parameters
        ----------
        density
            Vectorised in k > 0, zero outside its range.
        low, high
            The range of k in which broadened resonances are integrated.
        num_nodes
            Nodes in each of three panels; a sharp resonance needs none.
        """


class SharpResonance(ResonanceFunction):
    """R = pi delta(k v mu - omega + n Omega), of quasilinear theory."""

    def integrate(
        self,
        density: Callable[[Array], Array],
        low: Scalar,
        high: Scalar,
        detuning: Detuning,
        *,
        num_nodes: int = NODES,
    ) -> Scalar:
        """Return pi density(k*)/abs(slope) at the resonant k*, zero where that is negative."""
        slope = jnp.where(detuning.slope == 0, 1, detuning.slope)
        resonant = -detuning.offset / slope
        meets = (resonant > 0) & (detuning.slope != 0)
        value = density(jnp.where(meets, resonant, low)) / jnp.abs(slope)
        return jnp.where(meets, jnp.pi * value, 0)


class LorentzianResonance(ResonanceFunction):
    """R = Gamma / (mismatch² + Gamma²): waves, or their phases, live for 1/Gamma.

    Parameters
    ----------
    rate
        Gamma in 1/pc (per path of light).

    Raises
    ------
    ValueError
        If the rate is known and not positive.
    """

    rate: Scalar

    def __init__(self, rate: ScalarLike):
        self.rate = as_float(rate)
        _check_positive("LorentzianResonance: rate", self.rate, "1/pc")

    def integrate(
        self,
        density: Callable[[Array], Array],
        low: Scalar,
        high: Scalar,
        detuning: Detuning,
        *,
        num_nodes: int = NODES,
    ) -> Scalar:
        """Return the integral by Gauss's rule, with nodes gathered about the resonance."""
        rate = self.rate.astype(detuning.slope.dtype)
        least = 1e-12 * detuning.stretch
        slope = jnp.where(jnp.abs(detuning.slope) < least, least, detuning.slope)
        centre, width = -detuning.offset / slope, rate / jnp.abs(slope)
        k, weight = peaked_nodes(low, high, centre, width, num_nodes=num_nodes)
        mismatch = k * detuning.slope + detuning.offset
        return jnp.sum(weight * density(k) * rate / (mismatch**2 + rate**2))


class _Gaussian(ResonanceFunction):
    """R = sqrt(pi)/(k v w) exp[-(mismatch/(k v w))²] with a width w in mu that may vary."""

    @abc.abstractmethod
    def width_in_mu(self, detuning: Detuning) -> Scalar:
        """Return w."""

    def integrate(
        self,
        density: Callable[[Array], Array],
        low: Scalar,
        high: Scalar,
        detuning: Detuning,
        *,
        num_nodes: int = NODES,
    ) -> Scalar:
        """Return the integral by Gauss's rule, with nodes gathered about the resonance."""
        spread = detuning.stretch * jnp.maximum(self.width_in_mu(detuning), _SHARPEST)
        # Where the slope is smaller than the spread, the exponential still starts near this k.
        inverse = jnp.hypot(detuning.slope, spread)
        centre = jnp.abs(detuning.offset) / inverse
        k, weight = peaked_nodes(low, high, centre, centre * spread / inverse, num_nodes=num_nodes)
        exponent = (detuning.slope + detuning.offset / k) / spread
        resonance = jnp.sqrt(jnp.pi) / (k * spread) * jnp.exp(-(exponent**2))
        return jnp.sum(weight * density(k) * resonance)


class GaussianResonance(_Gaussian):
    """R = sqrt(pi)/(k v w) exp[-(mismatch/(k v w))²]: the pitch cosine wanders by w.

    Parameters
    ----------
    width
        w, in mu.

    Raises
    ------
    ValueError
        If the width is known and not positive.
    """

    width: Scalar

    def __init__(self, width: ScalarLike):
        self.width = as_float(width)
        _check_positive("GaussianResonance: width", self.width, "in mu")

    def width_in_mu(self, detuning: Detuning) -> Scalar:
        """Return the given width."""
        return self.width.astype(detuning.slope.dtype)


class SecondOrderResonance(_Gaussian):
    """The Gaussian of second-order quasilinear theory: a width of rms over the mean field.

    Notes
    -----
    The width at late times, alike for all mu; it cures the gap at 90 degrees. Source: Shalchi,
    Phys. Plasmas 12 (2005) 052905.
    """

    def width_in_mu(self, detuning: Detuning) -> Scalar:
        """Return the amplitude."""
        return detuning.amplitude


class NonlinearResonance(_Gaussian):
    """A Gaussian of width² = (1 - mu²) M_A: compression of the field moves mu at constant moment.

    Parameters
    ----------
    alfven_mach
        M_A, about rms over the mean field.

    Raises
    ------
    ValueError
        If M_A is known and not positive.

    Notes
    -----
    The form of Yan & Lazarian, ApJ 673 (2008) 942; the numerical factor of the width, here one,
    depends on how the strength of the compressions is defined, and is uncertain by that much.
    """

    alfven_mach: Scalar

    def __init__(self, alfven_mach: ScalarLike):
        self.alfven_mach = as_float(alfven_mach)
        _check_positive("NonlinearResonance: alfven_mach", self.alfven_mach, "as Mach number")

    def width_in_mu(self, detuning: Detuning) -> Scalar:
        """Return the width at this pitch angle."""
        square = (1 - detuning.cosine**2) * self.alfven_mach.astype(detuning.slope.dtype)
        return jnp.sqrt(jnp.maximum(square, _SHARPEST**2))


def _check_positive(name: str, value: Scalar, unit: str) -> None:
    """Raise if the value is known and not positive."""
    check_positive(name, value, expected=f"a number > 0, {unit}", remedy="Or SharpResonance().")
