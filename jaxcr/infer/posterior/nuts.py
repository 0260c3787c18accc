"""The posterior by the no-U-turn sampler of blackjax, several chains at once."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Key

from jaxcr.arrays import ScalarLike
from jaxcr.checks import check_range
from jaxcr.infer.likelihood import Problem
from jaxcr.infer.posterior.extra import bayes_package
from jaxcr.infer.posterior.importance import Posterior
from jaxcr.infer.posterior.unbounded import UnboundedPosterior, unbounded_posterior

_SPREAD = 1.5
"""Chains start this many errors about the best fit, wider than the posterior."""


class Chains(eqx.Module):
    """Samples of several Markov chains.

    Attributes
    ----------
    samples
        All parameters ``(chain, draw, parameter)``; fixed ones have one value.
    log_densities
        ln posterior with the Jacobian of the unbounded coordinates, ``(chain, draw)``.
    divergent
        Whether a step left the posterior's curve, ``(chain, draw)``: many of them mean a place
        that the sampler cannot enter.
    num_steps
        Gradients for each draw ``(chain, draw)``.
    names, free_names
        Of all parameters, and of those that move.
    """

    samples: Float[Array, "chain draw parameter"]
    log_densities: Float[Array, "chain draw"]
    divergent: Bool[Array, "chain draw"]
    num_steps: Float[Array, "chain draw"]
    names: tuple[str, ...] = eqx.field(static=True)
    free_names: tuple[str, ...] = eqx.field(static=True)

    def posterior(self) -> Posterior:
        """Return all draws with equal weights; they count by the least effective size."""
        from jaxcr.infer.posterior.diagnostics import effective_sizes

        flat = self.samples.reshape(-1, self.samples.shape[-1])
        mean = jnp.mean(flat, axis=0)
        away = flat - mean[None]
        weights = jnp.full(flat.shape[0], 1 / flat.shape[0])
        least = jnp.asarray(np.min(effective_sizes(self)))
        return Posterior(mean, away.T @ away / flat.shape[0], flat, weights, least)


def sample_nuts(
    problem: Problem,
    values: Float[Array, " parameter"],
    *,
    key: Key[Array, ""],
    num_samples: int = 1000,
    num_chains: int = 4,
    num_warmup: int = 400,
    target_acceptance: ScalarLike = 0.8,
) -> Chains:
    """Return samples of the posterior of the free parameters.

    Parameters
    ----------
    values
        Best fit: centre and, with the Fisher matrix there, first scale of the chains.
    num_samples, num_chains, num_warmup
        Draws kept of each chain; chains; draws before, in which step and mass are adapted.
    target_acceptance
        Higher for fewer divergences and smaller steps.

    Raises
    ------
    ImportError
        Without blackjax, with the line that installs it.
    ValueError
        With fewer than 100 draws of either kind, or fewer than two chains.

    Notes
    -----
    In logits of the values between their bounds, with the Jacobian; chains advance together.
    The covariance of the data counts as known: the Percival factor is not in the samples.
    Source: Hoffman & Gelman, JMLR 15 (2014) 1593.
    """
    bayes_package("blackjax")
    check_range("sample_nuts: num_samples", num_samples, 100)
    check_range("sample_nuts: num_warmup", num_warmup, 100, remedy="The step needs draws to adapt.")
    check_range("sample_nuts: num_chains", num_chains, 2, remedy="R-hat compares chains.")
    target = unbounded_posterior(problem, values)
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        points, densities, divergent, steps = _chains(
            target, key, num_samples, num_chains, num_warmup, jnp.asarray(target_acceptance)
        )
    return Chains(
        points, densities, divergent, steps, problem.parameters.names, problem.parameters.free_names
    )


@eqx.filter_jit
def _chains(target: UnboundedPosterior, key, num_samples, num_chains, num_warmup, acceptance):
    """Adapt and sample all chains; blackjax mixes types and ranks as NumPy does."""
    import blackjax

    def one(key):
        of_start, of_warmup, of_samples = jax.random.split(key, 3)
        start = _SPREAD * jax.random.normal(of_start, target.center.shape, target.center.dtype)
        warmup = blackjax.window_adaptation(
            blackjax.nuts,
            target.log_density,
            is_mass_matrix_diagonal=False,
            target_acceptance_rate=acceptance,
            adaptation_info_fn=lambda *_: None,
        )
        (state, tuned), _ = warmup.run(of_warmup, start, num_steps=num_warmup)
        kernel = blackjax.nuts(target.log_density, **tuned).step

        def step(state, key):
            state, info = kernel(key, state)
            found = (target.values(state.position), state.logdensity)
            return state, (*found, info.is_divergent, info.num_integration_steps)

        keys = jax.random.split(of_samples, num_samples)
        return jax.lax.scan(step, state, keys)[1]

    points, densities, divergent, steps = jax.vmap(one)(jax.random.split(key, num_chains))
    return points, densities, divergent, steps.astype(densities.dtype)
