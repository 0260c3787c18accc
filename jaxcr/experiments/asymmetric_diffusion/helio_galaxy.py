"""The two published chains, Helio and Galaxy, in one and in two zones: densities, times, exits."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float
from matplotlib.figure import Figure

from jaxcr import traps
from jaxcr.experiments.asymmetric_diffusion.setup import (
    CLOSURES,
    RATIO,
    SOURCE,
    UNLIKELY,
    largest_difference,
    num_walkers,
)
from jaxcr.experiments.experiment import Experiment, Outcome, Size, Verdict
from jaxcr.plots.style import BLACK, BLUE, GREY, VERMILION, add_legend, new_figure, polish

HALF = 20
"""Traps in either zone; the published chain has N."""
GRADIENT = 0.2
"""ln(B1/B2) of a trap where there is any; none is published."""
ZONES = {
    "g > r": (GRADIENT, GRADIENT), "g = r": (0.0, 0.0), "g < r": (-GRADIENT, -GRADIENT),
    "turning": (-GRADIENT, GRADIENT),
}  # fmt: skip
PRESETS = {"Helio": traps.helio_chain, "Galaxy": traps.galaxy_chain}
COLORS = (VERMILION, GREY, BLUE, BLACK)
_EXACT = 1e-10
_MARKED = 1.5
_RADIUS = 0.85
"""Of the circle on which the generating function is expanded, over that of convergence."""


class Solution(NamedTuple):
    """A chain with its source, and what it does.

    Attributes
    ----------
    occupation, density
        n_k, and f = n_k over the volume of the trap, (site,).
    left_exit
        Share that leaves on the left.
    escape_time
        Mean time to leave.
    """

    chain: traps.Chain
    source: Float[np.ndarray, " site"]
    occupation: Float[np.ndarray, " site"]
    density: Float[np.ndarray, " site"]
    left_exit: float
    escape_time: float


Solutions = dict[str, dict[str, dict[str, Solution]]]
"""By preset, zone and closure."""


def run(size: Size) -> Outcome:
    """Solve both chains for four choices of zones and both closures, and walk on one of them."""
    found = {
        preset: {
            zone: {name: solve(make, ZONES[zone], x) for name, x in CLOSURES.items()}
            for zone in ZONES
        }
        for preset, make in PRESETS.items()
    }
    helio, galaxy = found["Helio"], found["Galaxy"]
    num = num_walkers(size)
    walked = walk(helio["g < r"]["detailed balance"], num)
    verdicts = (
        judge_solution(found, walked),
        judge_generating([x["published"] for zone, x in helio.items() if zone != "turning"]),
        judge_linear(galaxy),
        judge_exponential(galaxy["g < r"]["published"]),
        judge_figure(helio["g = r"]["published"], galaxy["g = r"]["published"]),
    )
    numbers = {
        "mirror_ratio": RATIO, "gradient": GRADIENT, "traps": 2 * HALF,
        "unit": "times in 1/ν, one particle fed per time",
        "walkers": num, "largest_difference_of_walkers": walked,
        "rows": [
            {
                "chain": preset, "rates": zone, "closure": name, "left_exit": x.left_exit,
                "escape_time": x.escape_time, "occupation": x.occupation.tolist(),
                "density": x.density.tolist(),
            }
            for preset, zones in found.items()
            for zone, closures in zones.items()
            for name, x in closures.items()
        ],
    }  # fmt: skip
    return Outcome(numbers, verdicts, lambda: draw(found))


def solve(preset, zones: tuple[float, float], closure: traps.Closure) -> Solution:
    """Return the steady state of a chain whose rates may change at its centre."""
    line = traps.line_of_traps(RATIO, jnp.repeat(jnp.array(zones), HALF))
    chain, source = preset(line, closure=closure)
    occupation = traps.steady_state(chain, source)
    return Solution(
        chain,
        np.asarray(source),
        np.asarray(occupation),
        np.asarray(occupation / traps.flux_tube_volume(line)),
        float(-traps.bond_flux(chain, source)[0]),
        float(traps.escape_time(chain)[jnp.argmax(source)]),
    )


def residual(solution: Solution) -> float:
    """Return how far the occupations miss the published rules, over the largest term."""
    n, g, r = (
        np.asarray(x)
        for x in (solution.occupation, solution.chain.rate_right, solution.chain.rate_left)
    )
    change = solution.source - n * (g + r)
    change[1:] += n[:-1] * g[:-1]
    change[:-1] += n[1:] * r[1:]
    return float(np.max(np.abs(change)) / np.max(n * (g + r)))


def closed_form(chain: traps.Chain) -> Float[np.ndarray, " site"]:
    """Return n_k = A_k/(r_k A_{N+1}), A_{k+1} = 1 + (g_k/r_k) A_k, fed 1 at the last site.

    For equal rates (1 - a^k)/(1 - a^{N+1})/r, a = g/r.
    """
    g, r = (np.asarray(x) for x in (chain.rate_right, chain.rate_left))
    a = [1.0]
    for ratio in g / r:
        a.append(1 + ratio * a[-1])
    return np.array(a[:-1]) / (r * a[-1])


def walk(solution: Solution, num: int) -> float:
    """Return the largest difference of walkers' occupations from the solution, in errors."""
    start = jnp.full(num, int(np.argmax(solution.source)))
    residence = traps.walk(solution.chain, start, key=jax.random.key(0)).residence
    return largest_difference(residence, solution.occupation)


def judge_solution(found: Solutions, walked: float) -> Verdict:
    """Return whether the density is found everywhere, from any rates."""
    helio = [x for closures in found["Helio"].values() for x in closures.values()]
    missed = max(residual(x) for x in helio)
    apart = max(float(np.max(np.abs(x.occupation / closed_form(x.chain) - 1))) for x in helio)
    return Verdict(
        "the steady density is found everywhere, also with rates that change at the centre",
        f"rules missed by {missed:.0e}, closed form by {apart:.0e} in eight chains; walkers differ "
        f"by {walked:.1f} errors at most in one of {2 * HALF} traps",
        missed < _EXACT and apart < _EXACT and walked < UNLIKELY,
    )


def judge_generating(solutions: list[Solution]) -> Verdict:
    """Return whether the generating function of a = g/r has the densities of equal rates."""
    apart = []
    for solution in solutions:
        a = float(solution.chain.rate_right[0] / solution.chain.rate_left[0])
        coefficients = traps.laurent_coefficients(
            lambda z, a=a: traps.occupation_generating_function(a, z), 2 * HALF,
            radius=_RADIUS / max(a, 1.0),
        )[2 * HALF + 1 :]  # fmt: skip
        n = solution.occupation
        apart.append(float(np.max(np.abs(np.asarray(coefficients) * n[0] / n - 1))))
    return Verdict(
        "a generating function of α = g/r gives the density",
        f"its coefficients differ by {max(apart):.0e} from the densities of three uniform chains",
        max(apart) < _EXACT,
        "z/[(1 − z)(1 − αz)], derived: the published one could not be read.",
    )


def judge_linear(galaxy: dict[str, dict[str, Solution]]) -> Verdict:
    """Return whether a gradient changes the density markedly from a straight line."""
    line = HALF / (2 * HALF)
    texts, apart = [], []
    for zone in ("g > r", "g < r"):
        middle = {k: float(x.occupation[HALF] / x.occupation[0]) for k, x in galaxy[zone].items()}
        apart += [max(x / line, line / x) for x in middle.values()]
        texts += [f"{zone} {x:.3g} ({name})" for name, x in middle.items()]
    return Verdict(
        "the density away from a point-like source differs markedly from standard diffusion",
        "Galaxy, occupation in the middle over that at the source: "
        f"{', '.join(texts)}; standard diffusion {line:.3g}",
        min(apart) > _MARKED,
        f"Markedly: by a factor of {_MARKED:g}. By detailed balance half of the exponent is left.",
    )


def judge_exponential(against: Solution) -> Verdict:
    """Return whether the density is exponential in distance against the drift."""
    n = against.occupation
    slopes = np.diff(np.log(n))[:HALF]
    expected = float(jnp.log(against.chain.rate_right[1] / against.chain.rate_left[1]))
    return Verdict(
        "the density is exponential in distance instead of linear",
        f"against the drift ln n falls by {-slopes.max():.4f} to {-slopes.min():.4f} a trap, "
        f"ln(r/g) = {-expected:.4f} (published closure)",
        bool(np.all(np.abs(slopes / expected - 1) < 0.01)),
        "Said in a talk of 2013. Along the drift it is flat, but for 1/ln α traps at an open end.",
    )


def judge_figure(figure: Solution, text: Solution) -> Verdict:
    """Return whether the Galaxy as drawn is the Galaxy as described."""
    ends = [float(x.occupation[0] / x.occupation[-1]) for x in (figure, text)]
    return Verdict(
        "the Galaxy as drawn (inflow at the far end) is that of the text (source in the plane)",
        f"occupation of the plane over the far end without gradient: {ends[0]:.3g} as drawn, "
        f"{ends[1]:.3g} as described",
        bool((ends[0] > 1) == (ends[1] > 1)),
        "The rest takes the text: the plane reflects, by symmetry, and holds the source.",
    )


def draw(found: Solutions) -> Figure:
    """Return occupations and phase-space densities of both chains; dashed: published closure."""
    figure = new_figure(14, 10)
    site = np.arange(1, 2 * HALF + 1)
    for column, (preset, zones) in zip(figure.subplots(2, 2).T, found.items(), strict=True):
        for (zone, closures), color in zip(zones.items(), COLORS, strict=True):
            for x, style in zip(closures.values(), ("-", "--"), strict=True):
                label = zone if style == "-" else None
                column[0].semilogy(site, x.occupation, color=color, ls=style, label=label)
                column[1].semilogy(site, x.density, color=color, ls=style, label=label)
        add_legend(column[0])
        polish(column[0], y_label="occupation $n_k$", title=f"{preset} (dashed: published closure)")
        polish(column[1], x_label="trap $k$", y_label="phase-space density $n_k$ / volume")
    return figure


HELIO_GALAXY = Experiment(
    "helio-galaxy",
    "densities of the Helio and Galaxy chains, one and two zones",
    f"{SOURCE}, Markov chain",
    run,
)
