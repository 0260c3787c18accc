"""Mean free path along the field by rigidity, and diffusion across it, beside orbits."""

import math

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from jaxcr import kinetic
from jaxcr.experiments.experiment import DEFAULT, Experiment, Outcome, Size, Verdict
from jaxcr.experiments.transport_theory.diffusion import (
    COMPOSITE_PATH,
    RMS,
    SLAB_SHARE,
    Across,
    Along,
    measure_across,
    measure_along,
)
from jaxcr.experiments.transport_theory.setup import make_spectrum, rigidity_of
from jaxcr.experiments.verdicts import (
    UNRESOLVED,
    agrees,
    as_numbers,
    judge_sign,
    plus_minus,
    scaled,
)
from jaxcr.plots.style import BLACK, BLUE, GREEN, ORANGE, VERMILION, add_legend, new_figure, polish
from jaxcr.statistics import Estimate

INDICES = {"Kolmogorov, 5/3": 5 / 3, "Kraichnan, 3/2": 3 / 2}
GYRORADII = (0.03, 0.1, 0.3, 1.0, 3.0, 10.0)
FEW_GYRORADII = (0.3, 1.0, 3.0)
"""Of quick runs, in bend-over scales."""
CURVE = np.geomspace(1e-4, 1e3, 71)
_CLOSE, _SLOPE = 1e-6, 0.01
"""Tolerances of the integral against its closed form, and of an asymptotic exponent."""
_TELLING = 0.15
"""Error of a ratio that can tell theories apart."""


def run(size: Size) -> Outcome:
    """Compute mean free paths by rigidity, and measure some; measure diffusion across."""
    curves = {name: curve(index) for name, index in INDICES.items()}
    many = size.orbits >= DEFAULT.orbits
    per_field = size.orbits // 2 // size.fields
    along = [
        measure_along(x, size.fields, per_field) for x in (GYRORADII if many else FEW_GYRORADII)
    ]
    across = [measure_across(x, size.fields, per_field) for x in COMPOSITE_PATH]
    verdicts = (
        judge_closed_form(curves),
        judge_exponents(curves),
        judge_orbits(along, "quasilinear"),
        judge_orbits(along, "second order"),
        judge_scaling(along),
        judge_compound(along),
        judge_across(across, "nonlinear guiding centres"),
        judge_across(across, "field-line random walk"),
    )
    numbers = {
        "unit": "bend-over scales", "amplitude": RMS, "orbits": size.fields * per_field,
        "realisations": size.fields, "gyroradius": CURVE.tolist(), "curves": curves,
        "along": [
            {"gyroradius": x.gyroradius, "path": x.path, "free_path": as_numbers(x.free_path),
             "seen_on_that_path": x.seen, "quasilinear": x.endless,
             "exponent_across": as_numbers(x.exponent)}
            for x in along
        ],
        "slab_share": SLAB_SHARE,
        "across": [
            {"amplitude": x.rms, "parallel": as_numbers(x.parallel),
             "perpendicular": as_numbers(x.perpendicular), "theories": x.theories,
             "perpendicular_over_parallel": float(x.perpendicular.value / x.parallel.value)}
            for x in across
        ],
    }  # fmt: skip
    return Outcome(numbers, verdicts, lambda: draw(curves, along, across))


def curve(index: float) -> dict[str, list[float]]:
    """Return the quasilinear mean free path, its exponent and its closed form by gyroradius."""
    given = {"rms": RMS, "mean_strength": 1.0}
    spectrum = make_spectrum(outer_scale=1e9, index=index)
    model = kinetic.SlabScattering(spectrum, endless=True, **given)

    def at(rigidity):
        exact = kinetic.bend_over_mean_free_path(
            rigidity, index=index, bend_over_scale=1.0, **given
        )
        path = kinetic.parallel_mean_free_path(model, rigidity)
        return path, kinetic.rigidity_exponent(model, rigidity), exact

    found = jax.jit(jax.vmap(at))(jnp.asarray(rigidity_of(CURVE)))
    names = ("mean_free_path", "exponent", "closed_form")
    return {name: np.asarray(x).tolist() for name, x in zip(names, found, strict=True)}


def judge_closed_form(curves: dict[str, dict]) -> Verdict:
    """Return whether the integral over pitch angles is the published closed form."""
    off = {
        k: float(np.max(np.abs(np.array(x["mean_free_path"]) / np.array(x["closed_form"]) - 1)))
        for k, x in curves.items()
    }
    texts = ", ".join(f"{k}: {x:.1e}" for k, x in off.items())
    return Verdict(
        "the quasilinear mean free path is a hypergeometric function of r_L/l",
        f"largest relative difference of the integral over D_mumu for r_L/l from {CURVE[0]:g} to "
        f"{CURVE[-1]:g}: {texts}",
        max(off.values()) < _CLOSE,
    )


def judge_exponents(curves: dict[str, dict]) -> Verdict:
    """Return whether the exponents are 2 - q below the bend-over and 2 above."""
    ends = {k: (x["exponent"][0], x["exponent"][-1]) for k, x in curves.items()}
    holds = all(
        abs(low - (2 - INDICES[k])) < _SLOPE and abs(high - 2) < _SLOPE
        for k, (low, high) in ends.items()
    )
    texts = "; ".join(f"{k}: {low:.4f}, {high:.4f}" for k, (low, high) in ends.items())
    return Verdict(
        "lambda grows as R^(2-q), 1/3 and 1/2, far below the bend-over and as R² far above",
        f"exponents at r_L/l = {CURVE[0]:g} and {CURVE[-1]:g}: {texts}",
        holds,
    )


def _ratios(along: list[Along], theory: str) -> list[Estimate]:
    return [scaled(x.free_path, 1 / x.seen[theory]) for x in along]


def judge_orbits(along: list[Along], theory: str) -> Verdict:
    """Return whether a theory gives the mean free path of orbits."""
    found = _ratios(along, theory)
    holds = all(agrees(x, 1.0) for x in found)
    unsure = holds and max(float(x.error) for x in found) > _TELLING
    texts = ", ".join(
        f"{plus_minus(x)} ({y.gyroradius:g})" for x, y in zip(found, along, strict=True)
    )
    return Verdict(
        f"{theory} theory gives the mean free path along the field",
        f"orbits over theory on the same path at dB/B0 = {RMS:g} (r_L/l): {texts}",
        None if unsure else holds,
        UNRESOLVED if unsure else "" if holds or float(found[0].value) > 1 else
        "At small rigidities particles pass 90 degrees faster than that.",
    )  # fmt: skip


def _slope(low: Along, high: Along) -> tuple[Estimate, float]:
    """Return the exponent between two gyroradii, and that of quasilinear theory."""
    span = math.log(high.gyroradius / low.gyroradius)
    errors = [float(x.free_path.error / x.free_path.value) for x in (low, high)]
    value = jnp.log(high.free_path.value / low.free_path.value) / span
    expected = math.log(high.seen["quasilinear"] / low.seen["quasilinear"]) / span
    return Estimate(value, jnp.asarray(math.hypot(*errors) / span)), expected


def judge_scaling(along: list[Along]) -> Verdict:
    """Return whether orbits have the exponents of quasilinear theory."""
    pairs = [_slope(along[0], along[1]), _slope(along[-2], along[-1])]
    holds = all(agrees(found, expected) for found, expected in pairs)
    unsure = holds and max(float(found.error) for found, _ in pairs) > _TELLING
    texts = ", ".join(
        f"{plus_minus(found)} (theory on that path {expected:.3f})" for found, expected in pairs
    )
    places = [f"{x.gyroradius:g} to {y.gyroradius:g}" for x, y in
              ((along[0], along[1]), (along[-2], along[-1]))]  # fmt: skip
    return Verdict(
        "the mean free path of orbits grows with rigidity as quasilinear theory says: as R^(1/3) "
        "where r_L << l",
        f"exponent for r_L/l = {places[0]} and {places[1]}: {texts}",
        None if unsure else holds,
        UNRESOLVED if unsure else "",
    )


def judge_compound(along: list[Along]) -> Verdict:
    """Return whether particles do not diffuse across slab waves."""
    row = min(along, key=lambda x: abs(x.gyroradius - 1))
    below = judge_sign(1 - float(row.exponent.value), float(row.exponent.error))
    holds = agrees(row.exponent, 0.5) and below
    return Verdict(
        "across slab waves there is no diffusion: <x²> ~ t^(1/2), on field lines there and back",
        f"exponent {plus_minus(row.exponent)} (r_L/l = {row.gyroradius:g})",
        None if below is None else bool(holds),
        UNRESOLVED if below is None else "",
    )


def judge_across(across: list[Across], theory: str) -> Verdict:
    """Return whether a theory gives diffusion across the field in slab and 2D waves."""
    found = [scaled(x.perpendicular, 1 / x.theories[theory]) for x in across]
    holds = all(agrees(x, 1.0) for x in found)
    unsure = holds and max(float(x.error) for x in found) > _TELLING
    texts = ", ".join(f"{plus_minus(x)} (dB/B0 = {y.rms:g}, across over along "
                      f"{float(y.perpendicular.value / y.parallel.value):.2g})"
                      for x, y in zip(found, across, strict=True))  # fmt: skip
    walk = theory == "field-line random walk"
    return Verdict(
        f"{theory} {'gives' if walk else 'give'} diffusion across slab and 2D waves, "
        f"{SLAB_SHARE:.0%} slab",
        f"orbits over theory: {texts}",
        None if unsure else holds,
        UNRESOLVED if unsure else "An upper estimate: particles are scattered back on their lines."
        if walk else "With the measured mean free path along the field.",
    )  # fmt: skip


def draw(curves: dict[str, dict], along: list[Along], across: list[Across]) -> Figure:
    """Return mean free paths, orbits over theory, and diffusion across."""
    figure = new_figure(17, 5.5)
    left, middle, right = figure.subplots(1, 3)
    for (name, row), color in zip(curves.items(), (BLUE, GREEN), strict=True):
        left.loglog(CURVE, row["mean_free_path"], color=color, label=f"quasilinear, {name}")
    radius = [x.gyroradius for x in along]
    _dots(left, radius, [x.free_path for x in along], r"orbits, 5/3, paths of $6\,\lambda$")
    for theory, color in (("quasilinear", BLUE), ("second order", VERMILION)):
        found = _ratios(along, theory)
        middle.errorbar(radius, [float(x.value) for x in found], [float(x.error) for x in found],
                        fmt="o-", capsize=4, color=color, label=f"over {theory}")  # fmt: skip
    middle.axhline(1, color=BLACK, lw=1, ls=":")
    middle.set_xscale("log")
    middle.set_xticks(radius, [f"{x:g}" for x in radius])
    middle.minorticks_off()
    middle.set_ylim(0, 1.6)
    rms = [x.rms for x in across]
    for theory, color in (("field-line random walk", ORANGE), ("nonlinear guiding centres", GREEN)):
        values = [x.theories[theory] / float(x.parallel.value) for x in across]
        right.loglog(rms, values, "s--", color=color, label=theory)
    _dots(right, rms, [scaled(x.perpendicular, 1 / float(x.parallel.value)) for x in across],
          "orbits")  # fmt: skip
    right.set_xticks(rms, [f"{x:g}" for x in rms])
    right.minorticks_off()
    for axes in (left, middle, right):
        add_legend(axes)
    polish(left, x_label="$r_L/l$", y_label=r"$\lambda_\parallel/l$",
           title=f"slab waves, dB/B0 = {RMS:g}")  # fmt: skip
    polish(middle, x_label="$r_L/l$", y_label=r"$\lambda_\parallel$ of orbits over theory",
           title="index 5/3")  # fmt: skip
    polish(right, x_label="dB/B0", y_label=r"$\kappa_\perp/\kappa_\parallel$",
           title="slab and 2D waves, $r_L = l$")  # fmt: skip
    return figure


def _dots(axes: Axes, x: list[float], found: list[Estimate], label: str) -> None:
    axes.errorbar(x, [float(y.value) for y in found], [float(y.error) for y in found], fmt="o",
                  color=BLACK, capsize=4, label=label)  # fmt: skip


MEAN_FREE_PATH = Experiment(
    "mean-free-path",
    "mean free path by rigidity, and diffusion across the field, beside orbits",
    "Jokipii 1966; Shalchi 2009; Matthaeus et al. 2003",
    run,
)
