"""Figure 7: how well the orbits of 30 PeV keep their energy."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from matplotlib.figure import Figure

from jaxcr import fields, orbits
from jaxcr.experiments.experiment import Experiment, Outcome, Size, Verdict
from jaxcr.experiments.small_scale_anisotropy.setup import (
    SOURCE,
    describe_field,
    make_place,
    numbers,
    pusher,
    random_states,
)
from jaxcr.experiments.verdicts import SIGMAS, as_numbers, plus_minus
from jaxcr.plots.style import BLUE, GREEN, GREY, VERMILION, add_legend, new_figure, polish
from jaxcr.statistics import Estimate, group_means, jackknife

PUBLISHED_MEAN = 8.5e-8
PUBLISHED_WORST = 1.6e-5
TOLERANCE = 1e-6
"""Published relative tolerance of a step."""
_TIGHTER = (1e-8, 1e-10)
_ORBITS = 16
_LEAVING = 1024
_GROUPS = 4
_POINTS = 5
"""Samples of the path up to where the volume is left; that of the published tolerance goes on."""

Curve = tuple[Float[np.ndarray, " time"], Float[np.ndarray, "time orbit"]]


def run(size: Size) -> Outcome:
    """Follow orbits with Bulirsch and Stoer's scheme, and find how long they stay."""
    particles = orbits.PARTICLE_SETS["30PeV"]
    # Cubic splines, as published: their derivatives are continuous.
    field = make_place(particles, size, 0, stencil=fields.CubicSpline()).field
    stay = gyrations_inside(particles, size)
    inside = np.geomspace(1, float(stay.value), _POINTS)
    beyond = np.geomspace(inside[-1], max(size.gyrations, inside[-1] + 1), 3)[1:]
    curves = {
        tolerance: deviations(field, particles, tolerance, counts)
        for tolerance, counts in (
            (TOLERANCE, np.concatenate([inside, beyond])),
            *((tighter, inside) for tighter in _TIGHTER),
        )
    }
    leaving = {tolerance: mean_deviation(curve, _POINTS - 1) for tolerance, curve in curves.items()}
    kept = _largest_boris_error(field, particles, size)
    verdicts = (
        judge_mean(leaving, float(stay.value), kept),
        judge_worst(curves[TOLERANCE]),
    )
    result = {
        "field": describe_field(size),
        "unit": "|p| over that at the start, less 1: the energy at light speed",
        "orbits": _ORBITS,
        "gyrations_until_the_box_is_left": as_numbers(stay),
        "boris_largest": kept,
        "rows": [
            {
                "tolerance": tolerance, "gyrations": curve[0].tolist(),
                "mean_absolute": np.abs(curve[1]).mean(axis=1).tolist(),
                "mean": curve[1].mean(axis=1).tolist(),
                "largest": np.abs(curve[1]).max(axis=1).tolist(),
                "on_leaving": as_numbers(leaving[tolerance]),
            }
            for tolerance, curve in curves.items()
        ],
    }  # fmt: skip
    return Outcome(result, verdicts, lambda: draw(curves))


def deviations(
    field: fields.Field,
    particles: orbits.ParticleSet,
    tolerance: float,
    counts: Float[np.ndarray, " time"],
) -> Curve:
    """Return gyrations, and |p| less 1 of every orbit after each, with Bulirsch and Stoer."""
    position, direction = _starts(particles)
    exits = orbits.trace_ensemble(
        field, position, direction, rigidity=particles.rigidity, lanes=_ORBITS,
        pusher=orbits.DiffraxPusher(orbits.BulirschStoer(4), rtol=tolerance, atol=0.0),
        stop=orbits.PathLength(jnp.asarray(2 * np.pi * particles.gyroradius * counts)),
        max_steps=10**9,
    )  # fmt: skip
    return counts, np.linalg.norm(np.asarray(exits.direction), axis=-1) - 1


def gyrations_inside(particles: orbits.ParticleSet, size: Size) -> Estimate:
    """Return after how many gyrations orbits leave the published volume of three boxes a side."""
    half = jnp.full(3, 1.5 * particles.cells * particles.cell)
    means = []
    for number in numbers(particles, size):
        field, _ = make_place(particles, size, number)
        _, direction = random_states(particles, _LEAVING, number)
        exits = orbits.trace_ensemble(
            field, jnp.zeros(3, jnp.float32), direction, rigidity=particles.rigidity,
            pusher=pusher(particles), stop=orbits.Box(-half, half),
        )  # fmt: skip
        means.append(jnp.mean(exits.path_length) / (2 * np.pi * particles.gyroradius))
    return jackknife(lambda x: x, jnp.stack(means))


def mean_deviation(curve: Curve, place: int) -> Estimate:
    """Return the mean absolute deviation at one sample, with its error over groups of orbits."""
    return jackknife(lambda x: x, group_means(jnp.asarray(np.abs(curve[1][place])), _GROUPS))


def _starts(particles: orbits.ParticleSet) -> tuple[Array, Array]:
    """Return positions and directions in float64, with unit vectors to its round-off."""
    position, direction = (x.astype(jnp.float64) for x in random_states(particles, _ORBITS, 0))
    return position, direction / jnp.linalg.norm(direction, axis=1, keepdims=True)


def _largest_boris_error(field, particles, size: Size) -> float:
    """Return the largest deviation with Boris steps after the same path."""
    position, direction = _starts(particles)
    exits = orbits.trace_ensemble(
        field, position, direction, rigidity=particles.rigidity, pusher=pusher(particles),
        stop=orbits.PathLength(2 * np.pi * particles.gyroradius * size.gyrations),
    )  # fmt: skip
    return float(jnp.max(jnp.abs(jnp.linalg.norm(exits.direction, axis=-1) - 1)))


def judge_mean(found: dict[float, Estimate], stay: float, kept: float) -> Verdict:
    """Return whether the mean deviation is as small when the orbits leave the volume."""
    main = found[TOLERANCE]
    holds = float(main.value) - SIGMAS * float(main.error) <= PUBLISHED_MEAN
    others = ", ".join(f"{plus_minus(found[x])} at {x:g}" for x in _TIGHTER)
    return Verdict(
        f"mean energy error {PUBLISHED_MEAN:g} at a tolerance of {TOLERANCE:g}",
        f"{plus_minus(main)} after the {stay:.0f} gyrations that orbits stay, {others}; "
        f"Boris steps {kept:.0e} at most",
        holds,
        ""
        if holds
        else "A tolerance bounds the error of one step, and that adds up over steps; "
        "programs differ in how far below it they stay. The order of extrapolation is unpublished.",
    )


def judge_worst(curve: Curve) -> Verdict:
    """Return whether no orbit does worse than the published worst one while it stays."""
    counts, deviation = curve
    worst = np.abs(deviation).max(axis=1)
    leaving = _POINTS - 1
    return Verdict(
        f"single orbits reach an error of {PUBLISHED_WORST:g} at most",
        f"worst of {_ORBITS} orbits: {worst[leaving]:.1e} after {counts[leaving]:.0f} gyrations, "
        f"{worst[-1]:.1e} after {counts[-1]:.0f}",
        bool(worst[leaving] <= PUBLISHED_WORST),
        "It grows with the path: the longest published orbits make 10,000 gyrations.",
    )


def draw(curves: dict[float, Curve]) -> Figure:
    """Return the deviations of all orbits and their mean as the path grows."""
    figure = new_figure(8.5, 6)
    axes = figure.subplots()
    for (tolerance, (counts, deviation)), color in zip(
        curves.items(), (VERMILION, BLUE, GREEN), strict=True
    ):
        axes.plot(counts, np.abs(deviation), color=color, lw=0.6, alpha=0.4)
        axes.plot(counts, np.abs(deviation).mean(axis=1), "o-", color=color, lw=2,
                  label=f"mean of {deviation.shape[1]} orbits, tol. {tolerance:g}")  # fmt: skip
    axes.axhline(PUBLISHED_MEAN, color=GREY, ls="--", label="published mean")
    axes.axhline(PUBLISHED_WORST, color=GREY, ls=":", label="published worst")
    axes.set(xscale="log", yscale="log")
    add_legend(axes, loc="lower right")
    polish(axes, x_label="gyrations", y_label="| relative change of energy |",
           title="energy conservation, Bulirsch–Stoer")  # fmt: skip
    return figure


ENERGY_CONSERVATION = Experiment(
    "energy-conservation", "energy of 30 PeV orbits, Bulirsch–Stoer", f"{SOURCE}, fig. 7", run
)
