"""Spectra of turbulence: one definition of E(k) for every generator."""

import abc

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxcr.arrays import Scalar, ScalarLike, argument_error, as_float, is_concrete


class Spectrum(eqx.Module):
    """A one-dimensional spectrum E(k), normalised so that its integral over k is one.

    Multiplied by the mean square field it is the power in each interval of k, whatever the
    directions of the wave vectors.
    """

    @abc.abstractmethod
    def __call__(self, wavenumber: Float[Array, "..."]) -> Float[Array, "..."]:
        """Return E(k) in pc for k in 1/pc."""

    @abc.abstractmethod
    def correlation_length(self) -> Scalar:
        """Return the one-sided correlation length of isotropic turbulence in pc."""


class PowerLaw(Spectrum):
    """E(k) proportional to k^-index between 2 pi/outer_scale and 2 pi/inner_scale.

    Parameters
    ----------
    index
        Positive for a falling spectrum: 5/3 Kolmogorov, 3/2 Kraichnan.
    outer_scale, inner_scale
        Longest and shortest wavelength in pc.

    Raises
    ------
    ValueError
        Unless ``0 < inner_scale < outer_scale``.
    """

    index: Scalar
    outer_scale: Scalar
    inner_scale: Scalar

    def __init__(self, index: ScalarLike, *, outer_scale: ScalarLike, inner_scale: ScalarLike):
        self.index = as_float(index)
        self.outer_scale = as_float(outer_scale)
        self.inner_scale = as_float(inner_scale)
        if is_concrete(self) and not 0 < float(self.inner_scale) < float(self.outer_scale):
            raise argument_error(
                "PowerLaw: inner_scale, outer_scale",
                expected="0 < inner_scale < outer_scale",
                got=f"{float(self.inner_scale):g}, {float(self.outer_scale):g} pc",
                remedy="Both are wavelengths: k runs from 2 pi/outer_scale to 2 pi/inner_scale.",
            )

    def __call__(self, wavenumber: Float[Array, "..."]) -> Float[Array, "..."]:
        """Return E(k) in pc; zero outside the range."""
        low, high = self._edges(wavenumber.dtype)
        index = self.index.astype(wavenumber.dtype)
        inside = (wavenumber >= low * (1 - 1e-6)) & (wavenumber <= high * (1 + 1e-6))
        safe = jnp.where(inside, wavenumber, low)
        return jnp.where(inside, safe**-index / _power_integral(-index, low, high), 0)

    def correlation_length(self) -> Scalar:
        """Return (pi/2) <1/k>, the integral of B(0).B(s)/rms^2 over s > 0, in pc."""
        low, high = self._edges(self.index.dtype)
        mean = _power_integral(-self.index - 1, low, high) / _power_integral(-self.index, low, high)
        return jnp.pi / 2 * mean

    def _edges(self, dtype) -> tuple[Scalar, Scalar]:
        return (
            2 * jnp.pi / self.outer_scale.astype(dtype),
            2 * jnp.pi / self.inner_scale.astype(dtype),
        )


def _power_integral(power: Scalar, low: Scalar, high: Scalar) -> Scalar:
    """Return the integral of k^power from low to high, smooth through power = -1."""
    width = jnp.log(high / low)
    x = (power + 1) * width
    small = jnp.abs(x) < 1e-6
    safe = jnp.where(small, jnp.ones_like(x), x)
    ratio = jnp.where(small, 1 + x / 2, jnp.expm1(safe) / safe)
    return low ** (power + 1) * width * ratio
