"""The traps that simulated turbulence has, and a chain of them beside one of equal traps."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

from jaxcr import fields, orbits, traps
from jaxcr.experiments.asymmetric_diffusion.setup import OPEN, SOURCE
from jaxcr.experiments.experiment import Experiment, Outcome, Size, Verdict
from jaxcr.experiments.verdicts import agrees, as_numbers, judge_sign, plus_minus, scaled
from jaxcr.plots.style import BLUE, GREEN, GREY, VERMILION, add_legend, new_figure, polish
from jaxcr.statistics import Estimate, jackknife_sums

SMALLEST = (1.05, 1.1, 1.2)
"""Ratios of a mirror to the minimum from which on it counts; the chain has those of the second."""
BLOCKS = 4
"""Along y and z, in which lines start: errors of chains are jackknifed over them."""
PARTS = 2
"""Of the cube along each axis, longer than its outer scale: errors of traps are over them."""
BOXES = 12
"""Length of a line in boxes."""
_INTERVALS = 4
"""Samples of a line in a cell."""
SITES = 16
"""Traps of a chain; few lines have fewer."""
COLORS = (GREEN, BLUE, VERMILION)
_FACTOR = 0.3
"""By which lengths may differ and still be called equal."""
_SHOWN = 100.0
"""In pc: of a line, in the picture."""


def run(size: Size) -> Outcome:
    """Follow lines through the cube, find their traps, and let particles leave chains of them."""
    path, strength, part, outer_scale = follow_lines(max(1, size.fields // 4))
    found = {ratio: [read_line(line, path, ratio) for line in strength] for ratio in SMALLEST}
    rows = {ratio: statistics(lines, path, part) for ratio, lines in found.items()}
    chains = compare_chains(found[SMALLEST[1]])
    numbers = {
        "lines": len(strength), "length": float(path[-1]), "outer_scale": outer_scale,
        "unit": "lengths pc, times 1/ν, D in ν times the squared length", "sites": SITES,
        "rows": [
            {"smallest_ratio": ratio, "traps": sum(x[0].minimum.size for x in found[ratio] if x)}
            | {name: as_numbers(x) for name, x in row.items()}
            for ratio, row in rows.items()
        ],
        "chains": chains,
    }  # fmt: skip
    row = rows[SMALLEST[1]]
    verdicts = (
        judge_length(row["length"], outer_scale),
        judge_gradient(row["gradient_mean"], row["gradient_scatter"]),
        judge_equal(chains),
    )
    return Outcome(numbers, verdicts, lambda: draw(strength[0], path, found))


def follow_lines(per_block: int) -> tuple[jax.Array, np.ndarray, np.ndarray, float]:
    """Return path, |B| and part of the cube along lines (line, place), the outer scale in pc."""
    field = fields.mhd_snapshot(stencil=fields.CubicSpline())
    cells, spacing = field.lattice().shape[0], float(field.spacing[0])
    block = cells * spacing / BLOCKS
    draws = np.random.default_rng(0).uniform(0, block, (BLOCKS, BLOCKS, per_block, 2))
    corner = block * np.stack(np.mgrid[:BLOCKS, :BLOCKS], axis=-1)
    across = (draws + corner[:, :, None]).reshape(-1, 2)
    lines = orbits.trace_field_lines(
        field, jnp.asarray(np.column_stack([np.zeros(len(across)), across])),
        length=BOXES * cells * spacing, num_samples=BOXES * cells * _INTERVALS,
    )  # fmt: skip
    position = jnp.moveaxis(lines.position, 1, 0)
    strength = jax.lax.map(lambda x: jnp.linalg.norm(jax.vmap(field)(x), axis=-1), position)
    place = np.floor(np.asarray(position) / (cells * spacing / PARTS)).astype(int) % PARTS
    part = place @ (PARTS ** np.arange(3))
    scale = fields.mhd_snapshot_notes()["injection_cells"] * spacing
    return lines.path, np.asarray(strength), part, scale


def read_line(strength: np.ndarray, path: jax.Array, ratio: float) -> Any:
    """Return traps and places of mirrors of one line, or nothing where there are less than two."""
    try:
        return traps.traps_along(strength, path, smallest_ratio=ratio)
    except ValueError:
        return None


def statistics(lines: list, path: jax.Array, part: np.ndarray) -> dict[str, Estimate]:
    """Return means over all traps of the lines, with errors from the parts of the cube."""
    sums = np.zeros((PARTS**3, 7))
    for line, part_of_line in zip(lines, part, strict=True):
        if line is not None:
            values = describe(line)
            rows = [y for x in values for y in (x, x**2)]
            where = part_of_line[np.searchsorted(path, line[1][:-1])]  # at the left mirror
            np.add.at(sums, where, np.stack([*rows, np.ones_like(rows[0])], axis=1))

    def mean(which):
        return lambda m: m[which] / m[-1]

    def scatter(which):
        return lambda m: jnp.sqrt(m[which + 1] / m[-1] - (m[which] / m[-1]) ** 2)

    names = {
        "ratio": mean(0), "ratio_scatter": scatter(0), "gradient_mean": mean(2),
        "gradient_scatter": scatter(2), "length": mean(4), "length_scatter": scatter(4),
    }  # fmt: skip
    return {name: jackknife_sums(x, jnp.asarray(sums)) for name, x in names.items()}


def _block(number: int, lines: list) -> int:
    """Return the block in which a line starts."""
    return number * BLOCKS**2 // len(lines)


def describe(line: tuple[traps.Trap, jax.Array]) -> tuple[np.ndarray, ...]:
    """Return R, ln(B1/B2) and length of each trap of a line."""
    trap, edges = line
    low, left, right = (np.asarray(x) for x in (trap.minimum, trap.left_mirror, trap.right_mirror))
    return np.sqrt(left * right) / low, np.log(left / right), np.diff(edges)


def compare_chains(lines: list) -> dict:
    """Return escape time and diffusion of the chains, and of equal traps of their mean R.

    The mean time in which a particle leaves the middle of a chain, in 1/nu, and D from the balance
    of the whole of it, in nu times the squared length of a trap: one over mean volume times mean of
    1/(volume g), the resistance of a mirror. By detailed balance, all rates are nu times a number.
    """
    long = [k for k, x in enumerate(lines) if x is not None and x[0].minimum.size >= SITES]
    cut = jax.tree.map(lambda *x: np.stack([y[:SITES] for y in x]), *(lines[k][0] for k in long))
    ratio = float(np.mean(np.sqrt(cut.left_mirror * cut.right_mirror) / cut.minimum))

    def solve(line):
        chain = traps.trap_chain(line, scattering_rate=1.0, **OPEN)
        volume = traps.flux_tube_volume(line)
        resistance = 1 / (volume * chain.rate_right)[:-1]
        return jnp.stack([
            traps.escape_time(chain)[SITES // 2], 1 / (jnp.mean(volume) * jnp.mean(resistance)),
        ])  # fmt: skip

    equal = traps.line_of_traps(ratio, 0.0, SITES)
    every = jax.tree.map(lambda x, y: jnp.concatenate([x[None], y]), equal, cut)
    (time, spread), *each = np.asarray(jax.jit(jax.vmap(solve))(every))
    sums = np.zeros((BLOCKS**2, 3))
    np.add.at(sums, [_block(k, lines) for k in long], np.insert(each, 2, 1, axis=1))
    found = {
        "escape_time": lambda m: m[0] / m[2], "diffusion": lambda m: m[1] / m[2],
        "time_ratio": lambda m: m[0] / m[2] / time,
        "diffusion_ratio": lambda m: m[1] / m[2] / spread,
    }  # fmt: skip
    estimates = {k: as_numbers(jackknife_sums(x, jnp.asarray(sums))) for k, x in found.items()}
    equal = {"equal_escape_time": float(time), "equal_diffusion": float(spread)}
    return estimates | equal | {"lines": len(long), "ratio": ratio}


def judge_length(length: Estimate, outer_scale: float) -> Verdict:
    """Return whether traps are as long as the outer scale."""
    ratio = scaled(length, 1 / outer_scale)
    return Verdict(
        "the length of a trap is the outer scale of the turbulence",
        f"mean length over the driven wavelength: {plus_minus(ratio)}, mirrors from a ratio of "
        f"{SMALLEST[1]:g} on",
        bool(abs(float(ratio.value) - 1) < _FACTOR),
        f"Within {_FACTOR:.0%}. It grows with the ratio from which on a maximum is a mirror.",
    )


def judge_gradient(mean: Estimate, scatter: Estimate) -> Verdict:
    """Return whether one sign of the gradient is left over many traps."""
    sign = judge_sign(abs(float(mean.value)), float(mean.error))
    return Verdict(
        "the two mirrors of a trap differ, and by the same sense along the row",
        f"ln(B1/B2): mean {plus_minus(mean)}, scatter {plus_minus(scatter)}",
        bool(sign),
        "Turbulence in a uniform mean field: the scatter is there, a gradient is not.",
    )


def judge_equal(chains: dict) -> Verdict:
    """Return whether equal traps stand for those of turbulence."""
    ratio = Estimate(*(jnp.asarray(chains["time_ratio"][k]) for k in ("value", "error")))
    return Verdict(
        "a row of equal traps",
        f"escape from the middle of {SITES} traps takes {plus_minus(ratio)} of the time that it "
        f"takes from equal traps of their mean R = {chains['ratio']:.2f}",
        agrees(ratio, 1.0),
        "Detailed balance, any rate of scattering.",
    )


def draw(line: np.ndarray, path: jax.Array, found: dict) -> Figure:
    """Return |B| along one line with its mirrors, and distributions of R, gradient and length."""
    figure = new_figure(16, 9)
    top, below = figure.subfigures(2, 1)
    axes = top.subplots()
    shown = np.asarray(path) < _SHOWN
    axes.plot(path[shown], line[shown], color=GREY)
    for (ratio, lines), color, mark in zip(found.items(), COLORS, "^so", strict=True):
        edges = np.asarray(lines[0][1])
        edges = edges[edges < _SHOWN]
        height = line[np.searchsorted(path, edges)] + 0.12 * SMALLEST.index(ratio)
        axes.plot(edges, height, mark, color=color, ms=7, label=f"mirrors from {ratio:g} on")
    axes.set_ylim(top=1.15 * np.max(line[shown]))
    add_legend(axes, loc="upper right", ncols=3)
    polish(axes, x_label="along a line [pc]", y_label=r"$|B|$ [µG]")
    columns = [
        [np.concatenate(x) for x in zip(*(describe(y) for y in lines if y), strict=True)]
        for lines in found.values()
    ]
    labels = ("mirror ratio $R$", r"gradient $\ln(B_1/B_2)$", "length [pc]")
    for number, (axes, label) in enumerate(zip(below.subplots(1, 3), labels, strict=True)):
        high = max(np.quantile(x[number], 0.995) for x in columns)
        low = min(np.quantile(x[number], 0.005) for x in columns)
        for x, ratio, color in zip(columns, SMALLEST, COLORS, strict=True):
            axes.hist(x[number], np.linspace(low, high, 40), density=True, histtype="step", lw=2,
                      color=color, label=f"from {ratio:g} on")  # fmt: skip
        polish(axes, x_label=label, y_label="share per unit")
    return figure


MIRRORS_OF_A_CUBE = Experiment(
    "mirrors-of-a-cube",
    "mirror ratios, gradients and lengths of the traps of simulated turbulence",
    f"{SOURCE}, assumptions on the traps",
    run,
)
