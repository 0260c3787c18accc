"""What four parameters the working-level spectrum measures, and what a full sky would.

The full sky: C_1 ... C_16 of one sky without gaps, a_l0 included, with white noise
N_l = 1e-3 C_1 subtracted and no other error. The observed one: C_1 ... C_4, unpublished, working
level, blind to a_l0. Both have the cosmic variance of one sky.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from jaxcr import infer, observed
from jaxcr.experiments.angular_spectrum.setup import (
    BOUNDARY_LMAX,
    LMAX,
    MEDIUM,
    SOURCE,
    describe,
    ensemble,
)
from jaxcr.experiments.experiment import Experiment, Outcome, Size, Verdict
from jaxcr.experiments.verdicts import UNRESOLVED, all_of, as_numbers, judge_sign, plus_minus
from jaxcr.plots.fit import fisher_ellipse
from jaxcr.plots.style import (
    BLACK,
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    VERMILION,
    add_legend,
    new_figure,
    polish,
)
from jaxcr.statistics import Estimate, jackknife

NOISE = 1e-3
"""Level of the full sky's white noise over its C_1."""
NOISE_FACTORS = (1.0, 0.1)
TOLERANCE = 0.2
"""Share by which a Fisher error may be off from that of posteriors."""
_FEWEST_FIELDS = 8
"""Of eight skies each, for the covariance of sixteen multipoles."""
_NODES = 8
_ELLIPSE = 2.30  # quantile of chi² with 2 degrees of freedom at 68.3 %
_SAMPLES = 1024


class Case(NamedTuple):
    """One kind of data: its Fisher matrix at the point, prior included, and posteriors.

    Attributes
    ----------
    problem
        What is fitted; the full sky's data are its mean.
    covariance
        Inverse Fisher matrix ``(parameter, parameter)``.
    means, errors
        Of the posteriors of one data set or several, ``(dataset, parameter)``.
    effective_samples
        Behind each.
    """

    problem: infer.Problem
    covariance: Float[np.ndarray, "parameter parameter"]
    means: Float[np.ndarray, "dataset parameter"]
    errors: Float[np.ndarray, "dataset parameter"]
    effective_samples: Float[np.ndarray, " dataset"]

    @property
    def fisher(self) -> Float[np.ndarray, " parameter"]:
        """Errors by the Fisher matrix."""
        return np.sqrt(np.diagonal(self.covariance))


def run(size: Size) -> Outcome:
    """Fit the working-level spectrum, and forecast a full sky at its posterior mean."""
    skies = ensemble(size, MEDIUM)
    num_fields = max(_FEWEST_FIELDS, size.fields)
    emulator = infer.build_emulator(skies, num_fields=num_fields, num_nodes=_NODES)
    model = infer.SkyModel(emulator, infer.TrapSeries(lmax=BOUNDARY_LMAX))
    posterior, working = fit_working_level(model)
    point = posterior.mean
    full = simulate_full_sky(model, point, num_sets=max(4, size.fields // 2))
    forecast = infer.forecast(
        model, point, full.problem.data, num_skies=(1,), noise_factors=NOISE_FACTORS,
        likelihood=full.problem.likelihood,
    )  # fmt: skip
    names, prior = model.parameters.names, model.parameters.prior_sigmas
    numbers = {
        "skies": describe(skies),
        "fields": num_fields,
        "working_level": observed.WORKING_LEVEL,
        "full_sky": f"one sky, l = 1 to {LMAX}, N_l = {NOISE:g} C_1, subtracted",
        "noise_over_c_1": float(full.problem.data.noise[0] / full.problem.data.c_ell[0]),
        "parameters": names,
        "point": np.asarray(point).tolist(),
        "prior": prior.tolist(),
        "working": as_record(working),
        "full": as_record(full),
        "forecast": {
            f"noise x {x:g}": errors.tolist()
            for x, errors in zip(NOISE_FACTORS, forecast.errors[0], strict=True)
        },
    }
    verdicts = (
        judge_constrained(names, working.errors[0] / prior),
        judge_improvement(working, full, names.index("ln dB/B0")),
        judge_improvement(working, full, names.index("ln(R-1)")),
        judge_fisher(names, working, "working-level data"),
        judge_fisher(names, full, "full-sky data"),
    )
    return Outcome(numbers, verdicts, lambda: draw(names, prior, posterior, working, full))


def fit_working_level(model: infer.SkyModel) -> tuple[infer.Posterior, Case]:
    """Return the posterior of the embedded spectrum, and its Fisher matrix at the mean."""
    data = model.comparable(observed.working_level_spectrum())
    problem = infer.Problem(model, data, likelihood=infer.GammaLikelihood())
    start = model.parameters.start
    posterior = infer.sample_free(
        problem, start, infer.fisher_covariance(problem, start), key=jax.random.key(4)
    )
    covariance = infer.fisher_covariance(problem, posterior.mean)
    rows = (posterior.mean, posterior.errors, posterior.effective_samples)
    return posterior, Case(problem, np.asarray(covariance), *(np.asarray(x)[None] for x in rows))


def full_sky(model: infer.SkyModel, point: Float[Array, " parameter"]) -> infer.Problem:
    """Return the problem of a full sky whose data are their mean."""
    c_ell = np.asarray(model.mean_spectrum(point))[1:]
    noise = np.full(LMAX, NOISE * c_ell[0])
    data = infer.SpectrumData(
        np.arange(1, LMAX + 1), c_ell, np.zeros(LMAX), noise, label="forecast"
    )
    return infer.Problem(model, model.comparable(data), likelihood=infer.GammaLikelihood())


def simulate_full_sky(
    model: infer.SkyModel, point: Float[Array, " parameter"], *, num_sets: int
) -> Case:
    """Return the Fisher matrix of a full sky, and posteriors of data drawn from the model."""
    problem = full_sky(model, point)
    covariance = infer.fisher_covariance(problem, point)
    rows = []
    for key in jax.random.split(jax.random.key(16), num_sets):
        of_data, of_samples = jax.random.split(key)
        data = infer.simulate_from(model, point, of_data, problem.data)
        posterior = infer.sample_free(
            infer.Problem(model, data, likelihood=problem.likelihood), point, covariance,
            key=of_samples, num_samples=_SAMPLES,
        )  # fmt: skip
        rows.append((posterior.mean, posterior.errors, posterior.effective_samples))
    columns = (np.stack([np.asarray(x) for x in column]) for column in zip(*rows, strict=True))
    return Case(problem, np.asarray(covariance), *columns)


def as_record(case: Case) -> dict:
    """Return the numbers of a case as JSON has them."""
    return {
        "ell": case.problem.data.ell.tolist(),
        "fisher": case.fisher.tolist(),
        "posterior_means": case.means.tolist(),
        "posterior_errors": case.errors.tolist(),
        "effective_samples": case.effective_samples.tolist(),
        "posterior_error": as_numbers(posterior_error(case)),
    }


def posterior_error(case: Case) -> Estimate:
    """Return the rms error of the posteriors, ``(parameter,)``; of one its sampling error.

    The error of a standard deviation from n effective samples is 1/sqrt(2 n) of it.
    """
    if len(case.errors) == 1:
        error = case.errors[0] / np.sqrt(2 * case.effective_samples[0])
        return Estimate(jnp.asarray(case.errors[0]), jnp.asarray(error))
    return jackknife(jnp.sqrt, jnp.asarray(case.errors**2))


def judge_constrained(names: tuple[str, ...], shares: Float[np.ndarray, " parameter"]) -> Verdict:
    """Return whether the working-level data inform on the amplitude alone."""
    told = [name for name, x in zip(names, shares, strict=True) if x < infer.CONSTRAINED]
    parts = ", ".join(f"{name} {x:.2f}" for name, x in zip(names, shares, strict=True))
    return Verdict(
        "working-level data constrain the amplitude ln A alone",
        f"posterior error over that of the prior: {parts}",
        told == ["ln A"],
        f"Below {infer.CONSTRAINED:g} counts as constrained.",
    )


def judge_improvement(working: Case, full: Case, place: int) -> Verdict:
    """Return whether a full sky has a smaller error of a parameter."""
    name = working.problem.parameters.names[place]
    before, after = (posterior_error(x) for x in (working, full))
    ratio = before.value[place] / after.value[place]
    relative = [x.error[place] / x.value[place] for x in (before, after)]
    found = Estimate(ratio, ratio * jnp.hypot(*relative))
    holds = judge_sign(float(found.value) - 1, float(found.error))
    return Verdict(
        f"full-sky data have a smaller error of {name} than working-level data",
        f"smaller by {plus_minus(found)} in posteriors, "
        f"{working.fisher[place] / full.fisher[place]:.2f} by Fisher",
        holds,
        f"One sky each; full sky: l = 1 to {LMAX}, N_l = {NOISE:g} C_1. Priors included."
        if holds is not None
        else UNRESOLVED,
    )


def judge_fisher(names: tuple[str, ...], case: Case, kind: str) -> Verdict:
    """Return whether Fisher errors are those of posteriors within the tolerance."""
    found = posterior_error(case)
    shares = [
        Estimate(value / fisher, error / fisher)
        for value, error, fisher in zip(found.value, found.error, case.fisher, strict=True)
    ]
    parts = ", ".join(f"{n} {plus_minus(x)}" for n, x in zip(names, shares, strict=True))
    answers = [judge_sign(TOLERANCE - abs(float(x.value) - 1), float(x.error)) for x in shares]
    holds = all_of(answers)
    return Verdict(
        f"Fisher errors of {kind} are those of the posterior within {TOLERANCE:.0%}",
        f"posterior over Fisher, {len(case.errors)} data sets: {parts}",
        holds,
        "Bounds of the parameters and curved valleys are not in a Fisher matrix."
        if holds is not None
        else UNRESOLVED,
    )


def draw(names, prior, posterior: infer.Posterior, working: Case, full: Case) -> Figure:
    """Return two planes with the ellipses of both, and all errors beside the prior's."""
    figure = new_figure(16, 5.4)
    first, second, bars = figure.subplots(1, 3)
    draw_plane(first, names, posterior, working, full, ("ln dB/B0", "ln A"))
    draw_plane(second, names, posterior, working, full, ("ln(R-1)", "ln dB/B0"))
    place = np.arange(len(names))
    rows = (
        ("working level, posterior", posterior_error(working), BLUE),
        ("working level, Fisher", _exact(working.fisher), GREY),
        ("full sky, posterior", posterior_error(full), VERMILION),
        ("full sky, Fisher", _exact(full.fisher), ORANGE),
    )
    for number, (label, found, color) in enumerate(rows):
        bars.bar(place + 0.2 * (number - 1.5), np.asarray(found.value) / prior, 0.18, color=color,
                 yerr=np.asarray(found.error) / prior, capsize=2, label=label)  # fmt: skip
    bars.set_xticks(place, names)
    bars.axhline(1, color=GREEN, ls="--", lw=1.2, label="prior")
    bars.set_ylim(0, 1.35 * bars.get_ylim()[1])
    polish(bars, y_label="error / width of the prior", title="Errors")
    add_legend(bars, loc="upper left")
    return figure


def _exact(value: Float[np.ndarray, " parameter"]) -> Estimate:
    """Return numbers without an error."""
    return Estimate(jnp.asarray(value), jnp.zeros(value.shape))


def draw_plane(axes: Axes, names, posterior, working: Case, full: Case, pair) -> None:
    """Draw samples of the working-level posterior and 68 % ellipses of both Fisher matrices."""
    places = [names.index(x) for x in pair]
    weights = np.asarray(posterior.weights)
    chosen = np.random.default_rng(0).choice(len(weights), 1500, p=weights / weights.sum())
    samples = np.asarray(posterior.samples)[chosen][:, places]
    axes.plot(*samples.T, ".", ms=3, color=BLUE, alpha=0.3, rasterized=True)
    axes.plot([], [], "o", color=BLUE, label="working level, posterior")
    center = np.asarray(posterior.mean)[places]
    for case, color, label in (
        (working, GREY, "working level, Fisher 68 %"),
        (full, VERMILION, "full sky, Fisher 68 %"),
    ):
        curve = fisher_ellipse(center, case.covariance[np.ix_(places, places)], _ELLIPSE)
        axes.plot(*curve, color=color, lw=2, label=label)
    axes.plot(*center, "+", color=BLACK, ms=12, mew=2)
    low, high = axes.get_ylim()
    axes.set_ylim(low - 0.2 * (high - low), high)
    polish(axes, x_label=pair[0], y_label=pair[1])
    add_legend(axes, loc="lower left")


FORECAST = Experiment(
    "forecast",
    "four parameters from the working-level spectrum, and from a full sky",
    SOURCE,
    run,
)
