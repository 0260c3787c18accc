"""Closed forms of mean free paths and diffusion coefficients, for tests and estimates."""

import equinox as eqx
import jax.numpy as jnp
from jax.scipy.special import gammaln

from jaxcr.arrays import Scalar, ScalarLike
from jaxcr.checks import as_float, broadcasting, check_positive, check_range
from jaxcr.kinetic.scattering.model import as_particle, as_turbulence, mean_gyroradius
from jaxcr.kinetic.scattering.quadrature import unit_gauss

_NODES = 128


class DiffusionFit(eqx.Module):
    """Coefficients of a fit to diffusion in isotropic turbulence without a mean field.

    Parameters
    ----------
    index
        Of the spectrum E(k).
    low, intermediate
        a_L and a_I of the paper.
    """

    index: Scalar
    low: Scalar
    intermediate: Scalar

    def __init__(self, *, index: ScalarLike, low: ScalarLike, intermediate: ScalarLike):
        self.index, self.low = as_float(index), as_float(low)
        self.intermediate = as_float(intermediate)


def kolmogorov_fit() -> DiffusionFit:
    """Return the published coefficients for index 5/3."""
    return DiffusionFit(index=5 / 3, low=0.23, intermediate=0.9)


def kraichnan_fit() -> DiffusionFit:
    """Return the published coefficients for index 3/2."""
    return DiffusionFit(index=3 / 2, low=0.42, intermediate=0.65)


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
def giacalone_jokipii_diffusion(
    rigidity: ScalarLike,
    *,
    scale: ScalarLike,
    rms: ScalarLike,
    mean_strength: ScalarLike,
    speed: ScalarLike = 1.0,
) -> tuple[Scalar, Scalar]:
    """Return kappa along and across the field in slab turbulence E ~ 1/(1 + (k L)^(5/3)).

    kappa_par = 3 v r_L² csc(3 pi/5) [1 + (72/7) (L/r_L)^(5/3)] (B0/rms)² / (20 L),
    kappa_perp = (5/24) v sin(3 pi/5) (rms/B0)² L.

    Parameters
    ----------
    rigidity, speed
        In PV and in c.
    scale
        L in pc; the one-sided correlation length is 0.79255 L.
    rms, mean_strength
        Of all components, and B0, in µG.

    Returns
    -------
    tuple
        kappa_par, kappa_perp in pc (times c).

    Raises
    ------
    ValueError
        If known: a rigidity of zero, a speed outside (0, 1], a length that is not positive, a
        negative rms, a mean field that is not positive.

    Notes
    -----
    Quasilinear; across the field particles follow field lines, v/2 times their random walk.
    Source: Giacalone & Jokipii, ApJ 520 (1999) 204, eqs. 14 and 15, for rms² in slab waves.
    """
    name = "giacalone_jokipii_diffusion"
    rigidity, speed = as_particle(name, rigidity, speed)
    rms, mean_strength = as_turbulence(name, rms, mean_strength)
    scale = as_float(scale)
    check_positive(f"{name}: scale", scale)
    scale = scale.astype(rigidity.dtype)
    amplitude = (rms / mean_strength).astype(rigidity.dtype)
    gyroradius = mean_gyroradius(rigidity, mean_strength)
    sine = jnp.sin(jnp.asarray(3 * jnp.pi / 5, rigidity.dtype))
    bracket = 1 + 72 / 7 * (scale / gyroradius) ** (5 / 3)
    along = 3 / 20 * speed * gyroradius**2 / (scale * sine * amplitude**2) * bracket
    return along, 5 / 24 * speed * sine * amplitude**2 * scale


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
    gyroradius, length, speed = _no_mean_field(
        "weak_scattering_diffusion", rigidity, rms, correlation_length, speed
    )
    return 2 / 3 * speed * gyroradius**2 / length


@broadcasting
def fitted_isotropic_diffusion(
    fit: DiffusionFit,
    rigidity: ScalarLike,
    *,
    rms: ScalarLike,
    correlation_length: ScalarLike,
    speed: ScalarLike = 1.0,
) -> Scalar:
    """Return a fit of kappa in isotropic turbulence without a mean field, at all rigidities.

    kappa = (v l/3) [4 e² + a_I e + a_L e^(2 - m)] with l = 2 L_c and e = r_L/l.

    Parameters
    ----------
    fit
        `kolmogorov_fit` or `kraichnan_fit`, or coefficients of yours.
    rigidity, rms, correlation_length, speed
        As for `weak_scattering_diffusion`, which it tends to for r_L >> L_c.

    Returns
    -------
    kappa in pc (times c).

    Raises
    ------
    ValueError
        As `weak_scattering_diffusion`.

    Notes
    -----
    Test particles agree to about 10 per cent for e from 0.01. Source: Harari, Mollerach & Roulet,
    PRD 89 (2014) 123001, whose coherence length is the two-sided l.
    """
    gyroradius, length, speed = _no_mean_field(
        "fitted_isotropic_diffusion", rigidity, rms, correlation_length, speed
    )
    e = gyroradius / (2 * length)
    low, intermediate, index = (x.astype(e.dtype) for x in (fit.low, fit.intermediate, fit.index))
    bracket = 4 * e**2 + intermediate * e + low * e ** (2 - index)
    return speed * 2 * length / 3 * bracket


def _euler_integral(nu: Scalar, square: Scalar) -> Scalar:
    """Return int_0^1 t^-nu (1 - t) (1 + R² t)^nu dt; below t = e^-40 as a power of t."""
    places, weights = unit_gauss(_NODES, nu.dtype)
    span = 40 + jnp.log1p(square)
    t = jnp.exp(-span * places)
    body = span * jnp.sum(weights * t ** (1 - nu) * (1 - t) * (1 + square * t) ** nu)
    return body + jnp.exp(-span * (1 - nu)) / (1 - nu)


def _no_mean_field(name, rigidity, rms, correlation_length, speed):
    """Return r_L in the rms field, L_c and v, checked."""
    rigidity, speed = as_particle(name, rigidity, speed)
    rms, length = as_float(rms), as_float(correlation_length)
    check_positive(f"{name}: rms", rms, remedy="Nothing else bends the particles here.")
    check_positive(f"{name}: correlation_length", length)
    dtype = rigidity.dtype
    return mean_gyroradius(rigidity, rms), length.astype(dtype), speed
