"""Closed forms of mean free paths and diffusion coefficients, for tests and estimates."""

import jax.numpy as jnp
from jax.scipy.special import gammaln

from jaxcr.annotations import broadcasting
from jaxcr.arrays import Scalar, ScalarLike
from jaxcr.checks import as_float, check_positive, check_range
from jaxcr.kinetic.scattering.model import as_particle, as_turbulence, mean_gyroradius
from jaxcr.kinetic.scattering.quadrature import unit_gauss

_NODES = 128


@broadcasting
def bend_over_mean_free_path(
    rigidity: ScalarLike,
    *,
    index: ScalarLike,
    bend_over_scale: ScalarLike,
    rms: ScalarLike,
    mean_strength: ScalarLike,
) -> Scalar:
    """Return the quasilinear lambda in slab turbulence E ~ (1 + k² l²)^-nu, nu = index/2.

    lambda = 3 l / (8 pi C) (B0/rms)² R^(2 - 2 nu) 2F1(-nu, 1 - nu; 3 - nu; -R²)
    / [(1 - nu)(2 - nu)], R = r_L/l, C = Gamma(nu) / [2 sqrt(pi) Gamma(nu - 1/2)].

    Parameters
    ----------
    rigidity
        In PV.
    index
        Above 1 and below 2.
    bend_over_scale
        l in pc, without a factor 2 pi.
    rms, mean_strength
        Of all components, and B0, in µG.

    Returns
    -------
    lambda in pc; independent of the speed.

    Raises
    ------
    ValueError
        If known: an index outside (1, 2), a length that is not positive, a rigidity of zero, a
        negative rms, a mean field that is not positive.

    Notes
    -----
    To 1e-12, from Euler's integral of 2F1 in logarithmic nodes: differentiable in the index too.
    Finite although D_mumu(0) = 0: this spectrum has no end. Grows as R^(2 - index) far below the
    bend-over and as R² far above. Source: Shalchi, Nonlinear Cosmic Ray Diffusion Theories
    (2009), chapter 3.
    """
    name = "bend_over_mean_free_path"
    rigidity, _ = as_particle(name, rigidity, 1.0)
    rms, mean_strength = as_turbulence(name, rms, mean_strength)
    index, scale = as_float(index), as_float(bend_over_scale)
    check_range(
        f"{name}: index", index, 1, 2, ends="()", remedy="Else the path or the power is infinite."
    )
    check_positive(f"{name}: bend_over_scale", scale)
    dtype = rigidity.dtype
    nu, scale = index.astype(dtype) / 2, scale.astype(dtype)
    constant = jnp.exp(gammaln(nu) - gammaln(nu - 0.5)) / (2 * jnp.sqrt(jnp.pi))
    ratio = mean_gyroradius(rigidity, mean_strength) / scale
    strengths = (mean_strength / rms).astype(dtype)
    integral = _euler_integral(nu, ratio**2)
    return 3 * scale / (8 * jnp.pi * constant) * strengths**2 * ratio ** (2 - 2 * nu) * integral


@broadcasting
def weak_scattering_diffusion(
    rigidity: ScalarLike,
    *,
    rms: ScalarLike,
    correlation_length: ScalarLike,
    speed: ScalarLike = 1.0,
) -> Scalar:
    """Return kappa = (2/3) v r_L²/L_c in isotropic turbulence of small scale, no mean field.

    Parameters
    ----------
    rigidity, speed
        In PV and in c.
    rms
        Of all components, in µG; r_L is the gyroradius in it.
    correlation_length
        L_c in pc, one-sided: `Spectrum.correlation_length`.

    Returns
    -------
    kappa in pc (times c).

    Raises
    ------
    ValueError
        If known: a rigidity of zero, a speed outside (0, 1], an rms or length not positive.

    Notes
    -----
    The limit r_L >> L_c, from above as 1 + O(L_c/r_L). Many papers have (4/3) v r_L²/L_c, with
    the two-sided length. Source: over a path s many small deflections add up to <theta²> =
    s L_c/r_L² (half of the correlation is across the path), which is 2 s/lambda.
    """
    name = "weak_scattering_diffusion"
    rigidity, speed = as_particle(name, rigidity, speed)
    rms, length = as_float(rms), as_float(correlation_length)
    check_positive(f"{name}: rms", rms, remedy="Nothing else bends the particles here.")
    check_positive(f"{name}: correlation_length", length)
    gyroradius = mean_gyroradius(rigidity, rms)
    return 2 / 3 * speed * gyroradius**2 / length.astype(rigidity.dtype)


def _euler_integral(nu: Scalar, square: Scalar) -> Scalar:
    """Return int_0^1 t^-nu (1 - t) (1 + R² t)^nu dt; below t = e^-40 as a power of t."""
    places, weights = unit_gauss(_NODES, nu.dtype)
    span = 40 + jnp.log1p(square)
    t = jnp.exp(-span * places)
    body = span * jnp.sum(weights * t ** (1 - nu) * (1 - t) * (1 + square * t) ** nu)
    return body + jnp.exp(-span * (1 - nu)) / (1 - nu)
