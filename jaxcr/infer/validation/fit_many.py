"""Fit many data sets with one compiled program: best fit and posterior of each."""

import operator

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key

from jaxcr.arrays import argument_error
from jaxcr.infer.likelihood import Problem, fisher_matrix, log_posterior, posterior_residuals
from jaxcr.infer.posterior.importance import TAIL, WIDENING, weigh_steps
from jaxcr.observed.data import SpectrumData

_EXPLORING, _KEPT, _STEPS = 8, 4, 30
"""Steps from every start, how many of their ends go on, and steps from those."""

_FLOOR = 1e-6
"""Least curvature by an angle that damping counts with: at a bound the slope by it is 0."""

_TOGETHER = 16
"""Data sets side by side: small arrays are slower, larger ones take more memory."""

_ROUNDS, _BATCH = 3, 256
"""Of the proposal: a round less than ``sample_posterior``."""

_FLOOR_SHARE = 0.1
"""Of the inverse Fisher matrix, added to each covariance: a round with few samples recovers."""


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
        Of each posterior, ``(dataset,)``.
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
        have many minima: 256 starts for the mirror ratio from C_1 ... C_24 of a trap.

    Raises
    ------
    ValueError
        When the data sets do not have the same multipoles.

    Notes
    -----
    Sixteen data sets side by side, in a program that is compiled once for any number of them.
    """
    template, stacked = _stacked(data)
    starts = problem.parameters.starts(num_starts)
    angles = jax.vmap(problem.parameters.free)(starts)
    problem = eqx.tree_at(lambda p: p.data, problem, template)
    keys = jax.random.split(key, len(data))
    # whole groups, the last filled up with the first data sets: one program for any number
    num = len(data)
    rows = (np.arange(-(-num // _TOGETHER) * _TOGETHER) % num).reshape(-1, _TOGETHER)
    grouped = jax.tree.map(lambda x: x[rows], (stacked, planted, keys))
    parts = [
        _fit_group(problem, *jax.tree.map(operator.itemgetter(i), grouped), angles, num_samples)
        for i in range(len(rows))
    ]
    return jax.tree.map(lambda *x: jnp.concatenate(x)[:num], *parts)


def _stacked(data: list[SpectrumData]):
    """Return one data set without its label, and the numbers of all."""
    first = data[0]
    for other in data:
        if not np.array_equal(np.asarray(first.ell), np.asarray(other.ell)):
            raise argument_error(
                "fit_many: data",
                expected=f"the multipoles {np.asarray(first.ell).tolist()} in every data set",
                got=np.asarray(other.ell).tolist(),
                remedy="Select the multipoles that all have.",
            )
    numbers = [
        jnp.stack([jnp.asarray(getattr(d, name)) for d in data])
        for name in ("c_ell", "log_error", "noise")
    ]
    return first, tuple(numbers)


@eqx.filter_jit
def _fit_group(problem, stacked, planted, keys, angles, num_samples) -> ManyFits:
    """Fit data sets side by side."""

    def one(row):
        numbers, truth, key = row
        own = eqx.tree_at(
            lambda p: (p.data.c_ell, p.data.log_error, p.data.noise), problem, numbers
        )
        best, cost = _best(own, angles)
        mean, errors, samples, weights = _samples(own, best, key, num_samples)
        free = np.flatnonzero(own.parameters.is_free)
        below = (samples < truth[free][None]).astype(truth.dtype)
        return best[free], mean, errors, weights @ below, cost, 1 / jnp.sum(weights**2)

    return ManyFits(*jax.vmap(one)((stacked, planted, keys)))


def _best(problem: Problem, angles: Float[Array, "start free"]):
    """Return the values of least cost among all starts, and that cost.

    Levenberg-Marquardt with a fixed number of steps: it compiles in a tenth of the time that a
    solver with stopping rules takes. All starts run side by side, the best of them to the end.
    """

    def residuals(u):
        r = posterior_residuals(problem, problem.parameters.bounded(u))
        return r, r

    def step(state, _):
        (trial, damping), kept = state
        slopes, r = jax.jacfwd(residuals, has_aux=True)(trial)
        cost = jnp.sum(r**2)
        better = cost < kept[0]
        new = cost, trial, slopes.T @ slopes, slopes.T @ r
        kept = jax.tree.map(lambda a, b: jnp.where(better, a, b), new, kept)
        _, u, normal, gradient = kept
        damping = jnp.clip(jnp.where(better, damping / 5, damping * 4), 1e-9, 1e9)
        damped = normal + damping * jnp.diag(jnp.diagonal(normal) + _FLOOR)
        return ((u - jnp.linalg.solve(damped, gradient), damping), kept), None

    def search(length):
        def one(u):
            nothing = jnp.asarray(jnp.inf, u.dtype), u, jnp.eye(u.size, dtype=u.dtype), 0 * u
            first = (u, jnp.asarray(5e-2, u.dtype)), nothing
            (_, (cost, u, _, _)), _ = jax.lax.scan(step, first, length=length)
            return cost, u

        return jax.vmap(one)

    costs, ends = search(_EXPLORING)(angles)
    costs, ends = search(_STEPS)(ends[jnp.argsort(costs)[:_KEPT]])
    best = jnp.argmin(costs)
    return problem.parameters.bounded(ends[best]), costs[best]


def _samples(problem: Problem, best: Float[Array, " parameter"], key, num_samples: int):
    """Return weighted samples of the free parameters: three rounds of a Student proposal.

    As ``sample_posterior``, with the rounds in a scan, so that one of them is compiled.
    """
    parameters = problem.parameters
    where = np.flatnonzero(parameters.is_free)
    lower, upper = parameters.lower[where], parameters.upper[where]
    # a parameter without information must not make the guess infinite
    fisher = fisher_matrix(problem, best)[where][:, where] + jnp.diag(1 / (upper - lower) ** 2)
    first_guess = jnp.linalg.inv(fisher)

    def log_density(free_values):
        return log_posterior(problem, parameters.fill(free_values))

    def one_round(state, key):
        mean, covariance, *_ = state
        normal = jax.random.normal(key, (num_samples, mean.size + TAIL), mean.dtype)
        normal, others = normal[:, : mean.size], normal[:, mean.size :]
        # chi-squared over its degrees of freedom, as the mean of squares
        steps = normal / jnp.sqrt(jnp.mean(others**2, axis=1))[:, None]
        batch = min(_BATCH, num_samples)
        found = weigh_steps(log_density, steps, mean, covariance, lower, upper, batch_size=batch)
        covariance = WIDENING * found.covariance + _FLOOR_SHARE * first_guess
        return (found.mean, covariance, found.samples, found.weights, found.covariance), None

    first = (
        best[where],
        2 * first_guess,
        jnp.zeros((num_samples, where.size), best.dtype),
        jnp.zeros(num_samples, best.dtype),
        jnp.zeros((where.size, where.size), best.dtype),
    )
    mean, _, samples, weights, own = jax.lax.scan(one_round, first, jax.random.split(key, _ROUNDS))[
        0
    ]
    return mean, jnp.sqrt(jnp.diagonal(own)), samples, weights
