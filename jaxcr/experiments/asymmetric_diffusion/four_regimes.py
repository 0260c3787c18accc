"""Four regimes of transport along the field, by guiding centres and by the chain.

Free streaming; scattering in a uniform field; the same with symmetric magnetic mirrors; and with
mirrors whose field falls along x.
"""

import math

import jax.numpy as jnp
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, NullLocator

from jaxcr import traps
from jaxcr.experiments.asymmetric_diffusion.regimes import (
    AT,
    INTERVAL,
    MIDDLE,
    REGIMES,
    STREAMING,
    Moments,
    Regime,
    blocks,
    follow,
    measure,
    paths,
    scattering_of,
    spread,
)
from jaxcr.experiments.asymmetric_diffusion.setup import (
    FALL,
    GROUPS,
    OPEN,
    RATIO,
    SOURCE,
    make_trap,
)
from jaxcr.experiments.experiment import Experiment, Outcome, Size, Verdict
from jaxcr.experiments.verdicts import (
    SIGMAS,
    UNRESOLVED,
    agrees,
    all_of,
    as_numbers,
    judge_sign,
    plus_minus,
    quotient,
    scaled,
)
from jaxcr.plots.style import BLUE, GREEN, ORANGE, VERMILION, add_legend, new_figure, polish
from jaxcr.statistics import Estimate

_ESCAPES = (
    "mean, chain", "mean, large angles", "mean, small angles", "median, large angles",
    "median, small angles",
)  # fmt: skip
_TOLERANCE = 0.02
"""Of an exponent of the path: what the first free paths leave over at the longest."""
_TELLING = 0.1
"""Of a ratio of times: a chain of 21 traps knows its ends to half a trap."""
COLORS = {
    "free streaming": ORANGE, "scattering": GREEN, "symmetric traps": BLUE,
    "asymmetric traps": VERMILION,
}  # fmt: skip
Found = dict[Regime, dict[str, Estimate]]


def run(size: Size) -> Outcome:
    """Follow guiding centres in every regime, and hold the chain beside them."""
    moments = {regime: follow(regime, size.orbits, number) for number, regime in enumerate(REGIMES)}
    found = {regime: measure(regime, x) for regime, x in moments.items()}
    verdicts = (
        judge_streaming(found[STREAMING]["growth"]),
        judge_diffusion(found, "scattering", "random fields make standard diffusion"),
        judge_diffusion(
            found, "symmetric traps", "strong fluctuations make diffusion with trapping"
        ),
        judge_suppression(found),
        judge_drift(found),
        judge_chain(found),
    )
    keep = slice(None, None, 100)
    numbers = {
        "unit": "lengths λ, times λ/v",
        "mirror_ratio": RATIO, "fall": FALL, "guiding_centres": math.prod(blocks(size.orbits)),
        "path": paths()[keep].tolist(), "path_of_displacement": INTERVAL * AT,
        "rows": [
            {"regime": x.name, "scattering": x.scattering}
            | ({"escape_time_by_volumes": by_volumes(x)} if x.mirrors else {})
            | {
                "orbits": {name: as_numbers(value) for name, value in found[x].items()},
                "chain": of_chain(x),
                "mean": moments[x]["x"].mean(axis=0)[keep].tolist(),
                "spread": spread(moments[x])[keep].tolist(),
            }
            for x in REGIMES
        ],
    }  # fmt: skip
    return Outcome(numbers, verdicts, lambda: draw(moments, found))


def closure_of(regime: Regime) -> traps.Closure:
    """Return the closure with the drift and the times of such guiding centres."""
    return traps.PitchAngleClosure(1.0, scattering_of(regime))


def chain_of(regime: Regime) -> traps.Chain | None:
    """Return the chain with the regime's rates; none for free streaming."""
    if not regime.rate:
        return None
    if regime.mirrors:
        trap = make_trap(regime.fall)
        return traps.trap_chain(
            trap, 2 * MIDDLE + 1, scattering_rate=regime.rate, closure=closure_of(regime), **OPEN
        )
    rate = jnp.full(2 * MIDDLE + 1, 1 / (3 * regime.rate))  # cells of the length λ, D = v λ/3
    return traps.Chain(rate, rate, **OPEN)


def by_volumes(regime: Regime) -> float:
    """Return the time of escape where hop rates are those of the loss cones' volume."""
    trap = make_trap(regime.fall)
    chain = traps.trap_chain(trap, 2 * MIDDLE + 1, scattering_rate=regime.rate, **OPEN)
    return float(traps.escape_time(chain)[MIDDLE])


def of_chain(regime: Regime) -> dict[str, float] | None:
    """Return the same numbers of the chain; its moments without ends, as the guiding centres'."""
    chain = chain_of(regime)
    if chain is None:
        return None
    drift, twice = traps.transport_cumulants(
        chain.rate_right[MIDDLE], chain.rate_left[MIDDLE], 1.0, order=2
    )
    path = INTERVAL * AT
    return {
        "drift": float(drift), "diffusion": float(twice) / 2, "growth": 0.5,
        "displacement": float(drift) * path, "spread": math.sqrt(float(twice) * path),
        "escape_time": float(traps.escape_time(chain)[MIDDLE]),
    }  # fmt: skip


def judge_growth(found: Estimate, expected: float) -> bool | None:
    """Return whether the spread grows as that power of the path; ``None`` if it may be another."""
    if not SIGMAS * float(found.error) < 0.1:
        return None
    away = abs(float(found.value) - expected)
    return bool(away <= max(_TOLERANCE, SIGMAS * float(found.error)))


def pick(found: Found, name: str) -> dict[str, dict[str, Estimate]]:
    """Return a regime's numbers for both kinds of scattering."""
    return {x.scattering: values for x, values in found.items() if x.name == name}


def both(values: dict[str, Estimate]) -> str:
    """Return numbers of both kinds of scattering."""
    return ", ".join(f"{plus_minus(value)} ({name})" for name, value in values.items())


def judge_streaming(growth: Estimate) -> Verdict:
    """Return whether the spread grows as the path."""
    holds = judge_growth(growth, 1.0)
    return Verdict(
        "in a regular field particles stream along it",
        f"spread ~ path^{float(growth.value):.3f}",
        holds,
        UNRESOLVED if holds is None else "",
    )


def judge_diffusion(found: Found, name: str, statement: str) -> Verdict:
    """Return whether the spread grows as the root of the path, for both kinds of scattering."""
    rows = pick(found, name)
    holds = all_of([judge_growth(x["growth"], 0.5) for x in rows.values()])
    return Verdict(
        statement,
        f"spread ~ path^q, q = {both({k: x['growth'] for k, x in rows.items()})}; D/(vλ) "
        f"{both({k: x['diffusion'] for k, x in rows.items()})}",
        holds,
        UNRESOLVED if holds is None else "",
    )


def judge_suppression(found: Found) -> Verdict:
    """Return whether mirrors slow diffusion down."""
    free, caught = pick(found, "scattering"), pick(found, "symmetric traps")
    ratios = {k: quotient(caught[k]["diffusion"], free[k]["diffusion"]) for k in free}
    signs = [judge_sign(1 - float(x.value), float(x.error)) for x in ratios.values()]
    holds = all_of(signs)
    trap, small = make_trap(1.0), traps.SmallAngleScattering()
    return Verdict(
        "magnetic traps suppress the transport",
        f"D over that without mirrors: {both(ratios)}; pitch-angle equation "
        f"{float(traps.mirror_suppression(trap, 1.0, 1.0)):.2f} (large angles), "
        f"{float(traps.mirror_suppression(trap, 1.0, 1.0, scattering=small)):.2f} (small angles)",
        holds,
        UNRESOLVED if holds is None else
        "The published condition for efficient suppression could not be read.",
    )  # fmt: skip


def judge_drift(found: Found) -> Verdict:
    """Return whether a gradient makes particles drift, and nothing else does."""
    level, sloping = (pick(found, f"{x} traps") for x in ("symmetric", "asymmetric"))
    drifts = {k: x["drift"] for k, x in sloping.items()}
    signs = [judge_sign(float(x.value), float(x.error)) for x in drifts.values()]
    still = [agrees(x["drift"], 0.0) for x in level.values()]
    holds = all_of([*signs, *still])
    return Verdict(
        "mirrors in a field with a gradient make diffusion asymmetric",
        f"drift/v {both(drifts)}; without gradient "
        f"{both({k: x['drift'] for k, x in level.items()})}",
        holds,
        UNRESOLVED if holds is None else
        "Occupations drift to the wider traps; phase-space density does not (escape-asymmetry).",
    )  # fmt: skip


def judge_chain(found: Found) -> Verdict:
    """Return whether the chain has the escape times of guiding centres, to a tenth."""
    rows = {
        x: scaled(found[x]["escape_time"], 1 / of_chain(x)["escape_time"])
        for x in found
        if x.mirrors
    }
    away = [
        judge_sign(abs(float(x.value) - 1) - _TELLING, float(x.error)) is True
        for x in rows.values()
    ]
    unsure = max(float(x.error) for x in rows.values()) > _TELLING / SIGMAS
    texts = ", ".join(f"{x.name}, {x.scattering} {plus_minus(y)}" for x, y in rows.items())
    others = ", ".join(
        f"{x.name} {float(found[x]['escape_time'].value) / by_volumes(x):.2f}"
        for x in rows
        if x.scattering == "large angles"
    )
    return Verdict(
        "a chain of hops between neighbours describes the transport (λ = mean free path = trap)",
        f"escape time of guiding centres over that of the chain of the pitch-angle equation: "
        f"{texts}; over that of hops by the volume of the loss cones: {others}",
        False if any(away) else None if unsure else True,
        UNRESOLVED if unsure and not any(away) else
        "With drift and diffusion from the pitch-angle equation, and to a tenth: hops by the "
        "volume of the loss cones are too short, for many skip a trap.",
    )  # fmt: skip


def draw(moments: dict[Regime, Moments], found: Found) -> Figure:
    """Return displacement, spread and escape times; dashed and bars: chain."""
    figure = new_figure(17, 5.5)
    mean, wide, escape = figure.subplots(1, 3, width_ratios=(1, 1, 1.3))
    for regime in (x for x in REGIMES if x.scattering != "small angles"):
        color, chain = COLORS[regime.name], of_chain(regime)
        middle = moments[regime]["x"].mean(axis=0)
        error = moments[regime]["x"].std(axis=0, ddof=1) / math.sqrt(GROUPS)
        mean.plot(paths(), middle, color=color, label=regime.name)
        mean.fill_between(paths(), middle - error, middle + error, color=color, alpha=0.2, lw=0)
        wide.loglog(paths(), spread(moments[regime]), color=color, label=regime.name)
        if chain:
            mean.plot(paths(), chain["drift"] * paths(), color=color, ls="--")
            wide.loglog(paths(), np.sqrt(2 * chain["diffusion"] * paths()), color=color, ls="--")
    mean.set(xlim=(0, 300), ylim=(-5, 20))
    for place, name in enumerate(COLORS):
        _draw_escape(escape, place, {x: found[x] for x in REGIMES if x.name == name})
    escape.set_yscale("log")
    escape.yaxis.set_major_locator(FixedLocator((20, 50, 100, 200, 500)))
    escape.yaxis.set_major_formatter("{x:g}")
    escape.yaxis.set_minor_locator(NullLocator())
    escape.set_xticks(range(len(COLORS)), [x.replace(" ", "\n") for x in COLORS])
    for axes in (mean, wide):
        add_legend(axes)
    entries = {x.get_label(): x for x in escape.get_lines() if x.get_label() in _ESCAPES}
    add_legend(escape, handles=[entries[x] for x in _ESCAPES])
    polish(mean, x_label=r"path [$\lambda$]", y_label=r"mean displacement [$\lambda$]",
           title="large angles, ± 1 error; dashed: chain")  # fmt: skip
    polish(wide, x_label=r"path [$\lambda$]", y_label=r"spread [$\lambda$]")
    polish(escape, y_label=r"median and mean time to escape [$\lambda/v$]", title="escape")
    return figure


def _draw_escape(axes: Axes, place: int, rows: Found) -> None:
    """Draw the escape times of one regime: median, mean, and that of the chain."""
    for regime, values in rows.items():
        small, chain = regime.scattering == "small angles", of_chain(regime)
        where = place + (0.12 * (2 * small - 1) if chain else 0)
        style = {"color": BLUE, "mfc": "white" if small else BLUE, "ls": ""}
        label = "small angles" if small else "large angles"
        median = float(values["median_escape_time"].value)
        axes.plot(where, median, marker="s", label=f"median, {label}", **style)
        if chain:
            mean = float(values["escape_time"].value)
            axes.plot(where, mean, marker="o", ms=9, label=f"mean, {label}", **style)
            axes.plot(where, chain["escape_time"], "_", color=VERMILION, ms=20, mew=3,
                      label="mean, chain")  # fmt: skip


FOUR_REGIMES = Experiment(
    "four-regimes",
    "streaming, diffusion, trapping, asymmetric trapping: orbits and chain",
    f"{SOURCE}, regimes of transport",
    run,
)
