"""Descriptions of the checks of skies, derivatives and fits."""

from generate.descriptions import Description
from generate.markdown import number, old_trap_names, percent, span, table, with_error

_ESTIMATORS = ("path-wise", "step 0.3", "Richardson", "lines over l", "combined")


def _growth(data: dict) -> list[str]:
    """Return the statements of the published work and whether they hold."""
    rows = []
    for x in data["statements"]:
        if "change" in x:
            found = with_error(x["change"], x["error"])
        else:
            found = (
                f"last step {number(x['last_step_sigma'])} sigma, "
                f"from the first {number(x['from_first_sigma'])} sigma"
            )
        rows.append((x["statement"], found, x["holds"]))
    return [table(("statement", "change (of C_l over C_1 without turbulence)", "holds"), rows)]


def _estimators(data: dict) -> list[str]:
    """Return errors of each estimator by path, and the first measurements beside the scatter."""
    rows = []
    for path, found in data["summary"]["all fields"].items():
        for name in (x for x in _ESTIMATORS if x in found):
            x = found[name]
            rows.append(
                (
                    f"{path} r_L",
                    name,
                    number(x["l=1 value"]),
                    f"{number(x['l=1 error, %'])} %",
                    number(x["l=2..20 error with bias over step 0.3's, geometric mean"]),
                    number(x["l=2..20 rms bias in errors"]),
                    number(x["cost in forward C_l"]),
                )
            )
    header = (
        "path", "estimator", "dC_1/d(dB/B0)", "scatter of 32 skies",
        "l = 2–20: error over that of step 0.3", "rms bias in errors", "cost in forward skies",
    )  # fmt: skip
    first = table(
        ("path", "estimator", "mean of the groups", "scatter of a group", "error it states"),
        [
            (f"{path} r_L", name, number(x["mean of groups"]), number(x["scatter of groups"]),
             number(x["stated error"]))
            for path, kinds in data["dC_1 by 32 skies"].items()
            for name, x in kinds.items()
        ],
    )  # fmt: skip
    return [table(header, rows), "Does the stated error agree with the scatter?", first]


def _gauge(data: dict) -> list[str]:
    """Return how often the verdict is wrong, and the three numbers behind it."""
    wrong = table(
        ("", "ensembles", "wrong verdicts"),
        [
            ("regular orbits (0.5 to 2 r_L)", len(data["regular"]), percent(data["false_alarms"])),
            ("chaotic orbits (9 to 12 r_L)", len(data["chaotic"]), percent(data["missed_chaos"])),
        ],
    )
    rows = []
    for name, threshold in data["thresholds"].items():
        for kind in ("regular", "chaotic"):
            quantiles = data[f"{kind} {name} at 1, 5, 50, 95, 99 %"]
            rows.append((name, kind, threshold, *quantiles))
    return [wrong, table(("number", "orbits", "threshold", "1 %", "5 %", "50 %", "95 %", "99 %"),
                         rows)]  # fmt: skip


def _emulator(data: dict) -> list[str]:
    """Return errors and costs over one, two and three parameters."""
    rows = []
    for name in ("1 parameters", "2 parameters", "3 parameters"):
        x = data[name]
        rows.append(
            (
                ", ".join(x["parameters"]),
                x["nodes"],
                span(x["error_of_ln_c_ell"]),
                f"{span(x['ratio'])} (required {number(x['ratio_required'])})",
                span(x["ratio_by_chance"]),
                max(x["ratio"]) < x["ratio_required"],
                x["milliseconds_of_cpu"]["prediction"],
                x["milliseconds_of_cpu"]["gradient"],
            )
        )
    header = (
        "parameters", "nodes", "error of E[ln C_l]", "the same over the scatter of one sky",
        "by chance alone", "within", "prediction, ms", "gradient, ms",
    )  # fmt: skip
    nuts = data["posterior over one parameter of turbulence"]
    return [
        table(header, rows),
        f"A posterior by NUTS over {', '.join(nuts['parameters'])}: {number(nuts['seconds'])} s, "
        f"effective sizes {span(nuts['effective_sizes'])}, {nuts['divergent']} divergent steps.",
    ]


def _closure(data: dict) -> list[str]:
    """Return coverage, bias and errors of a closure test of a sky model."""
    rows = [
        (name, percent(a), percent(b), number(c), number(d), number(e), number(p), number(q))
        for name, a, b, c, d, e, p, q in zip(
            data["parameters"], data["coverage_68"], data["coverage_95"], data["bias_in_sigma"],
            data["scatter_of_pulls"], data["median_error"], data["rank_p_chi2"],
            data["rank_p_ks"], strict=True,
        )
    ]  # fmt: skip
    return [
        table(
            ("parameter", "68 % hold", "95 % hold", "bias, sigma", "width of pulls",
             "median error", "p of ranks, chi²", "p of ranks, KS"), rows,
        ),
        f"{data['data_sets']} data sets of {data['skies_in_each']} skies each; a coverage of 68 % "
        f"is known to ± {percent(data['error_of_coverage_68'])}. Likelihood: "
        f"{data['likelihood']}; {data['convention']}.",
        f"**Verdict:** {data['verdict']}.",
        *old_trap_names(data["parameters"]),
    ]  # fmt: skip


def _trap_closure(data: dict) -> list[str]:
    """Return coverage and bias for planted and for drawn values."""
    blocks = []
    for key, title in (
        ("planted_values", "The same trap planted every time:"),
        ("drawn_from_priors", "Values drawn from their priors:"),
    ):
        x = data[key]
        rows = [
            (name, percent(a), percent(b), number(c), number(d), number(e))
            for name, a, b, c, d, e in zip(
                x["names"], x["coverage_68"], x["coverage_95"], x["bias_sigma"],
                x["pull_width"], x["median_error"], strict=True,
            )
        ]  # fmt: skip
        header = ("parameter", "68 % hold", "95 % hold", "bias, sigma", "width of pulls",
                  "median error")  # fmt: skip
        blocks += [title, table(header, rows), f"**Verdict:** {x['verdict']}."]
    drawn = data["drawn_from_priors"]
    return [*blocks, f"**Ranks:** {drawn['ranks_verdict']}.", *old_trap_names(drawn["names"])]


def _two_traps(data: dict) -> list[str]:
    """Return planted and found values, goodness of fit and directions."""
    columns = (*data["posterior"], data["planted"], data["share_of_prior_width"])
    rows = [
        (name, with_error(m, e), number(planted), number((m - planted) / e), percent(share))
        for name, m, e, planted, share in zip(("ln A", "ln dB/B0"), *columns, strict=False)
    ]
    for name, key in (("mirror ratio sqrt(B1 B2)/B0", "mirror_ratio"), ("ln(B1/B2)", "gradient")):
        value, error, planted = data[key]
        rows.append((name, with_error(value, error), number(planted),
                     number((value - planted) / error), ""))  # fmt: skip
    chi2, freedom, p = data["chi_squared"]
    return [
        table(("parameter", "posterior", "planted", "pull", "error over the prior's"), rows),
        f"chi² = {number(chi2)} at {freedom} degrees of freedom, p = {number(p)}; "
        f"{data['directions']}.",
        "What other data would give (forecast errors):",
        "```text\n" + "\n".join(data["forecast"]) + "\n```",
        *old_trap_names(data["forecast"][0].split()),
    ]


_SKY_CLOSURE = "experiments/inference/sky_closure.py"
DESCRIPTIONS = {
    "experiments/results/angular_spectrum_growth.json": Description(
        "How the spectrum grows",
        "experiments/angular_spectrum/growth.py",
        "Three statements of López-Barquero et al. (2016) on the angular power spectrum, for "
        "their 30 PeV set: with a larger sphere or a longer path the dipole falls, multipoles "
        "8 to 16 rise, and the shape settles. Synthetic isotropic Kolmogorov turbulence with "
        "dB = B0 takes the place of their cube. Errors are of the mean of the realisations. "
        "For the rise, the largest value within the range is taken, since it falls again.",
        _growth,
        "experiments/results/angular_spectrum_growth.png",
        "Mean C_l and its 68 % band over 32 fields, over the C_1 that the boundary has without "
        "turbulence. Left: spheres of 10 to 90 pc; right: paths of 1 to 20 gyroradii. Dashed: "
        "the cascade 18/[(2l+1)(l+1)(l+2)], scaled to the last curve's C_1.",
    ),
    "experiments/results/gradient_estimators.json": Description(
        "Derivatives of C_l past the horizon of single orbits",
        "experiments/inference/gradient_estimators.py",
        "dC_l/d(dB/B0) from groups of 32 skies (four fields, eight observers each), for paths "
        "of 3 to 18 gyroradii, against the mean of all 1,024 skies. *Path-wise* is automatic "
        "differentiation along each orbit, *step 0.3* the central difference with the same "
        "phases; the others combine more (see [chaos and gradients]"
        "(explanation/chaos-and-gradients.md)). There is no closed form: the asked value is the "
        "mean of all skies.",
        _estimators,
        "experiments/results/gradient_estimators.png",
        "Error of dC_l/d(dB/B0) including its bias, over |dC_1/d(dB/B0)|, at 9 and 12 gyroradii.",
    ),
    "experiments/results/gauge.json": Description(
        "Does the gradient report tell chaos from order?",
        "experiments/inference/gauge.py",
        "The verdict of `infer.spectrum_gradient` on a hundred ensembles of regular orbits, "
        "which it must trust, and a hundred of chaotic ones, which it must not. Each ensemble "
        "has its own seed, amplitude, index, outer scale and gyroradius. *noise_ratio* compares "
        "the error of path-wise slopes with that of differences, *tail* their largest with "
        "their typical value, *worst_z* the distance of both.",
        _gauge,
    ),
    "experiments/results/emulator.json": Description(
        "Error and cost of the emulator",
        "experiments/inference/emulator.py",
        "The emulator replaces simulated skies by an interpolation between nodes. Its E[ln C_l] "
        "is compared with skies simulated in the same fields at points between the nodes, for "
        "l = 1 to 16. Required: an error below a fifth of the scatter of one sky. *By chance* "
        "is the difference that the finite number of skies makes alone.",
        _emulator,
        "experiments/results/emulator.png",
        "Error of E[ln C_l] over the scatter of one sky, for one, two and three parameters; "
        "dashed: by chance alone; line: required.",
    ),
    "experiments/results/trap_closure.json": Description(
        "Closure: trap parameters from the sky inside a trap",
        "experiments/inference/trap_closure.py",
        "Plant mirror ratio, gradient and amplitude, compute C_1 … C_24 of the sky inside the "
        "trap, add errors of 10 %, fit. The intervals must hold the truth as often as they say, "
        "and ranks of drawn values must be uniform.",
        _trap_closure,
    ),
    "experiments/results/closure_one_sky.json": Description(
        "Closure: five parameters from one sky",
        _SKY_CLOSURE,
        "The same for the joint model of turbulence and trap, from one simulated sky in a field "
        "that the model never saw; five parameters, among them the spectral index. **The 95 % "
        "interval of the index is too short** by more than chance explains, and errors may be a "
        "twentieth too small. With C_l as log-normal instead of Gamma variables they were a "
        "tenth too small.",
        _closure,
    ),
    "experiments/results/closure_joint.json": Description(
        "Closure: four parameters from the mean of 32 skies",
        _SKY_CLOSURE,
        "The same for the mean spectrum of 32 skies and four parameters.",
        _closure,
    ),
    "experiments/results/two_trap_parameters.json": Description(
        "Mirror ratio and gradient together",
        "experiments/inference/two_trap_parameters.py",
        "Both trap parameters from one mean spectrum of 256 simulated full skies, with amplitude "
        "and turbulence fitted along. The model's skies are in other fields. The forecast says "
        "what fewer skies would give: one sky alone returns the priors.",
        _two_traps,
        "experiments/results/two_trap_parameters.png",
        "Left: mean of 256 skies with the best fit, the same without gradient, and with R − 1 "
        "halved. Right: prior, posterior and planted values.",
    ),
}
