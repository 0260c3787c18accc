"""Error of an orbit against evaluations and against time: every scheme, trilinear and spline.

    python benchmarks/work_precision.py [--out benchmarks/results/work_precision]

The job: isotropic Kolmogorov turbulence on a grid, dB = B0, gyroradius 20 cells, orbits of a path
of 3 gyroradii from the centre, float64. The reference is Blanes-Moan with steps of 1/50 cell on the
same grid. The error is the median distance of the end points in gyroradii. Timings are processor
time after compilation, best of two, on one device (start with ``taskset -c 0`` on Linux).
"""

import argparse
import time
from pathlib import Path

import diffrax
import jax
import jax.numpy as jnp
import numpy as np

from jaxcr import fields, orbits, units
from jaxcr.plots.style import add_legend, new_figure, polish
from jaxcr.runtime import write_record

GYRORADIUS = 20.0  # cells
PATH = 3.0  # gyroradii
RMS = 3.0  # µG, equal to the mean field
COLORS = {
    "Boris": "#0072B2", "Strang": "#56B4E9", "BlanesMoan4": "#D55E00", "Tsit5": "#009E73",
    "Dopri8": "#E69F00", "BulirschStoer": "#1a1a1a",
}  # fmt: skip


def turbulent_field(cells: int, stencil) -> fields.Field:
    """Return the mean field along x plus turbulence down to four cells."""
    spectrum = fields.PowerLaw(5 / 3, outer_scale=0.4 * cells, inner_scale=4.0)
    grid = fields.realise_grid(
        spectrum, key=jax.random.key(0), shape=(cells,) * 3, spacing=1.0, rms=RMS,
        stencil=stencil, exact_rms=True,
    )  # fmt: skip
    return fields.UniformField(jnp.array([RMS, 0.0, 0.0])) + grid


def schemes() -> list[tuple[str, orbits.Pusher, float]]:
    """Return name, scheme, and evaluations for each of its steps."""
    rows = []
    for cells in (0.1, 0.25, 0.5, 1.0, 2.0, 4.0):
        rows += [("Boris", orbits.Boris(cells), 1), ("Strang", orbits.Strang(cells), 1)]
    for cells in (0.25, 0.5, 1.0, 2.0, 4.0, 8.0):
        rows.append(("BlanesMoan4", orbits.BlanesMoan4(cells), 6))
    for rtol in (1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-8):
        for solver, evaluations in (
            (diffrax.Tsit5(), 6), (diffrax.Dopri8(), 13), (orbits.BulirschStoer(), 33),
        ):  # fmt: skip
            pusher = orbits.DiffraxPusher(solver, rtol=rtol, atol=0.0)
            rows.append((type(solver).__name__, pusher, evaluations))
    return rows


def measure(cells: int, num: int) -> list[dict]:
    """Return one row for each stencil, scheme and step or tolerance."""
    n = np.random.default_rng(0).standard_normal((num, 3))
    n = jnp.asarray(n / np.linalg.norm(n, axis=1, keepdims=True))
    rows = []
    for stencil in (fields.Linear(), fields.CubicSpline()):
        field = turbulent_field(cells, stencil)

        def trace(pusher):
            return orbits.trace_ensemble(
                field, jnp.zeros(3), n, pusher=pusher,  # noqa: B023
                rigidity=GYRORADIUS * RMS / units.GYRORADIUS,
                stop=orbits.PathLength(PATH * GYRORADIUS), devices=jax.local_devices()[:1],
            )  # fmt: skip

        reference = np.asarray(trace(orbits.BlanesMoan4(0.02)).position)
        for name, pusher, evaluations in schemes():
            exits = jax.block_until_ready(trace(pusher))
            seconds = []
            for _ in range(2):
                start = time.process_time()
                jax.block_until_ready(trace(pusher))
                seconds.append(time.process_time() - start)
            apart = np.linalg.norm(np.asarray(exits.position) - reference, axis=1) / GYRORADIUS
            rows.append(
                {
                    "stencil": type(stencil).__name__,
                    "scheme": name,
                    "step_cells": float(getattr(pusher, "step_size", np.nan)),
                    "rtol": float(getattr(pusher, "rtol", np.nan)),
                    "median_error_gyroradii": float(np.median(apart)),
                    "evaluations": float(np.mean(np.asarray(exits.num_steps)) * evaluations),
                    "microseconds": 1e6 * min(seconds) / num,
                }
            )
            print(rows[-1], flush=True)
    return rows


def draw(rows: list[dict]):
    """Return the diagram."""
    figure = new_figure(14, 9)
    axes = figure.subplots(2, 2, sharey="row")
    for line, stencil in enumerate(("Linear", "CubicSpline")):
        for column, (key, label) in enumerate(
            (("evaluations", "field evaluations"), ("microseconds", "µs of one core"))
        ):
            panel = axes[line, column]
            for scheme, color in COLORS.items():
                some = [r for r in rows if r["stencil"] == stencil and r["scheme"] == scheme]
                some.sort(key=lambda r: r[key])
                x, y = ([r[k] for r in some] for k in (key, "median_error_gyroradii"))
                panel.loglog(x, y, "o-", color=color, label=scheme, markersize=4)
            polish(panel, x_label=f"{label} for an orbit of 3 r_L", title=stencil,
                   y_label="" if column else "median error [r_L]")  # fmt: skip
    add_legend(axes[0, 0])
    return figure


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, help="JSON and PNG, without the ending")
    parser.add_argument("--cells", type=int, default=256)
    parser.add_argument("--particles", type=int, default=512)
    args = parser.parse_args()
    jax.config.update("jax_enable_x64", True)
    rows = measure(args.cells, args.particles)
    if args.out:
        write_record(args.out.with_suffix(".json"), {"rows": rows, "cells": args.cells})
        draw(rows).savefig(args.out.with_suffix(".png"))


if __name__ == "__main__":
    main()
