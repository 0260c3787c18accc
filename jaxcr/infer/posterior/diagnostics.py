"""Whether Markov chains have converged: split R-hat, effective sizes, a summary, arviz."""

from typing import Any

import numpy as np
from jaxtyping import Float

from jaxcr.infer.posterior.extra import bayes_package
from jaxcr.infer.posterior.nuts import Chains

_LARGEST_R_HAT = 1.01
"""Vehtari et al. (2021), section 4."""


def split_r_hat(chains: Chains) -> Float[np.ndarray, " free"]:
    """Return the rank-normalised split R-hat of every free parameter; 1 for converged chains.

    Source: Vehtari et al., Bayesian Anal. 16 (2021) 667, by arviz.
    """
    return _by_parameter(chains, "rhat")


def effective_sizes(chains: Chains) -> Float[np.ndarray, " free"]:
    """Return how many independent draws those of every free parameter are worth, in the bulk."""
    return _by_parameter(chains, "ess")


def to_arviz(chains: Chains) -> Any:
    """Return an ``arviz.InferenceData`` of the free parameters and the sampler's statistics.

    Raises
    ------
    ImportError
        Without arviz, with the line that installs it.
    """
    arviz = bayes_package("arviz")
    return arviz.from_dict(
        posterior=_draws(chains),
        sample_stats={
            "lp": np.asarray(chains.log_densities),
            "diverging": np.asarray(chains.divergent),
            "n_steps": np.asarray(chains.num_steps),
        },
    )


def summary(chains: Chains) -> str:
    """Return a table of mean, error, quantiles, R-hat and effective size of every free parameter.

    R-hat above 1.01 is flagged, and so are divergent draws.
    """
    rows = [
        f"{'parameter':14}{'mean':>10}{'sd':>9}{'16 %':>10}{'50 %':>10}{'84 %':>10}"
        f"{'R-hat':>8}{'ESS':>7}"
    ]
    r_hats, sizes = split_r_hat(chains), effective_sizes(chains)
    for (name, draws), r_hat, size in zip(_draws(chains).items(), r_hats, sizes, strict=True):
        low, middle, high = np.quantile(draws, (0.16, 0.5, 0.84))
        rows.append(
            f"{name:14}{draws.mean():10.4g}{draws.std():9.3g}{low:10.4g}{middle:10.4g}{high:10.4g}"
            f"{r_hat:8.3f}{size:7.0f}"
            + ("" if r_hat <= _LARGEST_R_HAT else f"  R-hat above {_LARGEST_R_HAT}: draw more")
        )
    num_divergent = int(np.sum(np.asarray(chains.divergent)))
    if num_divergent:
        rows.append(f"{num_divergent} divergent draws: raise target_acceptance, or mistrust edges")
    return "\n".join(rows)


def _draws(chains: Chains) -> dict[str, Float[np.ndarray, "chain draw"]]:
    """Return the draws of the free parameters by name."""
    samples = np.asarray(chains.samples)
    return {name: samples[:, :, chains.names.index(name)] for name in chains.free_names}


def _by_parameter(chains: Chains, name: str) -> Float[np.ndarray, " free"]:
    """Return a statistic of arviz for every free parameter."""
    statistic = getattr(bayes_package("arviz"), name)
    return np.array([float(statistic(draws)) for draws in _draws(chains).values()])
