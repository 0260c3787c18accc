"""Spectra of turbulence: one definition of E(k) for every generator."""

import abc
from collections.abc import Callable

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxcr.annotations import checked
from jaxcr.arrays import Scalar, ScalarLike
from jaxcr.checks import (
    argument_error,
    as_float,
    check_finite,
    check_positive,
    check_range,
    is_concrete,
)
from jaxcr.legendre import gauss_rule

_NODES = 256
"""Of Gauss's rule: smooth spectra over eight decades come out to round-off."""


class Spectrum(eqx.Module):
    """A one-dimensional spectrum E(k), normalised so that its integral over k is one.

    Multiplied by the mean square field it is the power in each interval of k, whatever the
    directions of the wave vectors. ``outer_scale`` and ``inner_scale`` are its longest and
    shortest wavelength in pc.
    """

    outer_scale: eqx.AbstractVar[Scalar]
    inner_scale: eqx.AbstractVar[Scalar]

    @abc.abstractmethod
    def __call__(self, wavenumber: Float[Array, "..."]) -> Float[Array, "..."]:
        """Return E(k) in pc for k in 1/pc."""

    @abc.abstractmethod
    def correlation_length(self) -> Scalar:
        """Return the one-sided correlation length of isotropic turbulence in pc.

        It is (pi/2) <1/k>, the integral of B(0).B(s)/rms² over s > 0; the two-sided one is twice
        that.
        """

    def edges(self, dtype) -> tuple[Scalar, Scalar]:
        """Return the lowest and the highest wavenumber in 1/pc."""
        return (
            2 * jnp.pi / self.outer_scale.astype(dtype),
            2 * jnp.pi / self.inner_scale.astype(dtype),
        )


def power_between(
    spectrum: Spectrum,
    low: Float[Array, "..."],
    high: Float[Array, "..."],
    *,
    num_nodes: int,
) -> Float[Array, "..."]:
    """Return the integral of E from low to high, by Gauss's rule in ln k within the range.

    Differentiable in both ends and in both scales of the spectrum.
    """
    bottom, top = spectrum.edges(low.dtype)
    low, high = (jnp.log(jnp.clip(x, bottom, top)) for x in (low, high))
    total = jnp.zeros_like(low)
    nodes, weights = gauss_rule(num_nodes)
    for place, weight in zip((1 + nodes) / 2, weights / 2, strict=True):
        k = jnp.exp(low + float(place) * (high - low))
        total = total + float(weight) * k * spectrum(k)
    return (high - low) * total


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
        self.index = as_float(check_finite("PowerLaw: index", index))
        self.outer_scale = as_float(outer_scale)
        self.inner_scale = as_float(inner_scale)
        _check_scales("PowerLaw", outer_scale, inner_scale)

    @checked
    def __call__(self, wavenumber: Float[Array, "..."]) -> Float[Array, "..."]:
        """Return E(k) in pc; zero outside the range."""
        low, high = self.edges(wavenumber.dtype)
        index = self.index.astype(wavenumber.dtype)
        outside = (wavenumber < low * (1 - 1e-6)) | (wavenumber > high * (1 + 1e-6))
        safe = jnp.where(outside, low, wavenumber)
        return jnp.where(outside, 0, safe**-index / _power_integral(-index, low, high))

    def correlation_length(self) -> Scalar:
        """Return (pi/2) <1/k>, the integral of B(0).B(s)/rms^2 over s > 0, in pc."""
        low, high = self.edges(self.index.dtype)
        mean = _power_integral(-self.index - 1, low, high) / _power_integral(-self.index, low, high)
        return jnp.pi / 2 * mean


class _Shape(Spectrum):
    """A spectrum given up to a factor; integrals by Gauss's rule in ln k, differentiable."""

    @abc.abstractmethod
    def shape(self, wavenumber: Float[Array, "..."]) -> Float[Array, "..."]:
        """Return E(k) up to a factor, for k within the range."""

    @checked
    def __call__(self, wavenumber: Float[Array, "..."]) -> Float[Array, "..."]:
        """Return E(k) in pc; zero outside the range."""
        low, high = self.edges(wavenumber.dtype)
        outside = (wavenumber < low * (1 - 1e-6)) | (wavenumber > high * (1 + 1e-6))
        safe = jnp.where(outside, low, wavenumber)
        return jnp.where(outside, 0, self.shape(safe) / self._moment(0, wavenumber.dtype))

    def correlation_length(self) -> Scalar:
        """Return (pi/2) <1/k>, one-sided, in pc."""
        dtype = self.outer_scale.dtype
        return jnp.pi / 2 * self._moment(-1, dtype) / self._moment(0, dtype)

    def _moment(self, power: int, dtype) -> Scalar:
        """Return the integral of k^power shape(k)."""
        nodes, weights = gauss_rule(_NODES)
        low, high = (jnp.log(x) for x in self.edges(dtype))
        half = (high - low) / 2
        k = jnp.exp(low + half * (1 + jnp.asarray(nodes, dtype)))
        return half * jnp.sum(jnp.asarray(weights, dtype) * k ** (power + 1) * self.shape(k))


class BendOver(_Shape):
    """E(k) ~ (k l)^q / (1 + (k l)²)^((s + q)/2): rises as k^q below 1/l, falls as k^-s above.

    Parameters
    ----------
    index, energy_index
        s of the inertial range and q of the energy range; q = 4 is the von Karman form.
    bend_over_scale
        l in pc, without a factor 2 pi.
    outer_scale, inner_scale
        Longest and shortest wavelength in pc, where the spectrum is cut.

    Raises
    ------
    ValueError
        Unless ``0 < inner_scale < outer_scale`` and ``bend_over_scale`` is positive.

    Notes
    -----
    For s = 5/3, q = 4 and an endless range the correlation length is 0.49789 l.
    """

    index: Scalar
    energy_index: Scalar
    bend_over_scale: Scalar
    outer_scale: Scalar
    inner_scale: Scalar

    def __init__(
        self,
        index: ScalarLike,
        *,
        energy_index: ScalarLike,
        bend_over_scale: ScalarLike,
        outer_scale: ScalarLike,
        inner_scale: ScalarLike,
    ):
        self.index = as_float(check_finite("BendOver: index", index))
        self.energy_index = as_float(check_finite("BendOver: energy_index", energy_index))
        self.bend_over_scale = as_float(
            check_positive(
                "BendOver: bend_over_scale", bend_over_scale, expected="a positive length"
            )
        )
        self.outer_scale = as_float(outer_scale)
        self.inner_scale = as_float(inner_scale)
        _check_scales("BendOver", outer_scale, inner_scale)

    def shape(self, wavenumber: Float[Array, "..."]) -> Float[Array, "..."]:
        """Return the bend-over form."""
        dtype = wavenumber.dtype
        s, q = self.index.astype(dtype), self.energy_index.astype(dtype)
        x = wavenumber * self.bend_over_scale.astype(dtype)
        return x**q * (1 + x**2) ** (-(s + q) / 2)


class FunctionSpectrum(_Shape):
    """E(k) proportional to a function of yours.

    Parameters
    ----------
    function
        k in 1/pc to E(k) up to a factor, for arrays of any shape; positive.
    outer_scale, inner_scale
        Longest and shortest wavelength in pc.

    Raises
    ------
    ValueError
        Unless ``0 < inner_scale < outer_scale`` and the function is finite and positive.
    """

    function: Callable[[Array], Array]
    outer_scale: Scalar
    inner_scale: Scalar

    def __init__(
        self,
        function: Callable[[Array], Array],
        *,
        outer_scale: ScalarLike,
        inner_scale: ScalarLike,
    ):
        self.function = function
        self.outer_scale = as_float(outer_scale)
        self.inner_scale = as_float(inner_scale)
        _check_scales("FunctionSpectrum", outer_scale, inner_scale)
        k = jnp.geomspace(*self.edges(self.outer_scale.dtype), 101)
        values = jnp.asarray(self.function(k))
        if values.shape != k.shape or jnp.iscomplexobj(values):
            raise argument_error(
                "FunctionSpectrum: function",
                expected="one real value for each wavenumber",
                got=f"{values.dtype} of shape {values.shape} for {k.shape}",
                remedy="Write it for arrays of any shape.",
            )
        check_positive(
            "FunctionSpectrum: function",
            values,
            expected="finite positive values over the whole range",
            remedy="Check it at k = 2 pi/outer_scale and 2 pi/inner_scale.",
        )

    def shape(self, wavenumber: Float[Array, "..."]) -> Float[Array, "..."]:
        """Return the function."""
        return self.function(wavenumber)


def _check_scales(name: str, outer: ScalarLike, inner: ScalarLike) -> None:
    """Raise unless the scales are a range of wavelengths."""
    check_range(
        f"{name}: inner_scale, outer_scale",
        inner,
        0.0,
        float(check_finite(f"{name}: outer_scale", outer)) if is_concrete(outer) else np.inf,
        ends="()",
        expected="0 < inner_scale < outer_scale",
        remedy="Both are wavelengths: k runs from 2 pi/outer_scale to 2 pi/inner_scale.",
    )


def _power_integral(power: Scalar, low: Scalar, high: Scalar) -> Scalar:
    """Return the integral of k^power from low to high, smooth through power = -1."""
    width = jnp.log(high / low)
    x = (power + 1) * width
    small = jnp.abs(x) < 1e-6
    safe = jnp.where(small, jnp.ones_like(x), x)
    ratio = jnp.where(small, 1 + x / 2, jnp.expm1(safe) / safe)
    return low ** (power + 1) * width * ratio
