"""Fit many data sets with one compiled program: best fit and posterior of each."""

import operator
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key

from jaxcr.checks import check_one_of
from jaxcr.infer.likelihood import Problem, fisher_matrix, log_posterior
from jaxcr.infer.likelihood.base import jit_untitled
from jaxcr.infer.posterior.importance import FEW, TAIL, Proposal, first_proposal, next_round
from jaxcr.infer.validation.optima import find_optima
from jaxcr.observed.data import SpectrumData

_TOGETHER = 16
"""Data sets side by side: small arrays are slower, larger ones take more memory."""

_ROUNDS, _BATCH = 3, 256
"""Of the proposal: a round less than ``sample_posterior``."""

_TRIES, _AGAIN = 3, 4
"""Times that these rounds are drawn at most while effective samples are few; then so many data
sets side by side: a group that is filled up costs as much as a whole one."""


class ManyFits(eqx.Module):
    """Posteriors of many data sets.

    Attributes
    ----------
    best, means, errors
        Best fit, posterior mean and standard deviation of the free parameters,
        ``(dataset, free)``.
    ranks
        Share of the posterior below the planted value, ``(dataset, free)``.
    costs
        -2 ln posterior of the best fit, ``(dataset,)``.
    effective_samples
        Of each posterior, ``(dataset,)``: with few of them it could not be sampled.
    """

    best: Float[Array, "dataset free"]
    means: Float[Array, "dataset free"]
    errors: Float[Array, "dataset free"]
    ranks: Float[Array, "dataset free"]
    costs: Float[Array, " dataset"]
    effective_samples: Float[Array, " dataset"]


def fit_many(
    problem: Problem,
    data: list[SpectrumData],
    planted: Float[Array, "dataset parameter"],
    key: Key[Array, ""],
    *,
    num_starts: int = 4,
    num_samples: int = 1024,
) -> ManyFits:
    """Fit every data set and compare its posterior with what was planted.

    Parameters
    ----------
    problem
        Model, parameters, likelihood; its data are not used.
    data
        Data sets of the same multipoles, number of skies and kind.
    planted
        True values, for the ranks only.
    num_starts, num_samples
        Starts of Levenberg-Marquardt, and samples of each posterior. Sharp data of many multipoles
        have many minima: 512 starts for the mirror ratio from C_1 ... C_24 of a trap.

    Raises
    ------
    ValueError
        When the data sets do not have the same multipoles.

    Notes
    -----
    Sixteen data sets side by side, in programs that are compiled once for any number of them. A
    posterior has up to eight modes, all that the starts find. Where fewer than a tenth of the
    samples are effective more are drawn; see ``effective_samples`` for what that left.
    """
    template, stacked = _stacked(data)
    angles = jax.vmap(problem.parameters.free)(problem.parameters.starts(num_starts))
    problem = eqx.tree_at(lambda p: p.data, problem, template)
    best, costs, proposals = _in_groups(
        lambda x: _search_group(problem, x, angles), stacked, _TOGETHER
    )
    sets = (stacked, planted, proposals)
    moments, adapted = _sampled(problem, sets, jax.random.fold_in(key, 0), num_samples, _TOGETHER)
    for number in range(1, _TRIES):
        few = np.flatnonzero(np.asarray(moments[-1]) < FEW * num_samples)
        if not few.size:
            break
        sets = _rows((stacked, planted, adapted), few)
        again = _sampled(problem, sets, jax.random.fold_in(key, number), num_samples, _AGAIN)
        moments, adapted = _with_rows((moments, adapted), few, again)
    return ManyFits(best, *moments[:3], costs, moments[3])


def _sampled(problem: Problem, sets: tuple, key: Key[Array, ""], num_samples: int, together: int):
    """Return moments, ranks and adapted proposals of any number of data sets."""
    keys = jax.random.split(key, len(sets[1]))
    return _in_groups(lambda x: _sample_group(problem, *x, num_samples), (*sets, keys), together)


def _rows(tree: Any, rows: np.ndarray) -> Any:
    """Return these rows of every array."""
    return jax.tree.map(operator.itemgetter(rows), tree)


def _with_rows(tree: Any, rows: np.ndarray, new: Any) -> Any:
    """Return the arrays with these rows replaced."""
    return jax.tree.map(lambda x, y: x.at[rows].set(y), tree, new)


def _in_groups(function: Callable, tree: Any, together: int) -> Any:
    """Return what a function of so many data sets side by side returns for all.

    Whole groups, the last filled up with the first data sets: one program for any number.
    """
    num = len(jax.tree.leaves(tree)[0])
    places = (np.arange(-(-num // together) * together) % num).reshape(-1, together)
    parts = [function(_rows(tree, own)) for own in places]
    return jax.tree.map(lambda *x: jnp.concatenate(x)[:num], *parts)


def _stacked(data: list[SpectrumData]):
    """Return one data set without its label, and the numbers of all."""
    first, ell = data[0], np.asarray(data[0].ell).tolist()
    for other in data:
        check_one_of("fit_many: multipoles of the data", np.asarray(other.ell).tolist(), [ell])
    numbers = [
        jnp.stack([jnp.asarray(getattr(d, name)) for d in data])
        for name in ("c_ell", "log_error", "noise")
    ]
    return first, tuple(numbers)


@jit_untitled
def _search_group(problem, stacked, angles) -> tuple[Array, Array, Proposal]:
    """Return best fits, their costs and first proposals of data sets side by side."""

    def one(numbers):
        own = _with_numbers(problem, numbers)
        optima = find_optima(own, angles)
        where, lower, upper = _free_bounds(own)
        # a parameter without information must not make the guess infinite
        least = jnp.diag(1 / (upper - lower) ** 2)
        fisher = jax.vmap(lambda v: fisher_matrix(own, v)[where][:, where])(optima.values)
        means = optima.values[:, where]
        proposal = first_proposal(-optima.costs / 2, means, jnp.linalg.inv(fisher + least[None]))
        return means[0], optima.costs[0], proposal

    return jax.vmap(one)(stacked)


@jit_untitled
def _sample_group(problem, stacked, planted, proposals, keys, num_samples):
    """Return moments, ranks and adapted proposals of data sets side by side: three rounds.

    As ``sample_posterior``, with the rounds in a scan, so that one of them is compiled.
    """

    def one(row):
        numbers, truth, proposal, key = row
        own = _with_numbers(problem, numbers)
        where, lower, upper = _free_bounds(own)

        def log_density(free_values):
            return log_posterior(own, own.parameters.fill(free_values))

        def one_round(proposal, key):
            normal = jax.random.normal(key, (num_samples, where.size + TAIL), lower.dtype)
            batch = min(_BATCH, num_samples)
            found, adapted = next_round(log_density, normal, proposal, lower, upper, batch)
            below = (found.samples < truth[where][None]).astype(lower.dtype)
            ranks = found.weights @ below
            return adapted, (found.mean, found.errors, ranks, found.effective_samples)

        proposal, rounds = jax.lax.scan(one_round, proposal, jax.random.split(key, _ROUNDS))
        return jax.tree.map(lambda x: x[-1], rounds), proposal

    return jax.vmap(one)((stacked, planted, proposals, keys))


def _with_numbers(problem: Problem, numbers: tuple[Array, ...]) -> Problem:
    """Return the problem with the numbers of another data set."""
    return eqx.tree_at(lambda p: (p.data.c_ell, p.data.log_error, p.data.noise), problem, numbers)


def _free_bounds(problem: Problem) -> tuple[np.ndarray, Array, Array]:
    """Return which parameters are free, and their bounds."""
    parameters = problem.parameters
    where = np.flatnonzero(parameters.is_free)
    return where, parameters.lower[where], parameters.upper[where]
