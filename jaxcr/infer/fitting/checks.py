"""What is looked at before a fit: freedom, noise, the start, what nothing constrains."""

import jax
import numpy as np
from jaxtyping import Array, Float

from jaxcr.arrays import Scalar
from jaxcr.checks import argument_error, check_finite, check_one_of, check_range
from jaxcr.infer.fitting.directions import data_information, prior_information, weights_text
from jaxcr.infer.likelihood import Problem
from jaxcr.infer.likelihood.base import jit_untitled
from jaxcr.infer.likelihood.problem import look
from jaxcr.infer.parameters import Flat
from jaxcr.observed import SpectrumData

_LEAST_INFORMATION = 1e-6
"""Of data and prior about a combination, in units of the range of the parameters."""

_SKIES_BEYOND = 4
"""Skies beyond the multipoles from which on errors of parameters have a finite mean (Percival)."""

_SIGNIFICANCE = 3.0
_LOOKS = 3


def check_problem(problem: Problem, starts: Float[Array, "start parameter"]) -> tuple[str, ...]:
    """Return warnings about a problem, one line each.

    Raises
    ------
    ValueError
        Without float64; when every parameter is fixed; when parameters of flat priors outnumber
        the multipoles; when all multipoles lie under the noise; when there are not more simulated
        skies than multipoles; when the posterior at the first
        start is not a number, with that point; when neither data nor prior tell a combination of
        parameters at any of the first three starts, with that combination.
    """
    _check_float64()
    _check_freedom(problem)
    _check_noise(problem.data)
    _check_simulations(problem, starts[0])
    _check_start(problem, starts[0])
    _check_identified(problem, starts[:_LOOKS])
    num_free, num_ell = len(problem.parameters.free_names), problem.data.ell.size
    if num_free <= num_ell:
        return ()
    return (
        f"{num_free} free parameters from {num_ell} multipoles: priors decide at least "
        f"{num_free - num_ell} of them",
    )


def _check_float64() -> None:
    enabled, remedy = jax.config.jax_enable_x64, 'jax.config.update("jax_enable_x64", True) first.'
    check_one_of("fit: jax_enable_x64", enabled, [True], remedy=remedy)


def _check_freedom(problem: Problem) -> None:
    free = [p for p in problem.parameters.parameters if not p.fixed]
    check_range("fit: number of free parameters", len(free), 1, remedy="See with_free(name).")
    flat = [p.name for p in free if isinstance(p.prior, Flat)]
    most, remedy = problem.data.ell.size, f"Fix some of {', '.join(flat)}, or give them priors."
    check_range("fit: number of parameters of flat prior", len(flat), 0, most, remedy=remedy)


def _check_noise(data: SpectrumData) -> None:
    """Refuse data with no multipole above three sigma of the noise."""
    signal = np.asarray(data.total()) - np.asarray(data.noise)
    sigma = np.asarray(data.noise) * np.sqrt(2 / (2 * np.asarray(data.ell) + 1))
    bright = np.count_nonzero(~(signal < _SIGNIFICANCE * sigma))
    check_range(f"fit: C_l above {_SIGNIFICANCE:g} sigma", bright, 1, remedy="Average more skies.")


def _check_simulations(problem: Problem, start: Float[Array, " parameter"]) -> None:
    """Refuse a covariance of so few skies that its inverse means nothing."""
    num, num_ell = float(num_simulations(problem, start)), problem.data.ell.size
    if not num > num_ell + _SKIES_BEYOND:
        raise argument_error(
            "fit: independent simulated skies",
            expected=f"more than {num_ell + _SKIES_BEYOND}",
            got=f"{num:g}",
            remedy=f"Simulate more, or fit fewer multipoles than these {num_ell}.",
        )


@jit_untitled
def num_simulations(problem: Problem, values: Float[Array, " parameter"]) -> Scalar:
    """Return how many independent skies the model's covariance was estimated from."""
    return problem.model.predict(values, problem.data).num_simulations


def _check_start(problem: Problem, start: Float[Array, " parameter"]) -> None:
    density = float(look(problem, start).log_posterior)
    check_finite(
        f"fit: ln posterior at {point_text(problem, start)}", density, remedy="Move the start."
    )


def _check_identified(problem: Problem, starts: Float[Array, "start parameter"]) -> None:
    """Refuse a combination of parameters that neither data nor prior tell at any start."""
    weakest = None
    for start in starts:
        information = data_information(problem, start) + prior_information(problem.parameters)
        if not np.all(np.isfinite(information)):
            continue
        values, vectors = np.linalg.eigh(information)
        if values[0] > max(_LEAST_INFORMATION, 1e-12 * values[-1]):
            return
        weakest = vectors[:, 0] if weakest is None else weakest
    if weakest is None:
        return
    sigmas = problem.parameters.prior_sigmas[problem.parameters.is_free]
    raise argument_error(
        "fit: free parameters",
        expected="each combination of them told by the data or by a prior",
        got=f"no information on {weights_text(problem.parameters.free_names, weakest / sigmas)}",
        remedy="Fix one of them, or give it a prior.",
    )


def point_text(problem: Problem, values: Float[Array, " parameter"]) -> str:
    """Return a point as messages print it."""
    named = problem.parameters.by_name(values)
    return ", ".join(f"{name} = {value:.6g}" for name, value in named.items())
