"""The text that a fit prints and saves, and its numbers."""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxcr.cli.output import quantity
from jaxcr.infer import (
    CONSTRAINED,
    FitResult,
    GradientReport,
    PathSystematic,
    Problem,
    data_directions,
)

_WEAK = 0.9
"""Error over width of the prior from which a parameter only repeats it."""

_FEW_FIELDS = 10
"""Below, z is printed with the uncertainty of its errors."""

_CALIBRATED = (2.0, 9.0)
"""Gyroradii of path up to and from which the thresholds of the verdict on gradients are tested."""


def fit_table(problem: Problem, result: FitResult, truth: np.ndarray | None = None) -> str:
    """Return the table of parameters: posterior mean and error, best fit, prior and its share."""
    head = (
        f"{'parameter':12}{'unit':8}{'value':>10}{'error':>9}{'best fit':>10}  {'prior':36}"
        f"{'error/prior':>11}"
    )
    shares = prior_shares(problem, result)
    rows = [head + ("   planted   pull" if truth is not None else "")]
    for i, parameter in enumerate(problem.parameters.parameters):
        if parameter.fixed:
            rows.append(
                f"{parameter.name:12}{parameter.unit or '1':8}{parameter.start:10.3f}  held"
            )
            continue
        value, error = float(result.posterior.mean[i]), float(result.posterior.errors[i])
        bounds = f" in [{parameter.lower:.4g}, {parameter.upper:.4g}]"
        row = f"{parameter.name:12}{parameter.unit or '1':8}{value:10.3f} ±{error:7.3f}"
        row += f"{float(result.values[i]):10.3f}  "
        row += f"{str(parameter.prior) + bounds:36}{shares[i]:11.2f}"
        if truth is not None:
            row += f"{truth[i]:10.3f}{(value - truth[i]) / error:7.2f}"
        rows.append(row)
    return "\n".join(rows)


def fit_numbers(
    problem: Problem, result: FitResult, truth: np.ndarray | None = None
) -> dict[str, Any]:
    """Return the numbers of the report by name: those of the table, derived ones, goodness."""
    parameters = {}
    shares = prior_shares(problem, result)
    for i, parameter in enumerate(problem.parameters.parameters):
        if parameter.fixed:
            row = quantity(parameter.start, unit=parameter.unit or "1")
        else:
            row = quantity(
                result.posterior.mean[i], result.posterior.errors[i], parameter.unit or "1"
            )
            row |= {"best_fit": result.values[i], "prior": str(parameter.prior)}
            row |= {"lower": parameter.lower, "upper": parameter.upper}
            row |= {"error_over_prior": shares[i], "class": _class(shares[i])}
            row |= {"constrained": bool(result.constrained[i])}
        planted = {} if truth is None else {"planted": truth[i]}
        parameters[parameter.name] = row | {"held": parameter.fixed} | planted
    return {
        "target": problem.data.label,
        "parameters": parameters,
        "derived": derived_numbers(problem, result),
        "likelihood": str(problem.likelihood),
        "chi_squared": result.chi_squared,
        "degrees_of_freedom": result.degrees_of_freedom,
        "p_value": result.p_value,
        "convergence": {
            "num_starts": len(result.converged),
            "num_converged": int(np.sum(result.converged)),
            "optimisers_apart_sigma": result.check_distance,
            "effective_samples": float(result.posterior.effective_samples),
        },
        "directions": data_directions(problem.parameters, result.posterior.covariance).text(),
    }


def prior_shares(problem: Problem, result: FitResult) -> np.ndarray:
    """Return the error of the posterior over the width of the prior, ``(parameter,)``."""
    return np.asarray(result.posterior.errors) / problem.parameters.prior_sigmas


def derived_numbers(problem: Problem, result: FitResult) -> dict[str, Any]:
    """Return A, dB/B0, R, gradient with 68 % intervals; place in the chain at the best fit.

    The place in the chain is ``None`` where no site has the amplitude.
    """
    levels = (0.16, 0.5, 0.84)
    model, samples = problem.model, result.posterior.samples
    gradients = jax.vmap(model.ratio_and_gradient)(samples)[1]  # what was taken for them
    posterior = dataclasses.replace(result.posterior, samples=samples.at[:, -1].set(gradients))
    quantiles = np.asarray(posterior.quantiles(levels))
    turbulence = {
        axis.parameter.name.removeprefix("ln "): [float(axis.physical(x)) for x in row]
        for axis, row in zip(model.emulator.axes, quantiles.T[1:], strict=False)
    }
    intervals = {"A": np.exp(quantiles[:, 0]), **turbulence}
    intervals["mirror ratio R = sqrt(B1 B2)/B0"] = 1 + np.exp(quantiles[:, -2])
    intervals["gradient ln(B1/B2)"] = quantiles[:, -1]
    numbers = {
        name: {"median": middle, "low": low, "high": high}
        for name, (low, middle, high) in intervals.items()
    }
    amplitude = float(jnp.exp(result.values[0]))
    trap = (float(x) for x in model.ratio_and_gradient(result.values))
    numbers["place"] = model.traps.place(amplitude, *trap)
    return numbers


def derived_lines(problem: Problem, numbers: dict[str, Any]) -> str:
    """Return the text of `derived_numbers`."""
    site = numbers["place"]
    place = (
        "unreachable: no site of the chain has this amplitude" if site is None else f"{site:.0f}"
    )
    intervals = [
        f"{name} = {x['median']:.3g} ({x['low']:.3g} to {x['high']:.3g})"
        for name, x in numbers.items()
        if isinstance(x, dict)
    ]
    return "\n".join(
        [
            "median (68 % interval):",
            *intervals,
            "a gradient beyond ln R counts as ln R: both mirrors stay above the minimum",
            "place in the chain at the best fit (derived, of "
            f"{problem.model.traps.num_sites} sites): {place}",
        ]
    )


def goodness_lines(result: FitResult) -> str:
    """Return goodness of fit, how far the optimisers agree, how well the posterior is sampled."""
    return (
        f"chi² = {result.chi_squared:.2f} for {result.degrees_of_freedom} degrees of freedom "
        "(multipoles less constrained parameters, at least 1), "
        f"p = {result.p_value:.3f}\n"
        f"{int(np.sum(result.converged))} of {len(result.converged)} starts converged; Adam ends "
        f"{result.check_distance:.1e} sigma from Levenberg-Marquardt\n"
        f"posterior: {len(result.posterior.weights)} weighted samples, worth "
        f"{float(result.posterior.effective_samples):.0f} independent ones"
    )


def constraint_lines(problem: Problem, result: FitResult) -> str:
    """Say plainly what the data tell, and what only repeats its prior."""
    found: dict[str, list[str]] = {"constrained": [], "weakly": [], "returns its prior": []}
    shares = prior_shares(problem, result)
    for name, share, free in zip(problem.parameters.names, shares, result.is_free, strict=True):
        if free:
            found[_class(share)].append(name)
    told, weak, prior = (", ".join(x) or "nothing" for x in found.values())
    text = (
        f"error/prior below {CONSTRAINED:g}, constrained: {told}; {CONSTRAINED:g} to {_WEAK:g}, "
        f"weakly: {weak}; {_WEAK:g} or more, returns its prior: {prior}."
    )
    directions = data_directions(problem.parameters, result.posterior.covariance).text()
    return f"{text}\n{directions[0].upper()}{directions[1:]}."


def _class(share: float) -> str:
    """Return what the data say about a parameter of this error over width of its prior."""
    if share < CONSTRAINED:
        return "constrained"
    return "weakly" if share < _WEAK else "returns its prior"


def likelihood_line(problem: Problem) -> str:
    """Return which likelihood was taken, and why."""
    return f"likelihood: {problem.likelihood} ({problem.likelihood.reason})"


def emulator_line(problem: Problem) -> str:
    """Return what the emulator was made of, and its cross-validated error."""
    emulator = problem.model.emulator
    error = np.asarray(emulator.error)[np.asarray(problem.data.ell)]
    return (
        f"emulator over {', '.join(emulator.names)}: {len(emulator.nodes)} points of "
        f"{emulator.num_skies} skies; cross-validated error of E[ln C_l] {error.min():.2f} to "
        f"{error.max():.2f} of the scatter of one sky, counted in the likelihood"
    )


def path_line(systematic: PathSystematic) -> str:
    """Return what another path would do to the amplitude, and the null test of the path."""
    parts = [
        f"×{factor:g} path: A ×{a:.2f}"
        for factor, a in zip(systematic.factors, systematic.amplitude_factor, strict=True)
        if factor != 1
    ]
    value, error = systematic.change.value, systematic.change.error
    rows = [f"l = {l}: {value[l - 1]:+.0%} ± {error[l - 1]:.0%}" for l in (1, 2, 4, 8)
            if l <= len(value)]  # fmt: skip
    verdict = (
        "ok"
        if systematic.passed()
        else "FAILS: a dipole of momentum decays along the orbits, so that amplitude and dB/B0 are "
        "those of this path"
    )
    return (
        "systematic of the fixed path (degenerate with A at low l): " + ", ".join(parts)
        + f"\nnull test of the path, C_l of ×{systematic.factors[-1]:g} path less C_l: "
        + ", ".join(rows) + f"  {verdict}"
    )  # fmt: skip


def gradient_table(report: GradientReport, gyroradii: float) -> str:
    """Return the gradient report: both estimates at a few multipoles, and the verdict."""
    rows = [
        f"d C_l / d {report.name}, C_l of a boundary dipole of amplitude 1, sr; the fit itself "
        "uses the emulator, not these derivatives",
        f"{'l':>3} {'path-wise':>22} {'same-phase difference':>26}  {'z':>5}  believe",
    ]
    worst = 1 + int(np.argmax(np.abs(report.z_score[1:])))
    for ell in sorted({1, 2, 3, 4, 6, 8, 12, 16, worst}):
        if ell < len(report.spectrum):
            rows.append(
                f"{ell:3d} {report.pathwise[ell]:11.3e} ±{report.pathwise_error[ell]:9.1e} "
                f"{report.difference[ell]:14.3e} ±{report.difference_error[ell]:9.1e}  "
                f"{report.z_score[ell]:5.1f}  {report.believed}"
            )
    if report.num_fields < _FEW_FIELDS:
        scatter = 1 / np.sqrt(2 * (report.num_fields - 1))  # of a standard error, Gaussian
        rows.append(f"z from {report.num_fields} fields: its errors are uncertain by {scatter:.0%}")
    return "\n".join([*rows, gradient_verdict(report, gyroradii)])


def gradient_verdict(report: GradientReport, gyroradii: float) -> str:
    """Return the verdict, with a caution for paths at which it was not calibrated.

    ``gyroradii`` is the length of the path in gyroradii, nan where orbits end on a sphere.
    """
    low, high = _CALIBRATED
    if not low < gyroradii < high:
        return report.verdict()
    return (
        f"{report.verdict()}; not calibrated between {low:g} and {high:g} gyroradii "
        f"(path {gyroradii:.3g}): read both estimates with their errors"
    )
