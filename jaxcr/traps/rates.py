"""Closures: from traps and a scattering rate to the rates of hopping right and left."""

import abc

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxcr.arrays import Scalar, ScalarLike
from jaxcr.checks import as_float, check_positive
from jaxcr.traps.cell_problem import trap_diffusion
from jaxcr.traps.loss_cone import escape_probabilities
from jaxcr.traps.scattering import IsotropisingScattering, PitchAngleScattering
from jaxcr.traps.trap import Trap

_ISOTROPISING = IsotropisingScattering()


class Closure(eqx.Module):
    """The rule that turns escape from one trap into hops of the chain."""

    @abc.abstractmethod
    def rates(self, trap: Trap, scattering_rate: ScalarLike) -> tuple[Scalar, Scalar]:
        """Return the hop rates to the right and to the left.

        Parameters
        ----------
        trap
            The trap that is left.
        scattering_rate
            nu, scatterings per unit time (or path, c = 1).

        Returns
        -------
        ``(rate_right, rate_left)`` = (g, r), in the unit of ``scattering_rate``.
        """

    def rates_in_line(
        self, traps: Trap, scattering_rate: Float[Array, " site"]
    ) -> tuple[Float[Array, " site"], Float[Array, " site"]]:
        """Return g and r of traps in a line, a ``Trap`` of arrays (site,); each on its own."""
        return jax.vmap(self.rates)(traps, scattering_rate)


class LossCone(Closure):
    """The published partition: r = nu P_L and g = nu P_R.

    Each scattering redraws the direction; who falls into the way out through a mirror is
    counted as captured by the trap behind it.

    Notes
    -----
    Not in detailed balance: an isotropic, uniform phase-space density is no equilibrium of this
    chain. For strong mirrors g/r -> 2 B1/B2 - 1, twice the asymmetry of ``DetailedBalance``,
    because the particles reflected by the stronger mirror cross their own trap twice and would
    be caught there twice as often: V lambda/D = .440 at R = 3 and B1/B2 = 1.25, where guiding
    centres have .221 ± .001. Its times are as wrong as those of ``DetailedBalance``. It also
    needs scattering by large angles: with small-angle scattering alone every particle leaves
    through the weaker mirror.
    Source: Medvedev & Medvedev 2015, arXiv:1504.03914.
    """

    def rates(self, trap: Trap, scattering_rate: ScalarLike) -> tuple[Scalar, Scalar]:
        """Return (nu P_R, nu P_L)."""
        escape = escape_probabilities(trap)
        return scattering_rate * escape.right, scattering_rate * escape.left


class DetailedBalance(Closure):
    """The total rate of the loss cones, g + r = nu (1 - P_trapped), split as g/r = B1/B2.

    In a static field, scattering that keeps the energy leaves a uniform, isotropic phase-space
    density alone (Liouville). A trap then holds particles in proportion to its flux-tube volume,
    1/B, and no net flux between self-similar traps means g/r = B1/B2 exactly.

    Notes
    -----
    This is the only closure here for which that density is stationary, so that a gradient of
    the field alone makes no anisotropy; ``LossCone`` doubles the drift. Right are drift over
    diffusion and the shape of every steady density; drift, diffusion, fluxes and times are not:
    hops over several traps and the time of flight are missing. At R = 3 D is .003, .025, .28, 2.5
    of v lambda_s/3 for nu lambda/v = .1, .3, 1, 3, where guiding centres that isotropising events
    scatter have .64, .64, .66, .74 (``PitchAngleClosure``).
    Both rates have a kink where B1 = B2; their ratio has none.
    Source: detailed balance; the continuum limit is adiabatic focusing,
    flux = -D (dn/dx + n dlnB/dx).
    """

    def rates(self, trap: Trap, scattering_rate: ScalarLike) -> tuple[Scalar, Scalar]:
        """Return nu (1 - P_trapped) times (B1, B2) / (B1 + B2)."""
        escape = escape_probabilities(trap)
        total = scattering_rate * (escape.left + escape.right)
        to_right = 1 / (1 + trap.right_mirror / trap.left_mirror)
        to_left = 1 / (1 + trap.left_mirror / trap.right_mirror)
        return total * to_right, total * to_left

    def rates_in_line(
        self, traps: Trap, scattering_rate: Float[Array, " site"]
    ) -> tuple[Float[Array, " site"], Float[Array, " site"]]:
        """Return rates with g_j w_j = r_{j+1} w_{j+1}, where w ~ 1/B0 is the volume of a trap."""
        return balanced_in_line(self, traps, scattering_rate)


class PitchAngleClosure(Closure):
    """The chain with the drift and the steady states of guiding centres, at any scattering rate.

    V = k D_f from the pitch-angle equation in bottles ln B = (depth/2) cos(2 pi x/length) - k x,
    and g/r = B1/B2 by time reversal, so that

        g = (V/length)/(1 - e^(-k length)),  r = (V/length)/(e^(k length) - 1);

    both are D_f/length² where k = 0.

    Parameters
    ----------
    length
        Of a bottle, in the unit of path that ``scattering_rate`` is per: pc.
    scattering
        ``IsotropisingScattering()`` or ``SmallAngleScattering()``.

    Raises
    ------
    ValueError
        If a known length is not positive; ``rates`` raises as `bottle_transport` does.

    Notes
    -----
    Steady states are exact, fluxes and escape times those of guiding centres as long as many
    bottles are to be crossed. D of the chain, length² (g + r)/2, is that of guiding centres to 2 %
    where ln(B1/B2) = .25 and nu length = 1; 17 % low at .3 of isotropising events.
    """

    length: Scalar
    scattering: PitchAngleScattering

    def __init__(self, length: ScalarLike, scattering: PitchAngleScattering = _ISOTROPISING):
        self.length = as_float(check_positive("PitchAngleClosure: length", length))
        self.scattering = scattering

    def rates(self, trap: Trap, scattering_rate: ScalarLike) -> tuple[Scalar, Scalar]:
        """Return D_f/length² times x/(2 sinh(x/2)) exp(±x/2), x = ln(B1/B2)."""
        steady = trap_diffusion(
            "PitchAngleClosure", trap, self.length, scattering_rate, self.scattering
        )
        half = trap.gradient / 2
        small = jnp.abs(half) < 1e-3  # the next term of the series: 2e-14
        safe = jnp.where(small, 1, half)
        mean = steady / self.length.astype(steady.dtype) ** 2
        mean = mean * jnp.where(small, 1 - half**2 / 6, safe / jnp.sinh(safe))
        return mean * jnp.exp(half), mean * jnp.exp(-half)

    def rates_in_line(
        self, traps: Trap, scattering_rate: Float[Array, " site"]
    ) -> tuple[Float[Array, " site"], Float[Array, " site"]]:
        """Return rates in detailed balance, as ``DetailedBalance`` has them."""
        return balanced_in_line(self, traps, scattering_rate)


def balanced_in_line(
    closure: Closure, traps: Trap, scattering_rate: Float[Array, " site"]
) -> tuple[Float[Array, " site"], Float[Array, " site"]]:
    """Return rates with g_j w_j = r_{j+1} w_{j+1}, w ~ 1/B0, from a closure with g/r = B1/B2.

    Both sides of a mirror have an opinion of the exchange through it; where traps differ,
    their geometric mean is taken.
    """
    right, left = jax.vmap(closure.rates)(traps, scattering_rate)
    exchange = jnp.sqrt(right[:-1] * left[1:])
    widening = jnp.sqrt(traps.minimum[:-1] / traps.minimum[1:])
    return (
        jnp.concatenate([exchange * widening, right[-1:]]),
        jnp.concatenate([left[:1], exchange / widening]),
    )
