"""What turbulence and trap do to C_l: derivatives from an emulator, through orbits, by differences.

The emulator differentiates its interpolation between simulated points, the path-wise derivative
follows every orbit, the difference simulates the same phases on both sides. The first two need
nothing from each other, so that their agreement checks both.
"""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from jaxcr import infer, sky
from jaxcr.experiments.angular_spectrum.setup import (
    BOUNDARY_LMAX,
    LEVEL,
    LMAX,
    LONG,
    SHORT,
    SOURCE,
    describe,
    ensemble,
)
from jaxcr.experiments.experiment import Experiment, Outcome, Size, Verdict
from jaxcr.experiments.verdicts import UNRESOLVED, as_numbers, entry, judge_sign, plus_minus
from jaxcr.infer.gradients.pathwise import tail_weight
from jaxcr.infer.gradients.report import distance, is_regular
from jaxcr.infer.gradients.simulations import path_slopes
from jaxcr.plots.style import BLUE, GREY, ORANGE, VERMILION, add_legend, new_figure, polish
from jaxcr.statistics import Estimate, jackknife

NAMES = ("ln dB/B0", "index", "ln R", "gradient")
"""R = sqrt(B1 B2)/B0 and gradient ln B1/B2 of the trap."""
POINT = (float(np.log(LEVEL)), 5 / 3, float(np.log(2.0)), 0.3)
STEPS = (0.1, 0.1, 0.02, 0.02)
"""Half-widths of the differences."""
RANGES = {"level": (0.4, 1.4), "index": (1.4, 1.95)}
PARALLEL = 0.9
"""Cosine from which two derivatives count as parallel: the second adds a fifth of its
information."""
UNLIKELY, NEGLIGIBLE = 5, 0.02
"""Errors by which the worst of 64 d ln C_l may be off, beyond what steps and interpolation may."""
_AMPLITUDE = float(np.log(1e-3))
_GAUGE_FIELDS = 8


class Derivatives(NamedTuple):
    """d ln C_l / d parameter, ``(parameter, ell)`` from l = 1, by three methods in the same fields.

    Attributes
    ----------
    emulator, orbits, difference
        The derivatives; ``orbits`` is path-wise.
    combined
        Of the latter two, by least squared error.
    emulator_gap, difference_gap
        Emulator less orbits, difference less orbits, with the error of what they do not share.
    cosines
        Between the emulator's derivatives in units of the errors of one sky, what a free amplitude
        absorbs taken out; ``(parameter, parameter)``.
    """

    emulator: Estimate
    orbits: Estimate
    difference: Estimate
    combined: Estimate
    emulator_gap: Estimate
    difference_gap: Estimate
    cosines: Estimate


class Regularity(NamedTuple):
    """Whether orbits are regular enough for path-wise derivatives, by ln dB/B0.

    Attributes
    ----------
    noise
        Error path-wise over that of the difference, ``(ell,)``.
    tail, worst_z, regular, num_fields
        As in `infer.GradientReport`.
    """

    noise: Float[np.ndarray, " ell"]
    tail: float
    worst_z: float
    regular: bool
    num_fields: int


def run(size: Size) -> Outcome:
    """Compare the derivatives, and those of different parameters."""
    skies, num_fields = ensemble(size, SHORT), max(2, size.fields // 2)
    model, by_field = emulate(skies, num_fields)
    found, short = measure(skies, model, by_field)
    long = gauge(ensemble(size, LONG), model, min(num_fields, _GAUGE_FIELDS))
    gauges = {SHORT: short, LONG: long}
    numbers = {
        "skies": describe(skies),
        "fields": num_fields,
        "parameters": NAMES,
        "point": POINT,
        "steps": STEPS,
        "ell": list(range(1, LMAX + 1)),
        "unit": "d ln C_l by the parameter",
        **{name: as_numbers(x) for name, x in found._asdict().items()},
        "gauges": {
            f"{path:g} r_L": x._replace(noise=x.noise.tolist())._asdict()
            for path, x in gauges.items()
        },
    }  # fmt: skip
    verdicts = (
        judge_agreement(
            "the emulator's derivatives are those through the orbits",
            found.emulator_gap, short.regular,
        ),
        judge_agreement(
            "differences with the same phases are those through the orbits",
            found.difference_gap, short.regular,
        ),
        judge_horizon(gauges),
        judge_parallel(found.cosines, "ln dB/B0", "index"),
        judge_parallel(found.cosines, "ln R", "gradient"),
        judge_parallel(found.cosines, "ln dB/B0", "ln R"),
    )  # fmt: skip
    return Outcome(numbers, verdicts, lambda: draw(found, gauges))


def model_values(point: Float[Array, " parameter"]) -> Float[Array, " value"]:
    """Return the vector of a `SkyModel` over level and index at a point, A = 1e-3."""
    level, index, log_ratio, gradient = point
    depth = jnp.log(jnp.expm1(log_ratio))
    return jnp.stack([jnp.full_like(depth, _AMPLITUDE), level, index, depth, gradient])


def emulate(
    skies: infer.SkyEnsemble, num_fields: int
) -> tuple[infer.SkyModel, Float[Array, "field node ell pair"]]:
    """Return a model of the skies, and its tensors averaged over the observers in each field."""
    emulator = infer.build_emulator(skies, ("level", "index"), num_fields=num_fields, ranges=RANGES)
    model = infer.SkyModel(emulator, infer.TrapSeries(lmax=BOUNDARY_LMAX))
    tensors = model.skies.tensors
    shape = (len(tensors), num_fields, skies.num_observers, *tensors.shape[2:])
    return model, jnp.moveaxis(jnp.mean(tensors.reshape(shape), axis=2), 1, 0)


def measure(
    skies: infer.SkyEnsemble, model: infer.SkyModel, by_field: Float[Array, "field node ell pair"]
) -> tuple[Derivatives, Regularity]:
    """Return all derivatives, from fields of the same numbers, and how regular the orbits are."""
    centre, estimates, regular = through_orbits(skies, model, len(by_field))
    rows = [jnp.asarray(x.per_field[..., 1:], float) for x in estimates]
    orbits, difference, combined = rows
    centre = jnp.asarray(centre[:, 1:], float)

    def emulated(mean):
        return emulator_slopes(model, mean)

    def ratio(means):
        return means[0] / means[1][None]

    precision = one_sky_precision(model)
    found = Derivatives(
        emulator=jackknife(emulated, by_field),
        orbits=jackknife(ratio, (orbits, centre)),
        difference=jackknife(ratio, (difference, centre)),
        combined=jackknife(ratio, (combined, centre)),
        emulator_gap=jackknife(lambda m: emulated(m[0]) - ratio(m[1:]), (by_field, orbits, centre)),
        difference_gap=jackknife(ratio, (difference - orbits, centre)),
        cosines=jackknife(lambda m: cosines(emulated(m), precision), by_field),
    )
    return found, regular


def emulator_slopes(
    model: infer.SkyModel, tensors: Float[Array, "node ell pair"]
) -> Float[Array, "parameter multipole"]:
    """Return the derivatives of the model with these means of the skies, from l = 1."""
    own = eqx.tree_at(lambda m: m.skies.tensors, model, tensors[:, None])
    slopes = jax.jacfwd(lambda point: jnp.log(own.mean_spectrum(model_values(point))[1:]))
    return slopes(jnp.array(POINT)).T


def through_orbits(
    skies: infer.SkyEnsemble, model: infer.SkyModel, num_fields: int
) -> tuple[Float[np.ndarray, "field ell"], list[infer.JacobianEstimate], Regularity]:
    """Return C_l of each field, path-wise derivative, difference and their combination."""
    spectra = infer.remembered(spectra_of(skies, model))
    point, numbers = jnp.array(POINT, jnp.float32), range(num_fields)
    difference = infer.CentralDifference(step=STEPS, richardson=False)
    estimates = [x(spectra, point, numbers) for x in (infer.Pathwise(), difference)]
    centre = [np.asarray(spectra(point, number)).mean(axis=0) for number in numbers]
    regular = regularity(spectra, point, numbers, estimates)
    return np.stack(centre), [*estimates, infer.combined_estimate(estimates)], regular


def spectra_of(skies: infer.SkyEnsemble, model: infer.SkyModel):
    """Return C_l of the skies in a field as a function of the parameters, for a unit dipole."""

    def spectra(point, number):
        parameters = skies.at(level=jnp.exp(point[0]), index=point[1])
        series = boundary_series(model, point).astype(point.dtype)
        boundary = sky.TrapBoundary(series, jnp.array(infer.AXIS, point.dtype))
        return infer.simulated_spectra(skies, parameters, number, boundary=boundary)

    return spectra


@eqx.filter_jit
def boundary_series(model: infer.SkyModel, point: Float[Array, " parameter"]) -> Float[Array, " l"]:
    """Return f_l with f_0 = f_1 = 1."""
    return model.series(model_values(point.astype(float))).at[0].set(1)


def gauge(skies: infer.SkyEnsemble, model: infer.SkyModel, num_fields: int) -> Regularity:
    """Return how regular orbits are in other skies, by ln dB/B0 alone."""
    whole = spectra_of(skies, model)
    rest = jnp.array(POINT[1:], jnp.float32)
    spectra = infer.remembered(lambda x, number: whole(jnp.concatenate([x, rest]), number))
    point, numbers = jnp.array(POINT[:1], jnp.float32), range(num_fields)
    difference = infer.CentralDifference(step=STEPS[:1], richardson=False)
    estimates = [x(spectra, point, numbers) for x in (infer.Pathwise(), difference)]
    return regularity(spectra, point, numbers, estimates)


def regularity(spectra, point, numbers: range, estimates) -> Regularity:
    """Return the gauge of a gradient report for the first parameter."""
    orbits, difference = estimates[:2]
    _, slopes = path_slopes(spectra, point, numbers)
    noise = orbits.error[0, 1:] / difference.error[0, 1:]
    tail = float(tail_weight(slopes[:, :, :1])[0])
    worst = float(np.max(np.abs(distance(orbits, difference)[0, 1:])))
    regular = is_regular(float(np.median(noise)), tail, worst)
    return Regularity(noise, tail, worst, regular, len(numbers))


def one_sky_precision(model: infer.SkyModel) -> Float[Array, "ell ell"]:
    """Return the inverse covariance of ln C_l of one sky at the point."""
    values = model_values(jnp.array(POINT))
    c_ell = np.asarray(model.mean_spectrum(values))[1:]
    none = np.zeros(LMAX)
    data = infer.SpectrumData(np.arange(1, LMAX + 1), c_ell, none, none)
    level = float(np.median(np.asarray(model.emulator.noise))) * np.exp(2 * _AMPLITUDE)
    prediction = model.predict(values, data.with_level(2 * level))
    return jnp.linalg.inv(prediction.log_covariance)


def cosines(
    slopes: Float[Array, "parameter ell"], precision: Float[Array, "ell ell"]
) -> Float[Array, "parameter parameter"]:
    """Return the cosines of derivatives by the metric of one sky, without a change of amplitude."""
    flat = jnp.ones(slopes.shape[1])
    weight = precision @ flat
    shapes = slopes - jnp.outer(slopes @ weight, flat) / (flat @ weight)
    information = shapes @ precision @ shapes.T
    size = jnp.sqrt(jnp.diagonal(information))
    return information / jnp.outer(size, size)


def judge_agreement(statement: str, gap: Estimate, regular: bool) -> Verdict:
    """Return whether two methods agree, where orbits are regular enough to tell."""
    value, error = np.asarray(gap.value), np.asarray(gap.error)
    beyond = np.maximum(np.abs(value) - NEGLIGIBLE, 0)
    worst = np.max(beyond / np.maximum(error, 1e-12), axis=1)
    parts = [
        f"{name} {np.sqrt(np.mean(row**2)):.2g} (worst {w:.1f} errors)"
        for name, row, w in zip(NAMES, value, worst, strict=True)
    ]
    holds = bool(worst.max() < UNLIKELY) if regular else None
    return Verdict(
        statement,
        f"rms difference of d ln C_l over l = 1 to {LMAX}: {', '.join(parts)}",
        holds,
        f"Path of {SHORT:g} r_L; {UNLIKELY} errors allowed beyond {NEGLIGIBLE:g}."
        if regular
        else "Orbits are not regular enough here.",
    )


def judge_horizon(gauges: dict[float, Regularity]) -> Verdict:
    """Return whether longer orbits are past the horizon of path-wise derivatives."""
    parts = [
        f"{path:g} r_L: {np.median(x.noise):.2f} times the noise of the difference, "
        f"tail {x.tail:.1f}"
        for path, x in gauges.items()
    ]
    return Verdict(
        f"derivatives through orbits serve at {SHORT:g} r_L and not at {LONG:g} r_L",
        "; ".join(parts),
        gauges[SHORT].regular and not gauges[LONG].regular,
        "By ln dB/B0 from " + " and ".join(f"{x.num_fields}" for x in gauges.values()) + " fields.",
    )


def judge_parallel(found: Estimate, first: str, second: str) -> Verdict:
    """Return whether two parameters do the same to the shape of C_l."""
    place = NAMES.index(first), NAMES.index(second)
    one = entry(found, place)
    holds = judge_sign(abs(float(one.value)) - PARALLEL, float(one.error))
    return Verdict(
        f"{first} and {second} change the shape of C_l in parallel",
        f"cosine {plus_minus(one)}; {PARALLEL:g} counts as parallel",
        holds,
        "In units of the scatter of one sky, a free amplitude taken out."
        if holds is not None
        else UNRESOLVED,
    )


def draw(found: Derivatives, gauges: dict[float, Regularity]) -> Figure:
    """Return the derivatives by each parameter, cosines, and the noise of both methods."""
    figure = new_figure(16, 9)
    panels = figure.subplots(2, 3)
    for place, axes in enumerate(panels[:, :2].ravel()):
        draw_parameter(axes, found, place)
    matrix, noise = panels[:, 2]
    values = np.asarray(found.cosines.value)
    matrix.imshow(values, cmap="RdBu_r", vmin=-1, vmax=1)
    for (i, j), value in np.ndenumerate(values):
        matrix.text(j, i, f"{value:.2f}", ha="center", va="center", fontsize=12,
                    color="white" if abs(value) > 0.6 else "black")  # fmt: skip
    matrix.set_xticks(range(len(NAMES)), NAMES)
    matrix.set_yticks(range(len(NAMES)), NAMES)
    polish(matrix, title="Cosines, amplitude taken out")
    matrix.grid(visible=False)
    ell = np.arange(1, LMAX + 1)
    for (path, found_here), color in zip(gauges.items(), (BLUE, VERMILION), strict=True):
        noise.plot(ell, found_here.noise, "o-", color=color, label=f"path of {path:g} r$_L$")
    noise.axhline(1, color=GREY, lw=1.2)
    noise.set_yscale("log")
    noise.set_xticks(range(2, LMAX + 1, 2))
    polish(noise, x_label=r"multipole $\ell$", y_label="error path-wise / difference",
           title="Chaos, by ln dB/B0")  # fmt: skip
    add_legend(noise)
    return figure


def draw_parameter(axes: Axes, found: Derivatives, place: int) -> None:
    """Draw d ln C_l by one parameter, by three methods."""
    ell = np.arange(1, LMAX + 1)
    value, error = (np.asarray(x)[place] for x in (found.emulator.value, found.emulator.error))
    axes.axhline(0, color=GREY, lw=1)
    axes.fill_between(ell, value - error, value + error, color=BLUE, alpha=0.3, lw=0)
    axes.plot(ell, value, color=BLUE, lw=2, label="emulator")
    for method, shift, color, marker, label in (
        (found.orbits, -0.12, VERMILION, "o", "through the orbits"),
        (found.difference, 0.12, ORANGE, "s", "difference, same phases"),
    ):
        axes.errorbar(ell + shift, np.asarray(method.value)[place], np.asarray(method.error)[place],
                      fmt=marker, ms=4.5, color=color, capsize=2, label=label)  # fmt: skip
    polish(axes, x_label=r"multipole $\ell$", y_label=rf"d ln $C_\ell$ / d {NAMES[place]}",
           title=NAMES[place])  # fmt: skip
    axes.set_xticks(range(2, LMAX + 1, 2))
    if place == 0:
        axes.set_ylim(top=1.9 * axes.get_ylim()[1])
        add_legend(axes, loc="upper right")


SPECTRUM_DERIVATIVES = Experiment(
    "spectrum-derivatives",
    "what turbulence and trap do to C_l: emulator, orbits, differences",
    SOURCE,
    run,
)
