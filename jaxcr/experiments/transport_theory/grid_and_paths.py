"""Parker's equation on a grid beside its pseudo-particles, two solvers with nothing in common."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key
from matplotlib.figure import Figure
from scipy.interpolate import interpn
from scipy.stats import chi2

from jaxcr import kinetic
from jaxcr.experiments.experiment import DEFAULT, Experiment, Outcome, Size, Verdict
from jaxcr.experiments.transport_theory.problems import PROBLEMS, Comparison
from jaxcr.experiments.verdicts import UNRESOLVED
from jaxcr.plots.style import BLUE, GREY, ORANGE, add_legend, new_figure, polish
from jaxcr.statistics import Estimate

_GROUPS = 48
"""Of paths, over which errors are jackknifed."""
_UNLIKELY = 1e-3
"""Probability of a larger chi-squared, and of a wrong solver that is not noticed."""
_SMALL = 0.5
"""Standard errors by which the grid may differ from one of half the cells."""


def run(size: Size) -> Outcome:
    """Solve every problem in both ways, and some in a wrong one."""
    fine = size.orbits >= DEFAULT.orbits
    cells, steps = (96, 1000) if fine else (48, 400)
    paths = _GROUPS * max(1, round((1.0 if fine else 0.5) * size.orbits / _GROUPS))
    rows = {
        name: compare(make, cells, paths, steps, jax.random.key(number))
        for number, (name, make) in enumerate(PROBLEMS.items())
    }
    verdicts = (
        judge_agreement(rows),
        judge_cells(rows),
        *(judge_control(name, x) for name, x in rows.items() if "z_scores_of_wrong_paths" in x),
    )
    numbers = {"cells": cells, "paths": paths, "steps": steps, "problems": rows}
    return Outcome(numbers, verdicts, lambda: draw(rows))


def grid_density(case: Comparison) -> Float[np.ndarray, " point"]:
    """Return N of the steady state at the points, cubic between cells."""
    solution = kinetic.solve_parker(case.problem)
    axes = [np.asarray(solution.grid.centers(axis)) for axis in range(len(solution.grid.shape))]
    density, places = np.asarray(solution.density), np.array([x for x, _, _ in case.points])
    if solution.momentum is None:
        return interpn(axes, density[0], places, method="cubic")
    p = np.asarray(solution.momentum.centers())
    momenta = np.log(np.array([x for _, x, _ in case.points]))
    places = np.column_stack([momenta, places])
    return np.exp(interpn([np.log(p), *axes], np.log(density), places, method="cubic"))


def walked_density(
    problem: kinetic.ParkerProblem, points: tuple, paths: int, steps: int, key: Key[Array, ""]
) -> tuple[Estimate, Float[np.ndarray, " point"]]:
    """Return N by paths back from the points, and the weight that is left inside."""
    found = [
        kinetic.pseudo_particle_density(
            problem, jnp.asarray(place), momentum, key=jax.random.fold_in(key, number),
            num_particles=paths, duration=length, num_steps=steps, num_groups=_GROUPS,
        )
        for number, (place, momentum, length) in enumerate(points)
    ]  # fmt: skip
    density = Estimate(*(jnp.stack(x) for x in zip(
        *((x.density.value, x.density.error) for x in found), strict=True)))  # fmt: skip
    return density, np.array([float(x.inside) for x in found])


def compare(make, cells: int, paths: int, steps: int, key: Key[Array, ""]) -> dict:
    """Return densities of both solvers, and their differences in standard errors."""
    case = make(cells)
    exact, rough = grid_density(case), grid_density(make(cells // 2))
    found, inside = walked_density(case.problem, case.points, paths, steps, key)
    value, error = np.asarray(found.value), np.asarray(found.error)
    row = {
        "points": [[*place, *([] if p is None else [p])] for place, p, _ in case.points],
        "grid": exact.tolist(), "half_the_cells": rough.tolist(), "paths": value.tolist(),
        "error": error.tolist(), "weight_left_inside": inside.tolist(),
        "z_scores": ((value - exact) / error).tolist(),
    }  # fmt: skip
    if case.wrong is not None:
        found, _ = walked_density(case.wrong, case.points, paths, steps, key)
        wrong = (np.asarray(found.value) - exact) / np.asarray(found.error)
        row["z_scores_of_wrong_paths"] = wrong.tolist()
    return row


def _unlikely(z_scores: list[float]) -> tuple[float, bool]:
    """Return chi-squared, and whether chance alone would hardly make it as large."""
    total = float(np.sum(np.square(z_scores)))
    return total, bool(chi2.sf(total, len(z_scores)) < _UNLIKELY)


def judge_agreement(rows: dict[str, dict]) -> Verdict:
    """Return whether both solvers agree within the errors of the paths."""
    scores = [z for x in rows.values() for z in x["z_scores"]]
    total, unlikely = _unlikely(scores)
    relative = np.concatenate([np.array(x["error"]) / np.array(x["grid"]) for x in rows.values()])
    return Verdict(
        "pseudo-particles and the grid solve the same equation",
        f"chi-squared {total:.1f} for {len(scores)} points of {len(rows)} problems, errors of "
        f"{relative.min():.1%} to {relative.max():.1%}",
        not unlikely,
    )


def judge_cells(rows: dict[str, dict]) -> Verdict:
    """Return whether the grid's own error is small against that of the paths."""
    change = [
        float(np.max(np.abs(np.array(x["half_the_cells"]) - x["grid"]) / np.array(x["error"])))
        for x in rows.values()
    ]
    # of second order: what is left is a third of the change
    left = max(change) / 3
    texts = ", ".join(f"{name} {x:.2f}" for name, x in zip(rows, change, strict=True))
    return Verdict(
        "the grid is fine enough for this comparison",
        f"half the cells change the density by, in errors of the paths: {texts}",
        left < _SMALL,
    )


def judge_control(name: str, row: dict) -> Verdict:
    """Return whether paths that leave out a part of the drift are noticed."""
    total, unlikely = _unlikely(row["z_scores_of_wrong_paths"])
    part = "derivative of kappa" if name == "kappa(x)" else "antisymmetric part of the tensor"
    return Verdict(
        f"paths need the {part} as a drift",
        f"without it chi-squared {total:.0f} for {len(row['z_scores'])} points",
        True if unlikely else None,
        "" if unlikely else UNRESOLVED,
    )


def draw(rows: dict[str, dict]) -> Figure:
    """Return densities of both solvers, and differences in standard errors."""
    figure = new_figure(15, 5.5)
    left, right = figure.subplots(1, 2)
    for height, row in enumerate(rows.values()):
        ratio = np.array(row["paths"]) / np.array(row["grid"])
        error = np.array(row["error"]) / np.array(row["grid"])
        where = height + np.linspace(-0.25, 0.25, ratio.size)
        left.errorbar(ratio, where, xerr=error, fmt="o", color=BLUE, capsize=3)
        for key, color in (("z_scores_of_wrong_paths", ORANGE), ("z_scores", BLUE)):
            z = np.array(row.get(key, []))
            right.plot(z, np.full(z.size, height), "o", color=color, mec="white", ms=9)
    right.plot([], [], "o", color=ORANGE, label="part of the drift left out")
    right.axvspan(-2, 2, color=GREY, alpha=0.2)
    right.set_xscale("symlog", linthresh=3)
    left.axvline(1, color=GREY, ls="--")
    add_legend(right, loc="upper left")
    for axes in (left, right):
        axes.set_yticks(range(len(rows)), list(rows))
        axes.set_ylim(-0.5, len(rows) + 0.2)
    polish(left, x_label="density of pseudo-particles over that of the grid")
    polish(right, x_label="difference in standard errors")
    return figure


GRID_AND_PATHS = Experiment(
    "grid-and-paths",
    "Parker's equation on a grid beside its pseudo-particles",
    "Gardiner, Stochastic Methods; Strauss & Effenberger 2017",
    run,
)
