"""Time one evaluation of a field: at random points and along paths, against SciPy.

    python benchmarks/fields.py [--out benchmarks/results/fields.json] [--cells 256]

Nanoseconds of processor time for one point in float32 after compilation, best of three; points in
batches of 256, as the lanes of an ensemble are. Paths are straight lines in steps of half a cell.
SciPy: `map_coordinates` of the same order for the three components, float32 samples, prefiltered.
Start with `taskset -c 0` on Linux.
"""

import argparse
import json
import os
import resource
import time
from pathlib import Path

os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false")

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from scipy.ndimage import map_coordinates, spline_filter

from jaxcr import fields
from jaxcr.runtime import write_record

LANES = 256
BATCHES = 400


def seconds(run) -> float:
    """Return the best of three processor times of a call that was made once before."""
    jax.block_until_ready(run())
    times = []
    for _ in range(3):
        start = time.process_time()
        jax.block_until_ready(run())
        times.append(time.process_time() - start)
    return min(times)


def points(kind: str, cells: int) -> np.ndarray:
    """Return batches of positions in cells from the corner, ``(batch, lane, 3)``."""
    rng = np.random.default_rng(0)
    if kind == "random":
        return rng.uniform(0, cells, (BATCHES, LANES, 3)).astype(np.float32)
    n = rng.standard_normal((LANES, 3))
    n /= np.linalg.norm(n, axis=1, keepdims=True)
    steps = 0.5 * np.arange(BATCHES)[:, None, None]
    return (rng.uniform(0, cells, (LANES, 3)) + steps * n).astype(np.float32) % cells


class WithJacobian(eqx.Module):
    """A field and its derivative at a point, added up so that both are needed."""

    field: fields.Field

    def __call__(self, position):
        return self.field(position) + jnp.sum(self.field.jacobian(position), axis=1)


@eqx.filter_jit
def evaluate(field, batches):
    """Sum the field over all batches, one after the other."""
    total = jnp.zeros(batches.shape[1:], batches.dtype)
    return lax.fori_loop(0, batches.shape[0], lambda i, b: b + jax.vmap(field)(batches[i]), total)


def nanoseconds(run) -> float:
    return 1e9 * seconds(run) / (BATCHES * LANES)


def measure(cells: int) -> list[dict]:
    """Return one row for each field and kind of points."""
    samples = np.random.default_rng(1).standard_normal((cells,) * 3 + (3,)).astype(np.float32)
    filtered = [spline_filter(samples[..., i], 3, np.float32, "grid-wrap") for i in range(3)]
    corner = {"spacing": 1.0, "origin": jnp.zeros(3)}
    spectrum = fields.PowerLaw(5 / 3, outer_scale=cells / 2, inner_scale=4.0)
    makers = {
        "Linear": lambda: fields.GridField(jnp.asarray(samples), **corner),
        "CatmullRom": lambda: fields.GridField(
            jnp.asarray(samples), stencil=fields.CatmullRom(), **corner
        ),
        "CubicSpline": lambda: fields.GridField(
            jnp.asarray(samples), stencil=fields.CubicSpline(), **corner
        ),
        "PotentialGridField": lambda: fields.PotentialGridField(jnp.asarray(samples), **corner),
        "CubicSpline, Jacobian": lambda: WithJacobian(
            fields.GridField(jnp.asarray(samples), stencil=fields.CubicSpline(), **corner)
        ),
        "WaveField 100": lambda: waves(spectrum, 100),
        "WaveField 300": lambda: waves(spectrum, 300),
        "WaveField 300, Jacobian": lambda: WithJacobian(waves(spectrum, 300)),
    }
    scipys = {
        "Linear": (1, [samples[..., i] for i in range(3)]),
        "CubicSpline": (3, filtered),
    }
    rows = []
    for name, make in makers.items():
        field = make()
        for kind in ("random", "path"):
            where = points(kind, cells)
            batches = jnp.asarray(where)
            row = {"field": name, "points": kind}
            row["nanoseconds"] = nanoseconds(lambda: evaluate(field, batches))  # noqa: B023
            if name in scipys:
                order, grids = scipys[name]
                flat = where.reshape(-1, 3).T - 0.5
                row["scipy_nanoseconds"] = nanoseconds(
                    lambda: [
                        map_coordinates(g, flat, order=order, mode="grid-wrap", prefilter=False)  # noqa: B023
                        for g in grids  # noqa: B023
                    ]
                )
                row["scipy_over_jaxcr"] = row["scipy_nanoseconds"] / row["nanoseconds"]
            rows.append(row)
            print(json.dumps(row), flush=True)
        del field
    return rows


def realise(cells: int) -> dict:
    """Return wall time, compilation included, and peak memory of making a grid."""
    start = time.perf_counter()
    field = fields.realise_grid(
        fields.PowerLaw(5 / 3, outer_scale=cells / 4, inner_scale=4.0),
        key=jax.random.key(0),
        shape=(cells,) * 3,
        spacing=1.0,
        rms=1.0,
    )
    field.coefficients.block_until_ready()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    row = {"seconds": time.perf_counter() - start, "peak_bytes": peak}
    print(json.dumps({"realise_grid": row}), flush=True)
    return row


def waves(spectrum, num: int) -> fields.WaveField:
    return fields.realise_waves(spectrum, key=jax.random.key(0), num_waves=num, rms=1.0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path)
    parser.add_argument("--cells", type=int, default=256)
    args = parser.parse_args()
    result = {
        "realise_grid": realise(args.cells),
        "rows": measure(args.cells),
        "cells": args.cells,
        "lanes": LANES,
    }
    if args.out:
        write_record(args.out, result)


if __name__ == "__main__":
    main()
