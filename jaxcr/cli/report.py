"""The text that a fit prints and saves, and its numbers."""

from typing import Any

import numpy as np

from jaxcr.cli.output import quantity
from jaxcr.infer import (
    FitResult,
    GradientReport,
    PathSystematic,
    Problem,
    data_directions,
)


def fit_table(problem: Problem, result: FitResult, truth: np.ndarray | None = None) -> str:
    """Return the table of parameters: posterior mean and error, best fit, prior, constrained."""
    head = (
        f"{'parameter':12}{'unit':8}{'value':>10}{'error':>9}{'best fit':>10}  {'prior':32}"
        f"{'constrained by data'}"
    )
    rows = [head + ("   planted   pull" if truth is not None else "")]
    for i, parameter in enumerate(problem.parameters.parameters):
        if parameter.fixed:
            rows.append(
                f"{parameter.name:12}{parameter.unit or '1':8}{parameter.start:10.3f}  held"
            )
            continue
        value, error = float(result.posterior.mean[i]), float(result.posterior.errors[i])
        bounds = f" in [{parameter.lower:.2g}, {parameter.upper:.2g}]"
        row = f"{parameter.name:12}{parameter.unit or '1':8}{value:10.3f} ±{error:7.3f}"
        row += f"{float(result.values[i]):10.3f}  "
        row += f"{str(parameter.prior) + bounds:32}{'yes' if result.constrained[i] else 'no':19}"
        if truth is not None:
            row += f"{truth[i]:10.3f}{(value - truth[i]) / error:7.2f}"
        rows.append(row)
    return "\n".join(rows)


def fit_numbers(
    problem: Problem, result: FitResult, truth: np.ndarray | None = None
) -> dict[str, Any]:
    """Return the numbers of the report by name: those of the table, derived ones, goodness."""
    parameters = {}
    for i, parameter in enumerate(problem.parameters.parameters):
        if parameter.fixed:
            row = quantity(parameter.start, unit=parameter.unit or "1")
        else:
            row = quantity(
                result.posterior.mean[i], result.posterior.errors[i], parameter.unit or "1"
            )
            row |= {"best_fit": result.values[i], "prior": str(parameter.prior)}
            row |= {"lower": parameter.lower, "upper": parameter.upper}
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
    }


def derived_numbers(problem: Problem, result: FitResult) -> dict[str, Any]:
    """Return A, dB/B0 and R with 68 % intervals; gradient and place in the chain at the best fit.

    The place in the chain is ``None`` where no site has the amplitude.
    """
    quantiles = np.asarray(result.posterior.quantiles((0.16, 0.5, 0.84)))
    v = np.asarray(result.values)
    depth, eta = np.exp(v[-2]), v[-1]
    strong, weak = 1 + depth * (1 + eta), 1 + depth * (1 - eta)
    turbulence = {
        axis.parameter.name.removeprefix("ln "): [float(axis.physical(x)) for x in row]
        for axis, row in zip(problem.model.emulator.axes, quantiles.T[1:], strict=False)
    }
    intervals = {"A": np.exp(quantiles[:, 0]), **turbulence}
    intervals["mirror ratio (B1 + B2)/2B0"] = 1 + np.exp(quantiles[:, -2])
    numbers = {
        name: {"median": middle, "low": low, "high": high}
        for name, (low, middle, high) in intervals.items()
    }
    numbers["gradient ln(B1/B2)"] = np.log(strong / weak)
    numbers["place"] = problem.model.traps.place(float(np.exp(v[0])), 1 + float(depth), float(eta))
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
            "at the best fit:",
            f"gradient ln(B1/B2) = {numbers['gradient ln(B1/B2)']:.3g}",
            f"place in the chain (derived, of {problem.model.traps.num_sites} sites): {place}",
        ]
    )


def goodness_lines(result: FitResult) -> str:
    """Return goodness of fit, how far the optimisers agree, how well the posterior is sampled."""
    free = result.is_free
    apart = np.abs(np.asarray(result.check_values[0] - result.values))[free]
    apart = apart / np.asarray(result.errors)[free]
    return (
        f"chi² = {result.chi_squared:.2f} for {result.degrees_of_freedom} degrees of freedom, "
        f"p = {result.p_value:.3f}\n"
        f"{int(np.sum(result.converged))} of {len(result.converged)} starts converged; Adam ends "
        f"{apart.max():.1e} sigma from Levenberg-Marquardt\n"
        f"posterior: {len(result.posterior.weights)} weighted samples, worth "
        f"{float(result.posterior.effective_samples):.0f} independent ones"
    )


def constraint_lines(problem: Problem, result: FitResult) -> str:
    """Say plainly what the data tell, and what only repeats its prior."""
    names = np.array(problem.parameters.names)
    told = ", ".join(names[result.constrained]) or "nothing"
    prior = ", ".join(names[result.is_free & ~result.constrained])
    text = f"The data constrain {told}."
    text += f" {prior}: no information, the value returns its prior." if prior else ""
    directions = data_directions(problem.parameters, result.information).text()
    text += f"\n{directions[0].upper()}{directions[1:]}."
    return text + (f"\n{result.warnings}" if result.warnings else "")


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
    """Return what another path would do to the amplitude."""
    parts = [
        f"×{factor:g} path: A ×{a:.2f}"
        for factor, a in zip(systematic.factors, systematic.amplitude_factor, strict=True)
        if factor != 1
    ]
    return "systematic of the fixed path (degenerate with A at low l): " + ", ".join(parts)


def gradient_table(report: GradientReport) -> str:
    """Return the gradient report: both estimates at a few multipoles, and the verdict."""
    rows = [f"{'l':>3} {'path-wise':>22} {'same-phase difference':>26}  {'z':>5}  believe"]
    for ell in (1, 2, 3, 4, 6, 8, 12, 16):
        if ell < len(report.spectrum):
            rows.append(
                f"{ell:3d} {report.pathwise[ell]:11.3e} ±{report.pathwise_error[ell]:9.1e} "
                f"{report.difference[ell]:14.3e} ±{report.difference_error[ell]:9.1e}  "
                f"{report.z_score[ell]:5.1f}  {'path-wise' if report.chosen[ell] else 'difference'}"
            )
    return "\n".join([*rows, report.verdict()])
