"""From the spectrum of turbulence to the transport equation, and its solvers side by side.

    python experiments/transport_theory/spectrum_to_transport.py
        [--out experiments/results/spectrum_to_transport]

1. Mean free path along the field and its rigidity exponent, for indices 5/3 and 3/2.
2. D_mumu for sharp and broadened resonances, where the spectrum ends: the gap at 90 degrees.
3. Plane shock: index and mean acceleration time against the theory.
4. Galactic halo whose diffusion is that of the turbulence, and derivatives of its density.
5. Pseudo-particles against the grid for five problems, in standard errors. Controls: paths that
   leave out the divergence of the tensor, or its antisymmetric part.
"""

import argparse
import time
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from scipy.interpolate import interpn

from jaxcr import fields, kinetic, units
from jaxcr.plots.style import BLUE, GREEN, GREY, ORANGE, VERMILION, add_legend, new_figure, polish
from jaxcr.runtime import write_record

GIGAVOLT = 1e-6  # PV
INDICES = {"Kolmogorov, 5/3": 5 / 3, "Kraichnan, 3/2": 3 / 2}
PATHS, STEPS, GROUPS, CELLS = 8000, 1000, 50, 96


def spectrum_of(index: float, inner_scale: float = 1e-9, scale: float = 1.0) -> fields.BendOver:
    """Return E ~ (1 + k² l²)^(-index/2), flat below 1/l; lengths in units of l."""
    return fields.BendOver(
        index, energy_index=0.0, bend_over_scale=scale, outer_scale=1e6 * scale,
        inner_scale=inner_scale * scale,
    )  # fmt: skip


def free_paths() -> dict:
    """Return the mean free path and its exponent by rigidity, with the closed form."""
    gyroradius = jnp.geomspace(1e-4, 1e3, 71)
    rigidity = gyroradius / units.GYRORADIUS

    @jax.jit
    def at(index, rigidity):
        strengths = {"rms": 0.3, "mean_strength": 1.0}
        model = kinetic.SlabScattering(spectrum_of(index), endless=True, **strengths)
        shape = {"index": index, "bend_over_scale": 1.0}
        exact = kinetic.bend_over_mean_free_path(rigidity, **shape, **strengths)
        path = kinetic.parallel_mean_free_path(model, rigidity)
        return path, kinetic.rigidity_exponent(model, rigidity), path / exact - 1

    result = {"gyroradius_over_bend_over": gyroradius.tolist(), "rms_over_mean": 0.3}
    for name, index in INDICES.items():
        path, slope, deviation = jax.vmap(at, (None, 0))(jnp.asarray(index), rigidity)
        result[name] = {
            "mean_free_path": path.tolist(),
            "exponent": slope.tolist(),
            "largest_deviation_from_closed_form": float(jnp.max(jnp.abs(deviation))),
        }
    return result


def resonances() -> dict:
    """Return D_mumu l/c for a gyroradius of .1 l and waves down to k l = 100: a gap below .1."""
    cosine, rigidity = jnp.linspace(0, 1, 201), 0.1 / units.GYRORADIUS
    spectrum = spectrum_of(5 / 3, inner_scale=2 * np.pi / 100)
    result = {"cosine": cosine.tolist(), "gyroradius_over_bend_over": 0.1, "largest_k": 100.0}
    for amplitude in (0.1, 0.3, 1.0):
        # phases that live for l B0/dB: as long as it takes to wander by a wave
        shapes = {
            "sharp": kinetic.SharpResonance(),
            "Lorentzian": kinetic.LorentzianResonance(amplitude),
            "second order": kinetic.SecondOrderResonance(),
        }
        row = {}
        for name, shape in shapes.items():
            strengths = {"rms": amplitude, "mean_strength": 1.0}
            model = kinetic.SlabScattering(spectrum, resonance=shape, **strengths)
            path = float(kinetic.parallel_mean_free_path(model, rigidity))
            row[name] = {
                "diffusion": kinetic.pitch_angle_diffusion(model, cosine, rigidity).tolist(),
                "mean_free_path": path if np.isfinite(path) else "infinite",
            }
        result[f"{amplitude:g}"] = row
    return result


def shocks() -> list[dict]:
    """Return index and acceleration time of plane shocks of compression 2, 3 and 4."""
    rows, fast, kappa = [], 0.01, 1.0
    for compression in (2.0, 3.0, 4.0):
        expected = float(kinetic.shock_index(compression))
        momentum = kinetic.MomentumGrid(1.0, 1e3, 48, reference_index=expected - 3)
        problem = kinetic.planar_shock(
            upstream_speed=fast, compression=compression, diffusion=kappa, momentum=momentum,
            num_cells=240,
        )  # fmt: skip
        solution = kinetic.solve_parker(problem)
        age = kinetic.mean_age(problem, solution)[:, 120]
        p, f = momentum.centers(), solution.phase_space_density()[:, 120]
        per_e = kinetic.acceleration_time(
            np.e, upstream_speed=fast, downstream_speed=fast / compression,
            upstream_diffusion=kappa, downstream_diffusion=kappa,
        )  # fmt: skip
        inner = slice(8, 44)
        log_p = np.log(p[inner])
        rows.append({
            "compression": compression, "momentum": p.tolist(),
            "phase_space_density": f.tolist(), "age": age.tolist(),
            "index": -np.polyfit(log_p, np.log(f[inner]), 1)[0],
            "expected_index": expected,
            "time_per_e_fold": np.polyfit(log_p, age[inner], 1)[0],
            "expected_time_per_e_fold": float(per_e),
        })  # fmt: skip
    return rows


def halo() -> dict:
    """Return a halo of 4 kpc whose kappa is that of turbulence of 30 pc in 3 µG."""
    turbulence = kinetic.SlabScattering(
        spectrum_of(5 / 3, scale=30.0, inner_scale=1e-12), rms=1.5, mean_strength=3.0, endless=True
    )
    at, injected = 10 * GIGAVOLT, 1.35
    kappa = kinetic.kappa_parallel(turbulence, at)
    delta = kinetic.rigidity_exponent(turbulence, at)
    momentum = kinetic.MomentumGrid(
        GIGAVOLT, 1e4 * GIGAVOLT, 40, reference_index=injected + 1 / 3, continued=True
    )
    p = momentum.centers()
    column = int(jnp.argmin(jnp.abs(p - 2 * GIGAVOLT)))

    @jax.jit
    def profile(numbers):
        kappa, height, wind = jnp.exp(numbers[:3])
        problem = kinetic.galactic_halo(
            half_height=height, diffusion=lambda p: kappa * (p / at) ** numbers[3],
            injection=lambda p: (p / at) ** -injected, momentum=momentum, wind_speed=wind,
            num_cells=48,
        )  # fmt: skip
        return kinetic.solve_parker(problem).density

    def plane(numbers):
        return jnp.log(profile(numbers)[column, 0])

    backward = jax.jit(jax.grad(plane))
    forward = jax.jit(lambda numbers, step: jax.jvp(plane, (numbers,), (step,))[1])
    result = {"kappa_pc_at_10_GV": float(kappa), "delta": float(delta), "injected": injected,
              "momentum_GV": (p / GIGAVOLT).tolist(), "read_at_GV": float(p[column] / GIGAVOLT),
              "derivatives_by": ["ln kappa", "ln height", "ln wind", "delta"]}  # fmt: skip
    for name, wind in (("no wind", 1e-15), ("20 km/s", 20 / 2.998e5)):
        numbers = jnp.stack([jnp.log(kappa), jnp.log(4e3), jnp.log(wind), delta])
        density, slope = profile(numbers), backward(numbers)
        steps = 1e-4 * jnp.eye(4)
        differences = [(plane(numbers + x) - plane(numbers - x)) / 2e-4 for x in steps]
        result[name] = {
            "relative_density": (density[column] / density[column, 0]).tolist(),
            "slope": (-jnp.gradient(jnp.log(density[:, 0]), jnp.log(p))).tolist(),
            "derivatives_by_grad": slope.tolist(),
            "derivatives_by_jvp": [float(forward(numbers, x)) for x in jnp.eye(4)],
            "derivatives_by_differences": [float(x) for x in differences],
        }
    return result


class Comparison(NamedTuple):
    """A problem, points (place, momentum, length of paths from there), and wrong paths."""

    problem: kinetic.ParkerProblem
    points: tuple
    wrong: kinetic.ParkerProblem | None = None


def disc(x, p):
    """Return a smooth disc of sources with the spectrum p^-1.2."""
    return jnp.exp(-((x[0] / 0.3) ** 2) / 2) * p**-1.2


def plain_halo(cells: int) -> Comparison:
    """Return free escape at ±1."""
    grid = kinetic.CartesianGrid(jnp.linspace(-1, 1, cells + 1))
    problem = kinetic.ParkerProblem(grid, diffusion=0.5, source=disc)
    return Comparison(problem, tuple(((x,), None, 6.0) for x in (-0.8, 0.0, 0.4)))


def windy_halo(cells: int) -> Comparison:
    """Return the upper half of a halo whose wind rises from the plane, and cools."""
    grid = kinetic.CartesianGrid(jnp.linspace(0, 1, cells + 1))
    problem = kinetic.ParkerProblem(
        grid, diffusion=lambda x, p: 0.3 * p**0.4, velocity=lambda x: 0.5 * jnp.tanh(x / 0.3),
        momentum=kinetic.MomentumGrid(1.0, 1e3, cells, reference_index=1.5, continued=True),
        source=disc, boundaries=((kinetic.Reflecting(), kinetic.FreeEscape()),),
    )  # fmt: skip
    places = ((0.1, 2.0), (0.1, 10.0), (0.1, 50.0), (0.6, 2.0), (0.6, 10.0))
    return Comparison(problem, tuple(((x,), p, 5.0) for x, p in places))


def graded_halo(cells: int) -> Comparison:
    """Return kappa that grows by e³ across the box; wrong paths leave out its derivative."""

    def kappa(x, p):
        return 0.5 * jnp.exp(1.5 * x[0])

    def problem(diffusion):
        grid = kinetic.CartesianGrid(jnp.linspace(-1, 1, cells + 1))
        return kinetic.ParkerProblem(grid, diffusion=diffusion, source=disc)

    wrong = problem(lambda x, p: kappa(lax.stop_gradient(x), p))
    points = tuple(((x,), None, 8.0) for x in (-0.7, 0.0, 0.6))
    return Comparison(problem(kappa), points, wrong)


def heliosphere(cells: int) -> Comparison:
    """Return a wind of 400 km/s out to 90 au, of modulation potential 0.3 GV."""
    wind, outer, mass = 400 / 2.998e5, 90 * units.au, 0.938 * GIGAVOLT
    kappa = wind * outer / (3 * 0.3 * GIGAVOLT)
    problem = kinetic.heliospheric_modulation(
        outer_radius=outer, inner_radius=10 * units.au, wind_speed=wind,
        diffusion=lambda p: kappa * p**2 / jnp.sqrt(p**2 + mass**2),
        interstellar=lambda p: (p / GIGAVOLT) ** -1.7,
        momentum=kinetic.MomentumGrid(0.5 * GIGAVOLT, 200 * GIGAVOLT, cells, continued=True),
        num_cells=cells,
    )  # fmt: skip
    # steps of about 3 au, short against the core that throws particles back
    points = tuple(
        ((radius * units.au,), p * GIGAVOLT, 60 * units.au / wind / p)
        for radius, p in ((15.0, 1.0), (15.0, 3.0), (40.0, 1.0), (40.0, 3.0), (70.0, 1.0))
    )
    return Comparison(problem, points)


def drifting_box(cells: int) -> Comparison:
    """Return a tilted tensor with drifts that turn about the middle; wrong paths do not drift."""

    def tensor(drift):
        def function(x, p):
            turn = drift * jnp.cos(jnp.pi * x[0] / 2) * jnp.cos(jnp.pi * x[1] / 2)
            return jnp.array([[0.5, 0.15], [0.15, 0.3]]) + turn * jnp.array([[0, 1], [-1, 0]])

        return function

    def problem(drift):
        edges = jnp.linspace(-1, 1, cells // 2 + 1)
        return kinetic.ParkerProblem(
            kinetic.CartesianGrid(edges, edges), diffusion=tensor(drift),
            source=lambda x, p: jnp.exp(-jnp.sum((x - jnp.array([0.4, 0.0])) ** 2) / 0.18),
        )  # fmt: skip

    places = ((0.0, 0.4), (0.0, -0.4), (-0.5, 0.3), (0.5, 0.5))
    return Comparison(problem(1.0), tuple((x, None, 5.0) for x in places), problem(0.0))


PROBLEMS = {
    "halo": plain_halo, "halo, wind, kappa(p)": windy_halo, "kappa(x)": graded_halo,
    "heliosphere": heliosphere, "2-D tensor, drifts": drifting_box,
}  # fmt: skip


def grid_density(case: Comparison) -> np.ndarray:
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


def walked_density(problem: kinetic.ParkerProblem, points: tuple, key) -> tuple[list, ...]:
    """Return N by paths back from the points, standard errors, and weight left inside."""
    found = [
        kinetic.pseudo_particle_density(
            problem, jnp.asarray(place), momentum, key=jax.random.fold_in(key, number),
            num_particles=PATHS, duration=length, num_steps=STEPS, num_groups=GROUPS,
        )
        for number, (place, momentum, length) in enumerate(points)
    ]  # fmt: skip
    values = [(x.density.value, x.density.error, x.inside) for x in found]
    return tuple([float(x) for x in column] for column in zip(*values, strict=True))


def compare(make, key) -> dict:
    """Return densities of both solvers, and their differences in standard errors."""
    fine, half = make(CELLS), make(CELLS // 2)
    exact = grid_density(fine)
    value, error, inside = walked_density(fine.problem, fine.points, key)
    row = {
        "points": [[*place, *([] if p is None else [p])] for place, p, _ in fine.points],
        "grid": exact.tolist(),
        "relative_change_from_half_the_cells": (exact / grid_density(half) - 1).tolist(),
        "paths": value, "error": error, "weight_left_inside": inside,
        "z_scores": ((np.array(value) - exact) / error).tolist(),
    }  # fmt: skip
    if fine.wrong is not None:
        value, error, _ = walked_density(fine.wrong, fine.points, key)
        row["z_scores_of_wrong_paths"] = ((np.array(value) - exact) / error).tolist()
    return row


def draw_scattering(axes, result: dict) -> None:
    """Draw the mean free path, its exponent and D_mumu into three panels."""
    paths, exponents, scattering = axes
    rows, gyroradius = result["free_paths"], result["free_paths"]["gyroradius_over_bend_over"]
    for name, color in zip(INDICES, (BLUE, VERMILION), strict=True):
        paths.loglog(gyroradius, rows[name]["mean_free_path"], color=color, label=name)
        exponents.semilogx(gyroradius, rows[name]["exponent"], color=color, label=name)
    for value, text in ((1 / 3, "1/3"), (1 / 2, "1/2")):
        exponents.axhline(value, color=GREY, lw=1, ls=":")
        exponents.text(3e2, value + 0.04, text)
    add_legend(paths)
    radius = "gyroradius / bend-over scale $l$"
    polish(paths, x_label=radius, y_label=r"$\lambda_\parallel\, /\, l$",
           title="mean free path, $\\delta B/B_0$ = 0.3")  # fmt: skip
    polish(exponents, x_label=radius, y_label=r"$d\ln\lambda_\parallel / d\ln R$",
           title="its exponent")  # fmt: skip
    rows = result["resonances"]
    styles = (("sharp", ":"), ("Lorentzian", "--"), ("second order", "-"))
    for amplitude, color in zip(("0.1", "0.3", "1"), (BLUE, GREEN, VERMILION), strict=True):
        for shape, style in styles:
            # zero in the gap: left out of a logarithmic axis
            scattering.semilogy(rows["cosine"], rows[amplitude][shape]["diffusion"], color=color,
                                ls=style, label=amplitude if style == "-" else None)  # fmt: skip
    for shape, style in styles:
        scattering.plot([], [], color=GREY, ls=style, label=shape)
    scattering.set_ylim(1e-4, 3)
    add_legend(scattering, ncols=2, loc="lower center")
    polish(scattering, x_label=r"pitch cosine $\mu$", y_label=r"$D_{\mu\mu}\, l/c$",
           title=r"$\delta B/B_0$ = 0.1, 0.3, 1; $r_L = 0.1\, l$, $k\, l < 100$")  # fmt: skip


def draw_transport(axes, result: dict) -> None:
    """Draw shocks, halo and the comparison of both solvers into three panels."""
    shock, profile, scores = axes
    for row, color in zip(result["shocks"], (BLUE, GREEN, VERMILION), strict=True):
        p = np.array(row["momentum"])
        slower = row["time_per_e_fold"] / row["expected_time_per_e_fold"]
        label = f"q = {row['index']:.3f} ({row['expected_index']:g}), time {slower:.3f}"
        f = np.array(row["phase_space_density"]) * p**4
        shock.loglog(p, f / f[0], color=color, label=label)
        shock.loglog(p, (p / p[8]) ** (4 - row["expected_index"]) * f[8] / f[0], ":")
    add_legend(shock)
    polish(shock, x_label="$p/p_0$", y_label="$p^4 f$ at the shock",
           title="shocks, r = 2, 3, 4: q, time over theory")  # fmt: skip
    inset = profile.inset_axes([0.62, 0.14, 0.35, 0.28])
    for name, color in (("no wind", BLUE), ("20 km/s", VERMILION)):
        row = result["halo"][name]
        density = row["relative_density"]
        inset.plot((np.arange(len(density)) + 0.5) / len(density), density, color=color)
        profile.semilogx(result["halo"]["momentum_GV"], row["slope"], color=color, label=name)
    steep = result["halo"]["injected"] + result["halo"]["delta"]
    profile.axhline(steep, color=GREY, ls=":", label=f"1.35 + {result['halo']['delta']:.3f}")
    inset.set(xlabel="$z/H$", title="$N(z)/N(0)$ at 2 GV", xlim=(0, 1), ylim=(0, 1))
    add_legend(profile, loc="center right", bbox_to_anchor=(1, 0.64))
    polish(profile, x_label="rigidity [GV]", y_label="$-d\\ln N(0)/d\\ln p$",
           title="halo: slope in the plane")  # fmt: skip
    names = list(PROBLEMS)
    for height, name in enumerate(names):
        row = result["comparison"][name]
        for key, color in (("z_scores_of_wrong_paths", ORANGE), ("z_scores", BLUE)):
            z = np.array(row.get(key, []))
            scores.plot(z, np.full(z.size, height), "o", color=color, mec="white", ms=9)
    scores.plot([], [], "o", color=ORANGE, label="part of the drift left out")
    scores.axvspan(-2, 2, color=GREY, alpha=0.2)
    scores.set_xscale("symlog", linthresh=3)
    scores.set_yticks(range(len(names)), names)
    scores.set_ylim(-0.5, len(names) + 0.2)
    add_legend(scores, loc="upper left")
    polish(scores, x_label="standard errors", title="pseudo-particles less grid")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, help="JSON and PNG, without the ending")
    args = parser.parse_args()
    jax.config.update("jax_enable_x64", True)
    result, began = {"paths": PATHS, "steps": STEPS}, time.process_time()
    for part in (free_paths, resonances, shocks, halo):
        result[part.__name__] = part()
        print(part.__name__, f"{time.process_time() - began:.0f} s of CPU", flush=True)
    result["comparison"] = {}
    for seed, (name, make) in enumerate(PROBLEMS.items()):
        row = result["comparison"][name] = compare(make, jax.random.key(seed))
        print(name, {key: np.round(row[key], 2) for key in row if "scores" in key}, flush=True)
    scores = np.concatenate([row["z_scores"] for row in result["comparison"].values()])
    result["chi_squared"] = {"value": float(np.sum(scores**2)), "points": scores.size}
    result["cpu_seconds"] = time.process_time() - began
    if args.out:
        write_record(args.out.with_suffix(".json"), result)
        figure = new_figure(17, 9.5)
        upper, lower = figure.subplots(2, 3)
        draw_scattering(upper, result)
        draw_transport(lower, result)
        figure.savefig(args.out.with_suffix(".png"), dpi=80)


if __name__ == "__main__":
    main()
