"""Fit parameters of traps, with their default ranges and priors."""

import jax.numpy as jnp
import numpy as np

from jaxcr.arrays import Scalar
from jaxcr.infer.parameters import Flat, HalfNormal, Normal, Parameter


def amplitude() -> Parameter:
    """Return ln A, the logarithm of the dipole abs(f_1/f_0)."""
    return Parameter("ln A", np.log(1e-3), np.log(1e-5), np.log(0.3), Flat())


def trap_shape() -> tuple[Parameter, Parameter]:
    """Return ln(R-1) and the gradient, R = sqrt(B1 B2)/B0 and ln(B1/B2) of the traps.

    The gradient is a size, with half a Gaussian as its prior: mean spectra are even in it, with a
    cusp at 0 (the stronger mirror's cone depends on its size), which no smooth solver passes.
    """
    return (
        Parameter("ln(R-1)", 0.0, -2.0, 2.4, Normal(0.0, 1.0)),
        Parameter("gradient", 0.2, 0.0, 0.6, HalfNormal(0.3)),
    )


def ratio_and_gradient(log_depth: Scalar, gradient: Scalar) -> tuple[Scalar, Scalar]:
    """Return R and ln(B1/B2) of the trap that the fit parameters mean.

    Where the gradient is beyond ln R, it is ln R: then the weaker mirror is sqrt(R) B0, so that
    no values of the two leave the range in which a trap has both mirrors.
    """
    ratio = 1 + jnp.exp(log_depth)
    most = jnp.log(ratio)
    return ratio, jnp.clip(gradient, -most, most)


def edge_width() -> Parameter:
    """Return the rounding of the cone edges; above 0.3 rad no C_l beyond l = 8 is left."""
    return Parameter("edge width", 0.05, 0.0, 0.3, Flat(), "rad")


def place(num_sites: int) -> Parameter:
    """Return ln k, the logarithm of the place in the chain, between its second and last but one."""
    highest = np.log(num_sites - 1.0)
    return Parameter("ln k", np.log(2.0) / 2 + highest / 2, np.log(2.0), highest, Flat())


def scattering_rate() -> Parameter:
    """Return ln nu, the logarithm of the scattering rate; around 1 in the unit of the losses."""
    return Parameter("ln nu", 0.0, np.log(1e-2), np.log(1e2), Normal(0.0, 1.0))
