"""Drift and diffusion through a periodic row of bottles, at any rate of scattering.

In a row of bottles of length lambda, each a copy of the one before whose field is weaker by
e^(-k lambda), the phase-space density f(x, mu) of guiding centres obeys (v = 1, s the path)

    df/ds + mu df/dx - (1 - mu²)/2 (ln B)' df/dmu = scattering of f.

With ln B = b(x) - k x, b periodic, f = e^(b/2) sum_l chi_l(x) p_l(mu), p_l orthonormal Legendre
polynomials, a_l = l/sqrt(4 l² - 1), and b' - k = c, the stream turns chi_l into chi_(l+1) and back:

    T_l = a_(l+1) [d/dx + k/2 + (l + 1) c/2],     U_l = a_(l+1) [d/dx + k/2 - (l + 1) c/2].

Either kind of scattering takes nu_l chi_l away. Steady states, nu_l chi_l = T_(l-1) chi_(l-1) + U_l
chi_(l+1) (the sign of mu is free), have chi_(l+1) = K_(l+1)^-1 T_l chi_l with the matrix continued
fraction K_l = nu_l - U_l K_(l+1)^-1 T_l. At l = 0 remains U_0 chi_1 = V e^(-b/2) for the mean of x,
which grows as V, and at l = 1 K_1 chi_1 = T_0 chi_0 + a_1 e^(-b/2). T_0 has the left null vector
e^(b/2), hence V = a_1 <e^(b/2), e^(-b/2)> / <e^(b/2), K_1 U_0^-1 e^(-b/2)>.

Time reversal: the growth rate psi(q) of the mean of e^(q x) is that at -k - q. So psi(-k) = 0:
occupations ~ 1/B carry no flux, and the only other steady state is e^(-k x) f. Its flux of
particles is -(1/B) D df/dx with D = V/k exactly, whatever the rate. That D is smooth at k = 0.
"""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxcr.arrays import Scalar, ScalarLike
from jaxcr.checks import argument_error, check_positive, is_concrete
from jaxcr.fields.mirror_chain import log_swing
from jaxcr.traps.scattering import IsotropisingScattering, PitchAngleScattering
from jaxcr.traps.trap import Trap

_ISOTROPISING = IsotropisingScattering()
_POINTS = 65  # of a bottle: a solve takes 20 ms, one with derivatives 40 (half of them: 3 and 7)


class BottleTransport(NamedTuple):
    """How particles move along a row of bottles.

    Attributes
    ----------
    drift, diffusion
        V and D: the mean of x and half its variance grow so, per unit of path.
    steady_diffusion
        D_f = V/k of steady states, flux = -(1/B) D_f df/dx; D where k = 0.
    """

    drift: Scalar
    diffusion: Scalar
    steady_diffusion: Scalar


def bottle_transport(
    log_strength: Float[Array, " point"],
    gradient: ScalarLike,
    length: ScalarLike,
    scattering_rate: ScalarLike,
    *,
    scattering: PitchAngleScattering = _ISOTROPISING,
) -> BottleTransport:
    """Return drift and diffusion through a row of bottles of any shape.

    Parameters
    ----------
    log_strength
        b: ln B without its mean slope, at an odd number n of equal distances in one bottle, the
        first at its beginning and none at its end.
    gradient
        k lambda = ln(B1/B2), positive where the field weakens to the right.
    length
        lambda of a bottle, pc.
    scattering_rate
        nu, per pc of path.
    scattering
        ``IsotropisingScattering()`` or ``SmallAngleScattering()``.

    Raises
    ------
    ValueError
        If a known rate or length is not positive, the number of points is even, or nu < |k| for
        isotropising events: the falling field aligns particles, and their density, then like
        (1 - mu)^(nu/k - 1), has no useful Legendre series. Traced ones give NaN.

    Notes
    -----
    Cut at l = 2 (n - 1); one solve of n equations for each l. For n = 65 and a mirror ratio of 3 D
    is low by 3e-3, 1e-3, 1e-4 for nu lambda = .1, .3, 1 of isotropising events (twice that with
    half the points), and good to 1e-5 for small angles.

    Examples
    --------
    >>> turn = 2 * jnp.pi * jnp.arange(65.0) / 65
    >>> found = bottle_transport(jnp.log(2 - jnp.cos(turn)), 0.0, 1.0, 1.0)  # mirror ratio 3
    >>> round(float(3 * found.diffusion), 3)  # over v lambda_s/3
    0.694
    """
    name = "bottle_transport"
    b, k, nu, length = cell(name, log_strength, gradient, length, scattering_rate)
    steady = steady_diffusion(name, b, k, nu, scattering)
    spread = _spread(b, k, nu, scattering, steady * k)
    return BottleTransport(steady * k, spread * length, steady * length)


def cell(name: str, log_strength, gradient, length, scattering_rate):
    """Return b, k lambda, nu lambda and lambda in one type; raise unless they make a row."""
    check_positive(f"{name}: scattering_rate", scattering_rate)
    check_positive(f"{name}: length", length)
    if log_strength.shape[0] % 2 == 0:
        raise argument_error(
            f"{name}: log_strength", expected="an odd number of points",
            got=log_strength.shape[0], remedy="Among an even number one wave has no derivative.",
        )  # fmt: skip
    k, nu, length = (
        jnp.asarray(x, log_strength.dtype) for x in (gradient, scattering_rate, length)
    )
    return log_strength, k, nu * length, length


def steady_diffusion(name: str, b, k, nu, scattering: PitchAngleScattering) -> Scalar:
    """Return D_f of a cell, lambda = 1; raise or give NaN where the series does not converge."""
    last = scattering.decay(jnp.asarray(_last_order(b), b.dtype))
    resolved = nu * last >= jnp.abs(k)
    if is_concrete(resolved) and not resolved:
        raise argument_error(
            f"{name}: scattering_rate", expected="at least |ln(B1/B2)|/length",
            got=f"{float(nu):.4g}/length with ln(B1/B2) = {float(k):.4g}",
            remedy="Rarer isotropising events leave no Legendre series of the pitch angles.",
        )  # fmt: skip
    return jnp.where(resolved, _steady(b, k, nu, scattering), jnp.nan)


def trap_diffusion(
    name: str, trap: Trap, length: ScalarLike, scattering_rate, scattering: PitchAngleScattering
) -> Scalar:
    """Return D_f through copies of a trap, NaN without mirrors."""
    low, high = trap.minimum, jnp.minimum(trap.left_mirror, trap.right_mirror)
    swing = log_swing(jnp.log(trap.mirror_ratio), trap.gradient)
    turn = jnp.arange(_POINTS, dtype=low.dtype) * (2 * jnp.pi / _POINTS)
    bottle = jnp.where(high >= low, swing, jnp.nan) / 2 * jnp.cos(turn)
    b, k, nu, length = cell(name, bottle, trap.gradient, length, scattering_rate)
    return steady_diffusion(name, b, k, nu, scattering) * length


@eqx.filter_jit
def _steady(b, k, nu, scattering) -> Scalar:
    """Return V/k, smooth at k = 0.

    U_0 e = a_1 k e and r U_0 = a_1 k r for e, r = e^(b/2), e^(-b/2), so that k U_0^-1 r is
    e (r r)/(a_1 (e r)) + k y, with y from the part of U_0 that k = 0 leaves regular.
    """
    fraction, _, back = _continued_fraction(b, k, nu, scattering)
    e, r = jnp.exp(b / 2), jnp.exp(-b / 2)
    along = e * (r @ r) / (e @ r)
    y = jnp.linalg.solve(back + jnp.outer(e, r) / b.shape[0], r - along)
    y = y - e * (r @ y) / (e @ r)
    a_1 = _coupling(jnp.ones((), b.dtype))
    return a_1 * (e @ r) / (e @ fraction @ (along / a_1 + k * y))


@eqx.filter_jit
def _spread(b, k, nu, scattering, drift) -> Scalar:
    """Return D = psi''(0)/2 from the root psi(q) of det(psi - U_0 K_1^-1 T_0) = 0.

    ``defect`` vanishes with the determinant: a bordered solution, smooth where that is zero.
    """
    e, r = jnp.exp(b / 2), jnp.exp(-b / 2)
    unit = jnp.zeros(b.shape[0] + 1, b.dtype).at[-1].set(1)

    def defect(exponent, growth):
        fraction, to, back = _continued_fraction(b, k, nu, scattering, exponent, growth)
        rest = growth * jnp.eye(b.shape[0], dtype=b.dtype) - back @ jnp.linalg.solve(fraction, to)
        bordered = jnp.block([[rest, e[:, None]], [r[None], jnp.zeros((1, 1), b.dtype)]])
        return jnp.linalg.solve(bordered, unit)[-1]

    def along(step):
        return defect(step, drift * step)

    zero, one = jnp.zeros((), b.dtype), jnp.ones((), b.dtype)
    curvature = jax.jvp(lambda t: jax.jvp(along, (t,), (one,))[1], (zero,), (one,))[1]
    return -curvature / (2 * jax.jvp(lambda p: defect(zero, p), (zero,), (one,))[1])


def _continued_fraction(b, k, nu, scattering, exponent=0.0, growth=0.0):
    """Return K_1, T_0 and U_0 for densities ~ e^(exponent x) that grow at a rate; lambda = 1.

    K_L is the root of K = nu_L + (slope part of T_L)²/K: an open end, through which phase mixing
    leaves for high l.
    """
    n, last = b.shape[0], _last_order(b)
    derivative, eye = jnp.asarray(_derivative(n), b.dtype), jnp.eye(n, dtype=b.dtype)
    slope = derivative @ b - k
    ahead = derivative + (k / 2 + exponent) * eye
    order = jnp.arange(last + 1, dtype=b.dtype)
    rates = nu * scattering.decay(order) + growth

    def stream(ell, sign):
        return _coupling(ell + 1) * (ahead + jnp.diag(sign * (ell + 1) / 2 * slope))

    def down(fraction, row):
        ell, rate = row
        return rate * eye - stream(ell, -1) @ jnp.linalg.solve(fraction, stream(ell, 1)), None

    mixing = (last + 1) / 2 * slope
    end = jnp.diag(rates[-1] + jnp.sqrt(rates[-1] ** 2 + mixing**2)) / 2
    fraction, _ = jax.lax.scan(down, end, (order[1:-1], rates[1:-1]), reverse=True)
    return fraction, stream(order[0], 1), stream(order[0], -1)


def _coupling(ell):
    """Return a_l: mu p_l = a_(l+1) p_(l+1) + a_l p_(l-1)."""
    return ell / jnp.sqrt(4 * ell**2 - 1)


def _last_order(b) -> int:
    """Return L: balanced with the points, since l dB/dx and d/dx mix alike."""
    return 2 * (b.shape[0] - 1)


def _derivative(n: int) -> np.ndarray:
    """Return the matrix of d/dx of n values of a wave of period 1; n odd."""
    apart = np.subtract.outer(np.arange(n), np.arange(n))
    sine = np.where(apart == 0, 1, np.sin(np.pi * apart / n))
    return np.where(apart == 0, 0, np.pi * (-1.0) ** apart / sine)
