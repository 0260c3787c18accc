"""What is looked at before a fit: freedom, noise, the start, what nothing constrains."""

import equinox as eqx
import jax
import numpy as np
from jaxtyping import Array, Float

from jaxcr.checks import argument_error, check_finite
from jaxcr.infer.fitting.directions import data_information, prior_information, weights_text
from jaxcr.infer.likelihood import Problem, log_posterior
from jaxcr.infer.parameters import Flat
from jaxcr.observed import SpectrumData

_LEAST_INFORMATION = 1e-6
"""Of data and prior about a combination, in units of the range of the parameters."""

_SIGNIFICANCE = 3.0
_LOOKS = 3


def check_problem(problem: Problem, starts: Float[Array, "start parameter"]) -> tuple[str, ...]:
    """Return warnings about a problem, one line each.

    Raises
    ------
    ValueError
        Without float64; when every parameter is fixed; when parameters of flat priors outnumber
        the multipoles; when all multipoles lie under the noise; when the posterior at the first
        start is not a number, with that point; when neither data nor prior tell a combination of
        parameters at any of the first three starts, with that combination.
    """
    _check_float64()
    _check_freedom(problem)
    _check_noise(problem.data)
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
    if not jax.config.jax_enable_x64:
        raise argument_error(
            "fit: jax_enable_x64",
            expected="True, for covariances of C_l need float64",
            got=False,
            remedy='Call jax.config.update("jax_enable_x64", True) before all else.',
        )


def _check_freedom(problem: Problem) -> None:
    free = [p for p in problem.parameters.parameters if not p.fixed]
    if not free:
        raise argument_error(
            "fit: parameters",
            expected="at least one that is free",
            got=f"all of {', '.join(problem.parameters.names)} fixed",
            remedy="Free one with parameters.with_free(name).",
        )
    flat = [p.name for p in free if isinstance(p.prior, Flat)]
    if len(flat) > problem.data.ell.size:
        raise argument_error(
            "fit: free parameters of flat prior",
            expected=f"at most {problem.data.ell.size}, the number of multipoles",
            got=f"{len(flat)}: {', '.join(flat)}",
            remedy="Fix some, give them priors, or fit more multipoles.",
        )


def _check_noise(data: SpectrumData) -> None:
    """Refuse data with no multipole above three sigma of the noise."""
    signal = np.asarray(data.total()) - np.asarray(data.noise)
    sigma = np.asarray(data.noise) * np.sqrt(2 / (2 * np.asarray(data.ell) + 1))
    if np.all(signal < _SIGNIFICANCE * sigma):
        best = int(np.argmax(signal / sigma))
        raise argument_error(
            "fit: multipoles of the data",
            expected=f"one that rises {_SIGNIFICANCE:g} sigma above the noise",
            got=f"none: the clearest, l = {data.ell[best]}, has {signal[best] / sigma[best]:.1f}",
            remedy="Nothing but upper limits is in such data; average more skies.",
        )


def _check_start(problem: Problem, start: Float[Array, " parameter"]) -> None:
    density = float(eqx.filter_jit(log_posterior)(problem, start))
    check_finite(
        "fit: ln posterior at the start",
        density,
        expected="a finite number",
        remedy="Move the start, or the bounds, to where the model has a prediction.",
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
