"""Moments and samples of a posterior whose shape is not Gaussian, by importance sampling."""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from jaxcr.arrays import Scalar

TAIL = 5
"""Degrees of freedom of the proposal: its tails fall slower than those of any posterior here."""

_ROUNDS = 4
WIDENING = 1.3
_BATCH = 64


class Posterior(eqx.Module):
    """Weighted samples of a posterior and their moments.

    Attributes
    ----------
    mean, covariance
        Posterior mean ``(parameter,)`` and covariance.
    samples, weights
        Points ``(sample, parameter)`` and their weights, which sum to one.
    effective_samples
        How many independent samples they are worth.
    """

    mean: Float[Array, " parameter"]
    covariance: Float[Array, "parameter parameter"]
    samples: Float[Array, "sample parameter"]
    weights: Float[Array, " sample"]
    effective_samples: Scalar

    @property
    def errors(self) -> Float[Array, " parameter"]:
        """Posterior standard deviations."""
        return jnp.sqrt(jnp.diagonal(self.covariance))

    def quantiles(self, levels: tuple[float, ...]) -> Float[Array, "level parameter"]:
        """Return the values below which these shares of the posterior lie."""

        def one(values):
            order = jnp.argsort(values)
            below = jnp.cumsum(self.weights[order]) - self.weights[order] / 2
            return jnp.interp(jnp.array(levels), below, values[order])

        return jax.vmap(one, in_axes=1, out_axes=1)(self.samples)


def sample_posterior(
    log_density: Callable[[Float[Array, " parameter"], Any], Scalar],
    args: Any,
    *,
    mean: Float[Array, " parameter"],
    covariance: Float[Array, "parameter parameter"],
    lower: Float[Array, " parameter"],
    upper: Float[Array, " parameter"],
    key: Key[Array, ""],
    num_samples: int = 2048,
) -> Posterior:
    """Return the posterior within its bounds by adaptive importance sampling.

    Parameters
    ----------
    log_density
        ``(values, args)`` to the log posterior, up to a constant; called within the bounds only.
    mean, covariance
        First guess: best fit and inverse Fisher matrix.
    lower, upper
        Bounds ``(parameter,)``.
    num_samples
        Samples of every round; those of the last one are returned.

    Notes
    -----
    Four rounds of draws from a Student distribution, each with the weighted moments of the round
    before. ``effective_samples`` is 1 / sum(weights²), which also tells whether it went well: the
    error of the mean is the posterior's over its root. Source: Cappé et al., J. Comput. Graph.
    Stat. 13 (2004) 907.
    """
    floor = jnp.diag(((upper - lower) * 1e-3) ** 2)
    covariance = 2 * covariance
    for round_key in jax.random.split(key, _ROUNDS):
        posterior = _round(
            log_density, args, mean, covariance, lower, upper, round_key, num_samples
        )
        mean, covariance = posterior.mean, WIDENING * posterior.covariance + floor
    return posterior


@eqx.filter_jit
def _round(log_density, args, mean, covariance, lower, upper, key, num_samples) -> Posterior:
    """Draw, weigh, and return the moments."""
    of_normal, of_scale = jax.random.split(key)
    normal = jax.random.normal(of_normal, (num_samples, mean.size), mean.dtype)
    scale = jax.random.chisquare(of_scale, float(TAIL), (num_samples,), mean.dtype) / TAIL
    steps = normal / jnp.sqrt(scale)[:, None]
    return weigh_steps(
        lambda x: log_density(x, args), steps, mean, covariance, lower, upper, batch_size=_BATCH
    )


def weigh_steps(
    log_density: Callable[[Float[Array, " parameter"]], Scalar],
    steps: Float[Array, "sample parameter"],
    mean: Float[Array, " parameter"],
    covariance: Float[Array, "parameter parameter"],
    lower: Float[Array, " parameter"],
    upper: Float[Array, " parameter"],
    *,
    batch_size: int,
) -> Posterior:
    """Return the weighted samples of a Student proposal, from its steps in units of its width.

    The steps have ``TAIL`` degrees of freedom; samples outside the bounds have no weight.
    """
    samples = mean[None] + steps @ jnp.linalg.cholesky(covariance).T
    log_proposal = -(TAIL + mean.size) / 2 * jnp.log1p(jnp.sum(steps**2, axis=1) / TAIL)
    inside = jnp.all((samples > lower[None]) & (samples < upper[None]), axis=1)
    samples = jnp.clip(samples, lower[None], upper[None])
    target = jax.lax.map(log_density, samples, batch_size=batch_size)
    log_weights = jnp.where(inside & jnp.isfinite(target), target - log_proposal, -jnp.inf)
    weights = jax.nn.softmax(log_weights)
    mean = weights @ samples
    away = samples - mean[None]
    return Posterior(
        mean, (weights[:, None] * away).T @ away, samples, weights, 1 / jnp.sum(weights**2)
    )
