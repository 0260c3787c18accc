"""Interpolation stencils: how the samples around a point become a value at it."""

import abc

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxcr.arrays import Vector


class Stencil(eqx.Module):
    """A separable stencil over ``before + after + 1`` neighbouring coefficients on each axis."""

    before: eqx.AbstractClassVar[int]
    after: eqx.AbstractClassVar[int]
    overshoot: eqx.AbstractClassVar[float]
    """Largest sum of the absolute weights of a whole block: |B| is at most that much larger."""
    reach: eqx.AbstractClassVar[int]
    """Layers beyond the box that the prefilter feels at round-off."""

    @abc.abstractmethod
    def prefilter(self, samples: Float[Array, "nx ny nz xyz=3"]) -> Float[Array, "nx ny nz xyz=3"]:
        """Return the coefficients whose weighted sums reproduce ``samples``."""

    @abc.abstractmethod
    def weights(self, offset: Vector) -> list[Vector]:
        """Return the weight of each layer for the offset from the cell below, in [0, 1)."""


class _Local(Stencil):
    """A stencil whose coefficients are the samples."""

    reach = 0

    def prefilter(self, samples: Float[Array, "nx ny nz xyz=3"]) -> Float[Array, "nx ny nz xyz=3"]:
        """Return ``samples``: they are their own coefficients."""
        return samples


class Nearest(_Local):
    """The nearest sample: piecewise constant, first order; its derivative is zero."""

    before = 0
    after = 1
    overshoot = 1.0

    def weights(self, offset: Vector) -> list[Vector]:
        """Return 1 for the nearer of the two layers, the upper one at half way, and 0."""
        upper = (offset >= 0.5).astype(offset.dtype) + 0 * offset  # nan stays nan
        return [1 - upper, upper]


class Linear(_Local):
    """Trilinear interpolation: continuous, second order, 2×2×2 samples."""

    before = 0
    after = 1
    overshoot = 1.0

    def weights(self, offset: Vector) -> list[Vector]:
        """Return ``1 - t, t``."""
        return [1 - offset, offset]


class CatmullRom(_Local):
    """Cubic convolution: once continuously differentiable, third order, 4×4×4 samples.

    Local: no prefilter, so a sample moves the field two cells around it only. It overshoots.
    Source: Keys, IEEE Trans. Acoust. Speech Signal Process. 29 (1981) 1153, a = -1/2.
    """

    before = 1
    after = 2
    overshoot = 1.25**3

    def weights(self, offset: Vector) -> list[Vector]:
        """Return the four pieces of the kernel at ``offset``."""
        t, u = offset, 1 - offset
        return [
            -0.5 * t * u**2,
            1 - t**2 * (2.5 - 1.5 * t),
            1 - u**2 * (2.5 - 1.5 * u),
            -0.5 * u * t**2,
        ]


class CubicSpline(Stencil):
    """The interpolating cubic B-spline: twice continuously differentiable, fourth order, 4×4×4.

    Notes
    -----
    The coefficients come from one division in Fourier space by (4 + 2 cos k)/6 on each axis,
    which is exact for a periodic grid. Source: Unser, IEEE Signal Process. Mag. 16 (1999) 22.
    """

    before = 1
    after = 2
    overshoot = 1.0
    reach = 27  # (2 - sqrt 3)^27 = 4e-16

    def prefilter(self, samples: Float[Array, "nx ny nz xyz=3"]) -> Float[Array, "nx ny nz xyz=3"]:
        """Return the B-spline coefficients that interpolate periodic ``samples``."""
        shape = samples.shape[:3]
        dtype = samples.dtype if samples.dtype.itemsize >= 4 else jnp.float32  # for the transform
        phases = [jnp.fft.fftfreq(n, dtype=dtype) for n in shape[:2]]
        phases.append(jnp.fft.rfftfreq(shape[2], dtype=dtype))
        response = [(4 + 2 * jnp.cos(2 * jnp.pi * phase)) / 6 for phase in phases]
        x, y, z = response
        product = x[:, None, None] * y[None, :, None] * z[None, None, :]
        modes = jnp.fft.rfftn(samples.astype(dtype), axes=(0, 1, 2))
        modes = modes / product[..., None].astype(modes.dtype)
        return jnp.fft.irfftn(modes, s=shape, axes=(0, 1, 2)).astype(samples.dtype)

    def weights(self, offset: Vector) -> list[Vector]:
        """Return the four pieces of the cubic B-spline at ``offset``."""
        t, u = offset, 1 - offset
        return [
            u**3 / 6,
            (3 * t**3 - 6 * t**2 + 4) / 6,
            (3 * u**3 - 6 * u**2 + 4) / 6,
            t**3 / 6,
        ]
