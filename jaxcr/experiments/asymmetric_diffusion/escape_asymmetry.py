"""Populations of a trap and hops between traps: who leaves on which side, how fast, how far."""

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, NullLocator

from jaxcr import orbits, traps
from jaxcr.experiments.asymmetric_diffusion.setup import (
    CLOSURES,
    FALL,
    SOURCE,
    make_bottles,
    make_trap,
    whole_groups,
)
from jaxcr.experiments.experiment import Experiment, Outcome, Size, Verdict
from jaxcr.experiments.verdicts import (
    UNRESOLVED,
    agrees,
    as_numbers,
    judge_sign,
    plus_minus,
    quotient,
    scaled,
)
from jaxcr.plots.style import BLUE, GREY, VERMILION, add_legend, new_figure, polish
from jaxcr.statistics import Estimate
from jaxcr.traps.scattering import PitchAngleScattering
from jaxcr.units import GYRORADIUS

TRAP = (1.0, 4.0, 3.0)
"""B0, B1, B2 in µG of the trap whose populations are counted; none is published."""
_ORBIT_RADIUS = 0.01
"""Of the full orbits at the minimum, in traps."""
_STEP = 0.1
"""In these gyroradii."""
_PATH = 12.0
"""In traps: several times as long as particles of the loss cones stay."""
PATH = 200.0
"""Over which hops are counted, in traps."""
_MAX_HOPS = 64
"""Traps up to which they are told apart: e^-13 of those at the lowest rate go farther."""


class Case(NamedTuple):
    """Scattering at a rate, in v/λ, in traps with a fall of the field."""

    name: str
    fall: float
    rate: float
    scattering: PitchAngleScattering = traps.IsotropisingScattering()


LARGE_ANGLES = tuple(Case(f"ν = {rate:g}", FALL, rate) for rate in (0.2, 0.5, 1.0, 2.0))
LEVEL = Case("ν = 1, B1 = B2", 1.0, 1.0)
SMALL_ANGLES = Case("ν = 0.5, small angles", FALL, 0.5, traps.SmallAngleScattering())
CASES = (*LARGE_ANGLES, LEVEL, SMALL_ANGLES)
MARGINAL = LARGE_ANGLES[2]
"""Mean free path and trap of one length, as published."""

Hops = dict[str, traps.MeasuredHops]


def run(size: Size) -> Outcome:
    """Count full orbits that leave one trap, and hops of guiding centres between traps."""
    num = whole_groups(4 * size.orbits)
    trap = traps.Trap(*TRAP)
    counted = populations(trap, num // 2)
    hops = {case.name: measure(case, num, number) for number, case in enumerate(CASES)}
    marginal = hops[MARGINAL.name]
    verdicts = (
        *judge_populations(counted, trap),
        judge_rate(hops),
        judge_asymmetry(marginal.exponent, marginal.asymmetry),
        judge_flux(marginal.asymmetry),
        judge_neighbours(marginal.jumps),
    )
    numbers = {
        "particles": num,
        "trap": dict(zip(("minimum", "left_mirror", "right_mirror"), TRAP, strict=True)),
        "populations": {
            name: as_numbers(x)
            | {"published": float(getattr(traps.escape_probabilities(trap), name))}
            for name, x in counted.items()
        },
        "unit": "lengths λ, times λ/v",
        "path": PATH,
        "rows": [row(case, hops[case.name]) for case in CASES],
    }
    return Outcome(numbers, verdicts, lambda: draw(counted, trap, hops))


def populations(trap: traps.Trap, num: int) -> dict[str, Estimate]:
    """Return the shares of full orbits that leave a trap left, right, or not at all.

    They start isotropic at the minimum; nothing scatters them.
    """
    field = make_bottles(trap)
    minimum = jnp.array([0.5 - 2 * float(field.shift), 0, 0])
    direction = np.random.default_rng(0).standard_normal((num, 3))
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    exits = orbits.trace_ensemble(
        field, minimum, jnp.asarray(direction), rigidity=_ORBIT_RADIUS / GYRORADIUS,
        stop=orbits.Box(jnp.array([0.0, -1, -1]), jnp.array([1.0, 1, 1])),
        pusher=orbits.Boris(step=_STEP * _ORBIT_RADIUS), max_path_length=_PATH,
    )  # fmt: skip
    gone, right = np.asarray(exits.met), np.asarray(exits.position[:, 0]) > 0.5
    return {"left": share(gone & ~right), "right": share(gone & right), "trapped": share(~gone)}


def share(chosen: np.ndarray) -> Estimate:
    """Return the share of particles with its binomial error, never zero."""
    num, count = chosen.size, int(chosen.sum())
    p = (count + 1) / (num + 2)
    return Estimate(jnp.asarray(count / num), jnp.asarray(math.sqrt(p * (1 - p) / num)))


def measure(case: Case, num: int, number: int) -> traps.MeasuredHops:
    """Return how guiding centres hop."""
    return traps.measure_hops(
        make_bottles(make_trap(case.fall)), scattering_rate=case.rate, path_length=PATH,
        num_particles=num, key=jax.random.key(number), scattering=case.scattering,
        max_hops=_MAX_HOPS,
    )  # fmt: skip


def exponent(closure: traps.Closure, fall: float) -> float:
    """Return V λ/D of the chain of a closure."""
    return float(traps.steady_exponent(*closure.rates(make_trap(fall), 1.0), order=2))


def hops_per_scattering(case: Case, hops: traps.MeasuredHops) -> Estimate:
    """Return the rate of all hops over that of scatterings; their errors taken as independent."""
    near = Estimate(
        hops.rate_right.value[0] + hops.rate_left.value[0],
        jnp.hypot(hops.rate_right.error[0], hops.rate_left.error[0]),
    )
    return scaled(quotient(near, Estimate(1 - hops.jumps.value, hops.jumps.error)), 1 / case.rate)


def diffusion_of_hops(hops: traps.MeasuredHops) -> Estimate:
    """Return D of a chain with the counted rates, sum of m² (g_m + r_m)/2."""
    half_squares = jnp.arange(1.0, hops.rate_right.value.size + 1) ** 2 / 2
    errors = half_squares * jnp.hypot(hops.rate_right.error, hops.rate_left.error)
    both = hops.rate_right.value + hops.rate_left.value
    return Estimate(half_squares @ both, jnp.linalg.norm(errors))


def row(case: Case, hops: traps.MeasuredHops) -> dict:
    """Return the numbers of one case."""
    names = ("drift", "diffusion", "exponent", "asymmetry", "jumps", "correlation")
    small = isinstance(case.scattering, traps.SmallAngleScattering)
    return (
        {"name": case.name, "fall": case.fall, "rate": case.rate, "small_angles": small}
        | {name: as_numbers(getattr(hops, name)) for name in names}
        | {"hops_per_scattering": as_numbers(hops_per_scattering(case, hops))}
        | {"diffusion_of_hops": as_numbers(diffusion_of_hops(hops))}
        | {"exponent_of_chain": {name: exponent(x, case.fall) for name, x in CLOSURES.items()}}
    )


def judge_populations(counted: dict[str, Estimate], trap: traps.Trap) -> tuple[Verdict, ...]:
    """Return whether the three populations have the published volumes."""
    volumes = traps.escape_probabilities(trap)
    _, cone = traps.loss_cone_fractions(trap)
    apart = judge_sign(float(counted["right"].value - cone), float(counted["right"].error))
    right = agrees(counted["right"], float(volumes.right))
    return (
        Verdict(
            "trapped particles play no role in the transport",
            f"{plus_minus(counted['trapped'])} of full orbits stay, {float(volumes.trapped):.4f} "
            "by volume",
            agrees(counted["trapped"], float(volumes.trapped)),
            "Until they scatter.",
        ),
        Verdict(
            "who leaves left was in loss cone 1",
            f"{plus_minus(counted['left'])} leave left, {float(volumes.left):.4f} by volume",
            agrees(counted["left"], float(volumes.left)),
        ),
        Verdict(
            "who leaves right was in loss cone 2 or in the leaking band",
            f"{plus_minus(counted['right'])} leave right, {float(volumes.right):.4f} by volume, "
            f"{float(cone):.4f} without the band",
            None if right and apart is None else right,
            UNRESOLVED if right and apart is None else "",
        ),
    )


def judge_rate(hops: Hops) -> Verdict:
    """Return whether hops are proportional to scatterings."""
    found = [hops_per_scattering(case, hops[case.name]) for case in LARGE_ANGLES]
    ratio = quotient(found[-1], found[0])
    constant = agrees(ratio, 1.0)
    unsure = constant and float(ratio.error) > 0.1
    expected = 1 - float(traps.escape_probabilities(make_trap(FALL)).trapped)
    rates = ", ".join(f"{case.rate:g}" for case in LARGE_ANGLES)
    return Verdict(
        "the escape rate is proportional to the collision frequency and the loss cones' volume",
        f"hops per scattering at ν = {rates} v/λ: {', '.join(map(plus_minus, found))}; "
        f"volume {expected:.3f}",
        None if unsure else constant,
        UNRESOLVED if unsure else
        "The more scatterings a trap, the more leave a loss cone before they come to the mirror.",
    )  # fmt: skip


def judge_asymmetry(found: Estimate, asymmetry: Estimate) -> Verdict:
    """Return whether the drift is that of the published partition."""
    published, balance = (exponent(CLOSURES[x], FALL) for x in ("published", "detailed balance"))
    holds = agrees(found, published)
    other = "agrees" if agrees(found, balance) else "disagrees too"
    return Verdict(
        "rates to the left and right are as loss cone 1 to loss cone 2 and the leaking band",
        f"V λ/D {plus_minus(found)}, published {published:.3f}, detailed balance {balance:.3f} "
        f"(ν = v/λ, B1/B2 = {FALL:g}); hops to neighbours right over left {plus_minus(asymmetry)}",
        None if holds and agrees(found, balance) else holds,
        f"Detailed balance, g/r = B1/B2, {other}. Particles in the band cross their own trap twice "
        "and are caught there twice as often.",
    )


def judge_flux(asymmetry: Estimate) -> Verdict:
    """Return whether a gradient alone drives a flux through a uniform, isotropic population."""
    excess = scaled(asymmetry, 1 / FALL)
    value = (excess.value - 1) / (excess.value + 1)
    net = Estimate(value, 2 * excess.error / (excess.value + 1) ** 2)
    right, left = CLOSURES["published"].rates(make_trap(FALL), 1.0)
    published = float((right / left / FALL - 1) / (right / left / FALL + 1))
    sign = judge_sign(float(net.value), float(net.error))
    if sign is None and not agrees(net, published):
        sign = False
    return Verdict(
        "the force of mu grad B drives a flux through the system",
        f"uniform density: net over gross flux through a mirror {plus_minus(net)}, "
        f"published partition {published:.3f}",
        sign,
        UNRESOLVED if sign is None else
        "Liouville: in a static field a uniform, isotropic density is at rest. The drift of the "
        "occupations only fills wider traps with more.",
    )  # fmt: skip


def judge_neighbours(jumps: Estimate) -> Verdict:
    """Return whether hops lead to the neighbouring trap alone."""
    sign = judge_sign(float(jumps.value), float(jumps.error))
    return Verdict(
        "hops lead to the neighbouring trap",
        f"{plus_minus(jumps)} of all hops skip a trap or more (ν = v/λ)",
        None if sign is None else not sign,
        UNRESOLVED if sign is None else "Who leaves a trap may cross others before it scatters.",
    )


def draw(counted: dict[str, Estimate], trap: traps.Trap, hops: Hops) -> Figure:
    """Return populations, drift over diffusion, and hops per scattering."""
    figure = new_figure(17, 5.5)
    left, middle, right = figure.subplots(1, 3, width_ratios=(0.8, 1.5, 1))
    volumes = traps.escape_probabilities(trap)
    _draw_bars(left, [float(getattr(volumes, name)) for name in counted], VERMILION, "volume")
    _draw_dots(left, list(counted.values()), "full orbits")
    left.set_yscale("log")
    left.yaxis.set_major_locator(FixedLocator((0.05, 0.1, 0.2, 0.5, 1)))
    left.yaxis.set_major_formatter("{x:g}")
    left.yaxis.set_minor_locator(NullLocator())
    left.set_xticks(range(len(counted)), list(counted))
    for name, color in (("published", GREY), ("detailed balance", VERMILION)):
        _draw_bars(middle, [exponent(CLOSURES[name], x.fall) for x in CASES], color, name)
    _draw_dots(middle, [hops[x.name].exponent for x in CASES], "guiding centres")
    middle.set_xticks(range(len(CASES)), [x.name.replace(", ", ",\n") for x in CASES])
    found = [hops_per_scattering(x, hops[x.name]) for x in LARGE_ANGLES]
    right.errorbar([x.rate for x in LARGE_ANGLES], [float(x.value) for x in found],
                   [float(x.error) for x in found], fmt="o-", color=BLUE, capsize=4,
                   label="guiding centres")  # fmt: skip
    right.axhline(1 - float(traps.escape_probabilities(make_trap(FALL)).trapped), color=GREY,
                  ls="--", label="volume of the loss cones")  # fmt: skip
    right.set_ylim(0, 0.25)
    for axes in (left, middle, right):
        add_legend(axes)
    polish(left, y_label="share", title=f"B0, B1, B2 = {', '.join(f'{x:g}' for x in TRAP)}")
    polish(middle, x_label=r"scattering rate [$v/\lambda$]", y_label=r"$V\lambda/D$",
           title=f"drift, B1/B2 = {FALL:g}")  # fmt: skip
    polish(right, x_label=r"scattering rate [$v/\lambda$]", y_label="hops per scattering",
           title="escape")  # fmt: skip
    return figure


def _draw_bars(axes: Axes, values: list[float], color: str, label: str) -> None:
    axes.plot(range(len(values)), values, "_", color=color, ms=34, mew=3, label=label)
    axes.set_xlim(-0.6, len(values) - 0.4)


def _draw_dots(axes: Axes, found: list[Estimate], label: str) -> None:
    axes.errorbar(range(len(found)), [float(x.value) for x in found],
                  [float(x.error) for x in found], fmt="o", color=BLUE, capsize=4,
                  label=label)  # fmt: skip


ESCAPE_ASYMMETRY = Experiment(
    "escape-asymmetry",
    "who leaves a trap on which side, and the drift that follows",
    f"{SOURCE}, populations and escape rates",
    run,
)
