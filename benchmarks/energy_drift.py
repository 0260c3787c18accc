"""How well each scheme keeps the speed over thousands of gyrations in a turbulent grid.

    python benchmarks/energy_drift.py [--gyrations N] [--out benchmarks/results/energy_drift.json]

The job of López-Barquero et al. (2016), appendix A: 1e4 gyrations in a turbulent field on a cubic
spline grid, Bulirsch-Stoer at a relative tolerance of 1e-6. The energy deviation is that of
p², 2 (|n| - 1) to first order, on a magnetostatic field; means and maxima over orbits. That of
the adaptive schemes grows in proportion to the path: ten times as much after 1e4 gyrations.
"""

import argparse
import time
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from jaxcr import fields, orbits, units
from jaxcr.runtime import write_record

RMS = 3.0  # µG, equal to the mean field
GYRORADIUS = 20.0  # cells


def turbulent_field(cells: int) -> fields.Field:
    """Return the mean field along x plus turbulence down to four cells."""
    spectrum = fields.PowerLaw(5 / 3, outer_scale=0.4 * cells, inner_scale=4.0)
    grid = fields.realise_grid(
        spectrum, key=jax.random.key(0), shape=(cells,) * 3, spacing=1.0, rms=RMS,
        stencil=fields.CubicSpline(), exact_rms=True,
    )  # fmt: skip
    return fields.UniformField(jnp.array([RMS, 0.0, 0.0])) + grid


def measure(gyrations: int, num: int, cells: int) -> list[dict]:
    """Return one row for each scheme and tolerance."""
    field = turbulent_field(cells)
    rigidity = GYRORADIUS * RMS / units.GYRORADIUS
    n = np.random.default_rng(0).standard_normal((num, 3))
    n = jnp.asarray(n / np.linalg.norm(n, axis=1, keepdims=True))
    schemes = {
        f"BulirschStoer({columns}) rtol {rtol:g}": orbits.DiffraxPusher(
            orbits.BulirschStoer(columns), rtol=rtol, atol=0.0
        )
        for columns, rtol in ((4, 1e-6), (3, 1e-8), (3, 1e-10))
    }
    schemes["BlanesMoan4"] = orbits.BlanesMoan4(step_cells=2.0)
    schemes["Boris"] = orbits.Boris(step_cells=0.5)
    rows = []
    for name, pusher in schemes.items():
        start = time.perf_counter()
        exits = orbits.trace_ensemble(
            field, jnp.zeros(3), n, rigidity=rigidity, pusher=pusher, lanes=num,
            stop=orbits.PathLength(2 * np.pi * GYRORADIUS * gyrations), max_steps=10**9,
        )  # fmt: skip
        deviation = np.abs(np.sum(np.asarray(exits.direction) ** 2, axis=1) - 1)
        row = {
            "scheme": name,
            "gyrations": gyrations,
            "orbits": num,
            "mean_energy_deviation": float(deviation.mean()),
            "largest_energy_deviation": float(deviation.max()),
            "steps_per_gyration": float(np.mean(np.asarray(exits.num_steps)) / gyrations),
            "seconds": time.perf_counter() - start,
        }
        rows.append(row)
        print(row, flush=True)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path)
    parser.add_argument("--gyrations", type=int, default=1000)
    parser.add_argument("--orbits", type=int, default=16)
    parser.add_argument("--cells", type=int, default=128)
    args = parser.parse_args()
    jax.config.update("jax_enable_x64", True)
    result = {"rows": measure(args.gyrations, args.orbits, args.cells)}
    if args.out:
        write_record(args.out, result)


if __name__ == "__main__":
    main()
