"""Moments and samples of a posterior whose shape is not Gaussian, by importance sampling."""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from jaxcr.arrays import Scalar
from jaxcr.infer.likelihood.base import jit_untitled

TAIL = 5
"""Degrees of freedom of the proposal: its tails fall slower than those of any posterior here."""

FEW = 0.1
"""Share of effective samples below which more rounds are drawn."""

_ROUNDS, _MOST_ROUNDS = 4, 12
_WIDENING = 1.3
_BATCH = 64

_LEAST = 20
"""Effective samples for each parameter from which a proposal is adapted."""

_HALVINGS = 20
"""Of the exponent that flattens weights: to a millionth."""


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


class Proposal(eqx.Module):
    """Mixture of Student distributions, one for each mode.

    Attributes
    ----------
    shares
        Of the samples, ``(mode,)``; they sum to one.
    means, covariances
        Centres ``(mode, parameter)`` and squared widths.
    """

    shares: Float[Array, " mode"]
    means: Float[Array, "mode parameter"]
    covariances: Float[Array, "mode parameter parameter"]


def sample_posterior(
    log_density: Callable[[Float[Array, " parameter"], Any], Scalar],
    args: Any,
    *,
    mean: Float[Array, "*mode parameter"],
    covariance: Float[Array, "*mode parameter parameter"],
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
        First guess: best fit and inverse Fisher matrix; of every optimum, when there are several.
    lower, upper
        Bounds ``(parameter,)``.
    num_samples
        Samples of every round; those of the last one are returned.

    Notes
    -----
    Four rounds of draws from a mixture of Student distributions, one for each optimum; up to
    twelve while fewer than a tenth of the samples are effective. ``effective_samples`` is
    1 / sum(weights²): the error of the mean is the posterior's over its root. A mode far from
    every optimum given stays unseen, and no number tells. Source: Cappé et al., Stat. Comput. 18
    (2008) 447.
    """
    means = mean.reshape(-1, mean.shape[-1])
    covariances = covariance.reshape(-1, *covariance.shape[-2:])
    return _rounds(log_density, args, means, covariances, lower, upper, key, num_samples)


@jit_untitled
def _rounds(log_density, args, means, covariances, lower, upper, key, num_samples) -> Posterior:
    """Draw and adapt until enough samples are effective."""

    def target(x):
        return log_density(x, args)

    def wanted(state):
        number, posterior, _ = state
        few = posterior.effective_samples < FEW * num_samples
        return (number < _ROUNDS) | (few & (number < _MOST_ROUNDS))

    def one(state):
        number, _, proposal = state
        normal = jax.random.normal(
            jax.random.fold_in(key, number), (num_samples, lower.size + TAIL), lower.dtype
        )
        return (number + 1, *next_round(target, normal, proposal, lower, upper, _BATCH))

    # A mode alone has all of the samples, whatever its height.
    heights = jax.lax.map(target, means) if len(means) > 1 else jnp.zeros(1, means.dtype)
    first = first_proposal(heights, means, covariances)
    empty = jax.tree.map(
        lambda x: jnp.zeros(x.shape, x.dtype),
        eqx.filter_eval_shape(one, (0, None, first))[1],
    )
    return jax.lax.while_loop(wanted, one, (0, empty, first))[1]


def first_proposal(
    log_heights: Float[Array, " mode"],
    means: Float[Array, "mode parameter"],
    covariances: Float[Array, "mode parameter parameter"],
) -> Proposal:
    """Return the proposal of a first round from optima, their log densities and covariances.

    Each is twice as wide as its Gaussian and has the root of its weight, as that of a mode
    which is not Gaussian may be more.
    """
    log_weights = log_heights + jnp.linalg.slogdet(covariances)[1] / 2
    lowest = jnp.finfo(log_weights.dtype).min
    shares = jax.nn.softmax(jnp.where(jnp.isfinite(log_weights), log_weights / 2, lowest))
    return Proposal(shares, means, 2 * covariances)


def next_round(
    log_density: Callable[[Float[Array, " parameter"]], Scalar],
    normal: Float[Array, "sample number"],
    proposal: Proposal,
    lower: Float[Array, " parameter"],
    upper: Float[Array, " parameter"],
    batch_size: int,
) -> tuple[Posterior, Proposal]:
    """Return the weighted samples of a proposal, and the proposal adapted to them.

    Parameters
    ----------
    normal
        Normal numbers: a column for each parameter, and ``TAIL`` more for the tails.
    """
    samples, log_parts = _draws(proposal, normal)
    inside = jnp.all((samples > lower[None]) & (samples < upper[None]), axis=1)
    samples = jnp.clip(samples, lower[None], upper[None])
    target = jax.lax.map(log_density, samples, batch_size=batch_size)
    log_weights = target - jax.nn.logsumexp(log_parts, axis=1)
    log_weights = jnp.where(inside & jnp.isfinite(target), log_weights, -jnp.inf)
    weights = jax.nn.softmax(log_weights)
    mean = weights @ samples
    away = samples - mean[None]
    posterior = Posterior(
        mean, (weights[:, None] * away).T @ away, samples, weights, 1 / jnp.sum(weights**2)
    )
    return posterior, _adapted(proposal, samples, log_weights, log_parts)


def _draws(proposal: Proposal, normal: Float[Array, "sample number"]):
    """Return samples, and the log density of every mode's part at each, up to a constant."""
    num, size = normal.shape[0], proposal.means.shape[1]
    # chi-squared over its degrees of freedom, as the mean of squares
    scale = jnp.sqrt(jnp.mean(normal[:, size:] ** 2, axis=1))
    steps = normal[:, :size] / scale[:, None]
    # shares of the samples, not chances: no noise from how many fall to each mode
    below = jnp.cumsum(proposal.shares)
    places = (jnp.arange(num, dtype=below.dtype) + 0.5) / num
    mode = jnp.searchsorted(below / below[-1], places)
    factors = jnp.linalg.cholesky(proposal.covariances)
    samples = proposal.means[mode] + jnp.einsum("sij,sj->si", factors[mode], steps)

    # triangular solves of all samples take a hundred times longer than these products
    inverses = jnp.linalg.inv(factors)
    away = samples[None] - proposal.means[:, None]
    squares = jnp.sum(jnp.einsum("kij,ksj->ksi", inverses, away) ** 2, axis=2)
    log_volumes = jnp.linalg.slogdet(inverses)[1]
    log_parts = jnp.log(proposal.shares) + log_volumes
    return samples, log_parts[None] - (TAIL + size) / 2 * jnp.log1p(squares.T / TAIL)


def _adapted(proposal: Proposal, samples, log_weights, log_parts) -> Proposal:
    """Return the mixture with the moments of each mode's own samples.

    Those of few samples go only part of the way, as if the old ones were of one sample.
    """
    weights = _flattened(log_weights, min(_LEAST * samples.shape[1], len(samples) // 4))
    parts = weights[:, None] * jax.nn.softmax(log_parts, axis=1)
    shares = jnp.sum(parts, axis=0)
    parts = parts / jnp.where(shares > 0, shares, 1)[None]
    squares = jnp.sum(parts**2, axis=0)
    trust = jnp.where(squares > 0, 1 / (1 + squares), 0)
    means = parts.T @ samples

    def covariance(own, mean):
        away = samples - mean[None]
        return (own[:, None] * away).T @ away

    own = _WIDENING * jax.vmap(covariance, in_axes=(1, 0))(parts, means)
    old = 1 - trust
    return Proposal(
        shares,
        trust[:, None] * means + old[:, None] * proposal.means,
        trust[:, None, None] * own + old[:, None, None] * proposal.covariances,
    )


def _flattened(log_weights: Float[Array, " sample"], least: int) -> Float[Array, " sample"]:
    """Return weights to the largest power up to 1 that leaves enough effective samples."""

    def raised(power):
        return jax.nn.softmax(power * log_weights)

    def halve(_, bounds):
        low, high = bounds
        middle = (low + high) / 2
        enough = 1 / jnp.sum(raised(middle) ** 2) >= least
        return jnp.where(enough, middle, low), jnp.where(enough, high, middle)

    whole = jnp.ones((), log_weights.dtype)
    power = jax.lax.fori_loop(0, _HALVINGS, halve, (1e-6 * whole, whole))[0]
    weights = raised(whole)
    return jnp.where(1 / jnp.sum(weights**2) >= least, weights, raised(power))
