"""What scatters pitch angles, and the diffusion through bottles that it leaves when it is rare."""

import abc

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxcr.arrays import Scalar

_FINE_POINTS, _NODES = 4096, 200  # of the quadrature for rare scattering: error 1e-6


class PitchAngleScattering(eqx.Module):
    """How pitch angles scatter, up to the rate nu; lambda_s = v/nu for every kind."""

    @abc.abstractmethod
    def decay(self, ell: Float[Array, "..."]) -> Float[Array, "..."]:
        """Return nu_l/nu, the rate at which the Legendre coefficient of order l decays."""

    @abc.abstractmethod
    def rare_diffusion(self, log_strength: Float[Array, " point"]) -> Scalar:
        """Return D/(v lambda_s/3) for nu -> 0 in level bottles, ln B given at equal distances."""

    @abc.abstractmethod
    def scatter(self, along: Scalar, across: Scalar, chance: Scalar, draw: Scalar) -> Scalar:
        """Return the velocity along the field after a step, that before it if nothing happened.

        Parameters
        ----------
        along, across
            v along the field, and v² across it, in units where v = 1.
        chance
            nu times the step.
        draw
            A random number, uniform between 0 and 1.
        """


class IsotropisingScattering(PitchAngleScattering):
    """Each event draws a new isotropic direction (BGK): nu_l = nu for l > 0.

    Passing particles, M = (1 - mu²)/B < 1/max B, cross a bottle in T(M), the integral of
    dx/sqrt(1 - M B). A share T dM/(2 int dx/B) of all has M in dM and keeps the mean velocity
    ±lambda/T for 1/nu, which for nu -> 0 makes

        D/(v lambda_s/3) = 3 lambda² int dM/T / (2 int dx/B).
    """

    def decay(self, ell: Float[Array, "..."]) -> Float[Array, "..."]:
        """Return 1, and 0 for l = 0."""
        return jnp.minimum(ell, 1)

    def rare_diffusion(self, log_strength: Float[Array, " point"]) -> Scalar:
        """Return the limit of nu -> 0 in level bottles, by quadrature."""
        strength, _, weight, speed = _passing(log_strength)
        return 1.5 * jnp.sum(weight / jnp.mean(1 / speed, 1)) / jnp.mean(1 / strength)

    def scatter(self, along: Scalar, across: Scalar, chance: Scalar, draw: Scalar) -> Scalar:
        """Return a new isotropic mu with the probability 1 - exp(-chance)."""
        share = -jnp.expm1(-chance)
        return jnp.where(draw < share, 2 * draw / jnp.where(share > 0, share, 1) - 1, along)


class SmallAngleScattering(PitchAngleScattering):
    """Pitch angles diffuse with D_mumu = nu (1 - mu²)/2: nu_l = nu l (l + 1)/2.

    For nu -> 0 passing particles diffuse in M with the coefficient averaged over their orbit. Their
    excess to the right vanishes where they become trapped, which leaves, with P(M) the integral
    of sqrt(1 - M B) dx/B over a bottle,

        D/(v lambda_s/3) = 3 lambda² int M dM/P / (4 int dx/B),

    approached as slowly as sqrt(nu).
    """

    def decay(self, ell: Float[Array, "..."]) -> Float[Array, "..."]:
        """Return l (l + 1)/2."""
        return ell * (ell + 1) / 2

    def rare_diffusion(self, log_strength: Float[Array, " point"]) -> Scalar:
        """Return the limit of nu -> 0 in level bottles, by quadrature."""
        strength, moment, weight, speed = _passing(log_strength)
        action = jnp.mean(speed / strength, 1)
        return 0.75 * jnp.sum(weight * moment / action) / jnp.mean(1 / strength)

    def scatter(self, along: Scalar, across: Scalar, chance: Scalar, draw: Scalar) -> Scalar:
        """Return mu after a random step of variance (1 - mu²) chance."""
        energy = along**2 + across
        mu = along / jnp.sqrt(energy)
        kick = jnp.sqrt(3 * chance * across / energy) * (2 * draw - 1)
        return jnp.clip(mu * (1 - chance) + kick, -1, 1)


def _passing(log_strength):
    """Return B (1, place) and, for passing M, M and weights (node,), sqrt(1 - M B) (node, place).

    M = (1 - y⁴)/max B: Gauss nodes in y crowd where 1/T is logarithmic.
    """
    n = log_strength.shape[0]
    fine = jnp.fft.irfft(jnp.fft.rfft(log_strength), _FINE_POINTS) * (_FINE_POINTS / n)
    below = (fine - jnp.max(fine))[None]
    strength = jnp.exp(below)
    x, w = (jnp.asarray(x, strength.dtype) for x in np.polynomial.legendre.leggauss(_NODES))
    y = (1 + x) / 2
    speed = jnp.sqrt(y[:, None] ** 4 * strength - jnp.expm1(below))
    return strength, 1 - y**4, 2 * y**3 * w, speed
