"""The text that a fit prints and saves."""

import numpy as np

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


def derived_lines(problem: Problem, result: FitResult) -> str:
    """Return the derived numbers: A, dB/B0, R, gradient, and the place in the chain."""
    low, middle, high = np.asarray(result.posterior.quantiles((0.16, 0.5, 0.84)))
    v = np.asarray(result.values)
    depth, eta = np.exp(v[-2]), v[-1]
    strong, weak = 1 + depth * (1 + eta), 1 + depth * (1 - eta)
    site = problem.model.traps.place(float(np.exp(v[0])), 1 + float(depth), float(eta))
    place = (
        "unreachable: no site of the chain has this amplitude" if site is None else f"{site:.0f}"
    )
    turbulence = [
        f"{a.parameter.name.removeprefix('ln ')} = {float(a.physical(middle[i])):.3g} "
        f"({float(a.physical(low[i])):.3g} to {float(a.physical(high[i])):.3g})"
        for i, a in enumerate(problem.model.emulator.axes, 1)
    ]
    return "\n".join(
        [
            "median (68 % interval):",
            f"A = {np.exp(middle[0]):.3g} ({np.exp(low[0]):.3g} to {np.exp(high[0]):.3g})",
            *turbulence,
            f"mirror ratio (B1 + B2)/2B0 = {1 + np.exp(middle[-2]):.3g} "
            f"({1 + np.exp(low[-2]):.3g} to {1 + np.exp(high[-2]):.3g})",
            "at the best fit:",
            f"gradient ln(B1/B2) = {np.log(strong / weak):.3g}",
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
