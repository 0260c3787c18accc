"""What drift and diffusion leave out of the chain: exponents, cumulants, and a density."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float
from matplotlib.figure import Figure

from jaxcr import traps
from jaxcr.experiments.asymmetric_diffusion.setup import (
    OPEN,
    SOURCE,
    UNLIKELY,
    largest_difference,
    num_walkers,
)
from jaxcr.experiments.experiment import Experiment, Outcome, Size, Verdict
from jaxcr.experiments.verdicts import UNRESOLVED
from jaxcr.plots.style import BLUE, GREY, VERMILION, add_legend, new_figure, polish
from jaxcr.statistics import Estimate

DRIFT, DIFFUSION = 6.0, 0.5
"""Of a chain of size one, fed in the middle; none is published."""
SITES = (7, 15, 31, 63, 127, 255)
"""Traps, each time half as long."""
ORDERS = {"chain": None, "second order": 2, "third order": 3}
RATIOS = np.linspace(1.05, 4.0, 60)
_RIGHT, _LEFT = 4.0, 1.0
"""g and r of the displacement whose third cumulant is told; λ = 1."""
_MAX_HOPS = 60
_TOLERANCE = 0.01


def run(size: Size) -> Outcome:
    """Hold the truncated equation against the chain, and walkers against both."""
    exponents = {
        name: jax.vmap(lambda a, p=order: traps.steady_exponent(a, 1.0, order=p))(RATIOS).tolist()
        for name, order in ORDERS.items()
    }
    errors = np.array([error(num) for num in SITES])
    orders = np.log2(errors[:-1] / errors[1:])
    exact, truncated = densities(SITES[0])
    num = num_walkers(size)
    walked = walk(SITES[0], num)
    cumulant = third_cumulant()
    verdicts = (
        judge_order(errors, orders),
        judge_cumulant(cumulant),
        judge_density(walked, exact, truncated, {name: x[-1] for name, x in exponents.items()}),
    )
    numbers = {
        "drift": DRIFT, "diffusion": DIFFUSION, "ratio": RATIOS.tolist(), "exponents": exponents,
        "sites": list(SITES), "errors": errors.tolist(), "orders": orders.tolist(),
        "density": {
            "chain": exact.tolist(), "truncated": truncated.tolist(),
            "walkers": np.asarray(walked.value).tolist(),
            "walkers_error": np.asarray(walked.error).tolist(),
        },
        "third_cumulant_over_time": cumulant, "walkers": num,
    }  # fmt: skip
    return Outcome(numbers, verdicts, lambda: draw(exponents, errors, walked))


def make_chain(num_sites: int) -> traps.Chain:
    """Return the chain of size one with that drift and diffusion."""
    length = 1.0 / (num_sites + 1)
    hops, bias = DIFFUSION / length**2, DRIFT / (2 * length)
    return traps.Chain(jnp.full(num_sites, hops + bias), jnp.full(num_sites, hops - bias), **OPEN)


def densities(num_sites: int) -> tuple[Float[np.ndarray, " site"], Float[np.ndarray, " site"]]:
    """Return the density of the chain fed in the middle, and that of the truncated equation."""
    chain, site = make_chain(num_sites), num_sites // 2
    exact = traps.steady_state(chain, jnp.zeros(num_sites).at[site].set(1.0))
    truncated = traps.convection_diffusion(chain, site)
    return np.asarray(exact) * (num_sites + 1), np.asarray(truncated) * (num_sites + 1)


def error(num_sites: int) -> float:
    """Return the largest error of the truncated density over the largest density."""
    exact, truncated = densities(num_sites)
    return float(np.max(np.abs(truncated - exact)) / exact.max())


def walk(num_sites: int, num: int) -> Estimate:
    """Return the density of walkers from the middle."""
    start = jnp.full(num, num_sites // 2)
    residence = traps.walk(make_chain(num_sites), start, key=jax.random.key(0)).residence
    return Estimate(residence.value * (num_sites + 1), residence.error * (num_sites + 1))


def third_cumulant() -> float:
    """Return the third cumulant of the displacement over time; drift and diffusion have none."""
    p = np.asarray(traps.hop_probability(_RIGHT, _LEFT, 1.0, _MAX_HOPS))
    hops = np.arange(-_MAX_HOPS, _MAX_HOPS + 1)
    return float(p @ (hops - p @ hops) ** 3)


def judge_order(errors: Float[np.ndarray, " size"], orders: Float[np.ndarray, " pair"]) -> Verdict:
    """Return whether drift and diffusion are the limit, with an error of the second order."""
    return Verdict(
        "the continuum limit is a convection-diffusion equation",
        f"V and D held, traps from 1/{SITES[0] + 1} to 1/{SITES[-1] + 1}: the largest error of "
        f"the density falls from {errors[0]:.2g} to {errors[-1]:.2g}, at last as length^"
        f"{orders[-1]:.3f}",
        bool(abs(orders[-1] - 2) < _TOLERANCE),
    )


def judge_cumulant(third: float) -> Verdict:
    """Return whether the chain has what drift and diffusion lack."""
    expected = _RIGHT - _LEFT
    agrees = abs(third / expected - 1) < _TOLERANCE
    return Verdict(
        "the equation is convection-diffusion only in second order",
        f"third cumulant of the displacement over time {third:.4f} λ³ at g = {_RIGHT:g}, "
        f"r = {_LEFT:g}, expansion g − r = {expected:g}; drift and diffusion 0",
        bool(agrees),
        "Every odd cumulant is λ^p (g − r), every even one λ^p (g + r): no order is the last.",
    )


def judge_density(
    walked: Estimate,
    exact: Float[np.ndarray, " site"],
    truncated: Float[np.ndarray, " site"],
    exponents: dict[str, float],
) -> Verdict:
    """Return whether walkers tell the chain from drift and diffusion."""
    off = [largest_difference(walked, x) for x in (exact, truncated)]
    holds = False if off[0] > UNLIKELY else True if off[1] > UNLIKELY else None
    texts = ", ".join(f"{name} {x:.3f}" for name, x in exponents.items())
    return Verdict(
        "convection-diffusion is limited: the density is another",
        f"{SITES[0]} traps: walkers are {off[0]:.1f} errors at most from the chain, {off[1]:.0f} "
        f"from drift and diffusion; exponent of the profile at g/r = {RATIOS[-1]:g}: {texts}",
        holds,
        UNRESOLVED if holds is None else "",
    )


def draw(
    exponents: dict[str, list[float]], errors: Float[np.ndarray, " size"], walked: Estimate
) -> Figure:
    """Return exponents, the density of the shortest chain, and errors of the truncated one."""
    figure = new_figure(16, 5)
    left, middle, right = figure.subplots(1, 3)
    labels = ("chain: ln(g/r)", "second order", "third order")
    for values, label, color in zip(
        exponents.values(), labels, (BLUE, VERMILION, GREY), strict=True
    ):
        left.plot(RATIOS, values, color=color, label=label)
    exact, truncated = densities(SITES[0])
    place = np.arange(1, SITES[0] + 1) / (SITES[0] + 1)
    middle.plot(place, exact, color=BLUE, label="chain")
    middle.plot(place, truncated, "s--", color=VERMILION, label="drift and diffusion")
    middle.errorbar(place, np.asarray(walked.value), np.asarray(walked.error), fmt="o",
                    color=BLUE, capsize=4, label="walkers")  # fmt: skip
    right.loglog(SITES, errors, "o-", color=BLUE, label="measured")
    right.loglog(SITES, errors[-1] * (SITES[-1] / np.array(SITES)) ** 2.0, "--", color=GREY,
                 label="second order")  # fmt: skip
    for axes in (left, middle, right):
        add_legend(axes)
    polish(left, x_label="g/r", y_label="exponent of the profile")
    polish(middle, x_label="place", y_label="density", title=f"{SITES[0]} traps")
    polish(right, x_label="traps", y_label="largest error / largest density")
    return figure


CONTINUUM_LIMIT = Experiment(
    "continuum-limit",
    "what drift and diffusion leave out of the chain",
    f"{SOURCE}, continuous limit",
    run,
)
