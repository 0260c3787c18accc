"""C_l from how fast the difference between two directions scatters: relative-rate closures.

Two particles whose directions enclose an angle with cosine x lose their relative memory at the
rate nu_r(x), nu_r(1) = 0, since both cross the same turbulence; the dipole feeds the product of
their intensities in proportion to x. A steady state of relaxation (BGK) or of diffusion on the
sphere (Fokker-Planck) then has

    BGK:            C_l ~ int x P_l(x) / nu_r(x) dx,
    Fokker-Planck:  C_l ~ [1 / l(l+1)] int x P_l(x) / nu_r(x) dx     over -1 < x < 1.

After Ahlers & Mertsch 2015, ApJL 815, L2, who use a relative rate in this sense.
"""

import math
from collections.abc import Callable
from functools import lru_cache

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxcr.arrays import Scalar, ScalarLike
from jaxcr.checks import check_positive, check_range

Rate = Callable[[Scalar], ScalarLike]
Spectrum = Float[Array, " ell"]

_LARGEST_EXPONENT = 0.97  # above, the range of floating-point numbers is too short for the end


def bgk_spectrum(rate: Rate, lmax: int) -> Spectrum:
    """Return C_l / C_1 of relaxation with a relative rate, C_l ~ int x P_l / nu_r dx.

    Parameters
    ----------
    rate
        nu_r(x) > 0 of one cosine x of the angle between two directions, any unit, smooth inside
        -1 < x < 1; a power (1-x)^p as x -> 1 is allowed. The integral converges for p < 1.
    lmax
        Highest degree, >= 1.

    Returns
    -------
    (lmax + 1,), dimensionless; 0 at l = 0, 1 at l = 1. nu_r ~ (1-x)^p gives l^(2p-2).

    Raises
    ------
    ValueError
        If lmax is below 1, the rate is not finite and > 0, or it falls as (1-x)^p with p > 0.97.

    Notes
    -----
    Double-exponential quadrature; below 1 - x of about 1e-6 (float64) or 3e-3 (float32), where
    x is rounded, the rate is continued as a power. 1e-8 at p = 1/2 in float64. Differentiable
    in what ``rate`` depends on.
    """
    integrals = _integrals(rate, lmax, "bgk_spectrum")
    return _normalised(integrals)


def fokker_planck_spectrum(rate: Rate, lmax: int) -> Spectrum:
    """Return C_l / C_1 of diffusion with a relative rate, C_l ~ int x P_l / nu_r dx / [l(l+1)].

    Parameters
    ----------
    rate, lmax
        As in `bgk_spectrum`.

    Returns
    -------
    (lmax + 1,), dimensionless; 0 at l = 0, 1 at l = 1. nu_r ~ (1-x)^p gives l^(2p-4): p = 1/2
    falls as l^-3, like `cascade_spectrum`.

    Raises
    ------
    ValueError
        As `bgk_spectrum`.

    Notes
    -----
    Nodes and accuracy as in `bgk_spectrum`.
    """
    integrals = _integrals(rate, lmax, "fokker_planck_spectrum")
    return _normalised(integrals / _laplacian(lmax, integrals))


def _integrals(rate: Rate, lmax: int, caller: str) -> Spectrum:
    """Return int x P_l / nu_r dx for each l, up to one factor."""
    check_range(f"{caller}: lmax", lmax, 1, remedy="The norm is C_1.")
    dtype = jnp.result_type(float)
    edge = float(jnp.finfo(dtype).eps) ** 0.4  # balances the rounding of x and the continuation
    gap, weights = _quadrature(lmax, float(jnp.finfo(dtype).tiny))
    log_gap = np.log(gap).astype(dtype)
    inside = gap >= edge
    cosine = jnp.asarray(1 - 2 * np.where(inside, gap, edge), dtype)
    values = jnp.asarray(jax.vmap(rate)(cosine), dtype)
    ends = jnp.asarray(jax.vmap(rate)(jnp.asarray([1 - 2 * edge, 1 - 4 * edge], dtype)), dtype)
    check_positive(f"{caller}: rate", values, remedy="It may vanish only at x = 1.")
    exponent = _end_exponent(ends)
    _check_exponent(exponent, caller)
    distance = np.where(inside, 0, np.log(gap / edge)).astype(dtype)
    return _summed(values, exponent, log_gap, distance, weights.astype(dtype))


@jax.jit
def _end_exponent(ends: Array) -> Scalar:
    """Return p of (1-x)^p between the edge and twice the edge."""
    return (jnp.log(ends[1]) - jnp.log(ends[0])) / math.log(2)


@jax.jit
def _summed(values: Array, exponent: Array, log_gap: Array, distance: Array, weights: Array):
    """Sum over the nodes, those beyond the edge with the rate continued as a power."""
    share = jnp.exp(log_gap - jnp.log(values / jnp.max(values)) - exponent * distance)
    return jnp.matmul(weights, share, precision="highest")


@lru_cache(maxsize=8)
def _quadrature(
    lmax: int, least: float
) -> tuple[Float[np.ndarray, " node"], Float[np.ndarray, "ell node"]]:
    """Return nodes (1-x)/2 and weights x P_l dx / (1-x) of a double-exponential rule.

    With (1-x)/2 = 1/[1 + exp(pi sinh t)] the trapezoidal rule in t converges exponentially
    whatever the power at the ends (Takahasi & Mori 1974, Publ. RIMS 9, 721).
    """
    from scipy.special import legendre_p_all

    highest = np.arcsinh(-np.log(4 * least) / np.pi)  # where (1-x)/2 is the least number
    num = 400 + 12 * lmax  # P_l has l zeros, most of them within |t| < 1
    t = np.linspace(-3.2, highest, num)  # below -3.2 the weight is under 1e-16
    gap = 1 / (1 + np.exp(np.pi * np.sinh(t)))
    other = 1 / (1 + np.exp(-np.pi * np.sinh(t)))
    x = other - gap
    weights = legendre_p_all(lmax, x)[0] * x * other * np.cosh(t)
    return gap, weights


@jax.jit
def _normalised(integrals: Spectrum) -> Spectrum:
    """Return C_l / C_1, 0 at l = 0."""
    return (integrals / integrals[1]).at[0].set(0)


def _laplacian(lmax: int, like: Array) -> Float[np.ndarray, " ell"]:
    """Return l(l+1), and 1 at l = 0."""
    l = np.arange(lmax + 1, dtype=like.dtype)
    return np.maximum(l * (l + 1), 1)


def _check_exponent(exponent: Array, caller: str) -> None:
    """Raise ``ValueError`` if the integral is seen to diverge at x = 1."""
    check_range(
        f"{caller}: exponent p of the rate, (1-x)^p as x -> 1",
        exponent,
        -np.inf,
        _LARGEST_EXPONENT,
        ends="()",
        expected=f"a number below {_LARGEST_EXPONENT:g} (the integral diverges from p = 1)",
        remedy="Keep a floor under the rate at small angles, or lower the exponent.",
    )
