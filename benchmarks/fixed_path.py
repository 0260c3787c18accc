"""Time the derivative of orbits by a whole grid, against a plain scan and diffrax.

    python benchmarks/fixed_path.py [--out benchmarks/results/fixed_path.json] [--cells 64 128]

256 particles, 100 Boris steps of half a cell, a mean field plus a grid in float32; the derivative
of the mean squared displacement by every coefficient. Plain: `jax.grad` of a scan without
checkpoints. Diffrax: `orbits.trace`, reverse mode, fewer particles. Processor time after
compilation, best of three; memory: what the compiled program holds besides its arguments, as XLA
tells it. All in one run. Start with `taskset -c 0` on Linux.
"""

import argparse
import json
import os
import time
from pathlib import Path

os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false")

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxcr import fields, orbits, units
from jaxcr.runtime import write_record

PARTICLES, STEPS, STEP = 256, 100, 0.5
RIGIDITY = 20.0 / units.GYRORADIUS  # gyroradius 20 cells in 1 µG


def turbulent_field(cells: int, stencil) -> fields.Field:
    """Return 1 µG along x plus independent samples: interpolation does not mind."""
    samples = np.random.default_rng(1).standard_normal((cells,) * 3 + (3,)).astype(np.float32)
    grid = fields.GridField(jnp.asarray(samples), spacing=1.0, origin=jnp.zeros(3), stencil=stencil)
    return fields.UniformField(jnp.array([1.0, 0.0, 0.0])) + 0.5 * grid


def starts(cells: int) -> tuple[jax.Array, jax.Array]:
    rng = np.random.default_rng(0)
    n = rng.standard_normal((PARTICLES, 3))
    n /= np.linalg.norm(n, axis=1, keepdims=True)
    x = rng.uniform(0, cells, (PARTICLES, 3))
    return jnp.asarray(x, jnp.float32), jnp.asarray(n, jnp.float32)


def fixed_path(field, positions, directions):
    return orbits.trace_fixed_path(
        field,
        positions,
        directions,
        rigidity=RIGIDITY,
        path_length=STEPS * STEP,
        num_steps=STEPS,
    )[0]


def plain(field, positions, directions):
    """Return the end positions by a scan that keeps what every step made."""
    motion = orbits.Lorentz(field, jnp.asarray(RIGIDITY, jnp.float32))

    def step(state, _):
        return jax.vmap(lambda x, n: orbits.Boris().advance(motion, x, n, jnp.float32(STEP)))(
            *state
        ), None

    return lax.scan(step, (positions, directions), length=STEPS)[0][0]


def single_orbits(field, positions, directions):
    """Trace one particle after another by diffrax, over 20 steps' length."""

    def one(x, n):
        stop = orbits.PathLength(20 * STEP)
        options = {"rigidity": RIGIDITY, "rtol": 1e-3, "atol": 1e-3, "max_steps": 256}
        return orbits.trace(field, x, n, stop=stop, **options).position

    return jax.vmap(one)(positions, directions)


WAYS = {"trace_fixed_path": fixed_path, "plain": plain}


def gradient(trace):
    """Return the compiled derivative of the mean squared displacement by the coefficients."""

    def of_grid(coefficients, field, positions, directions):
        field = eqx.tree_at(lambda f: f.second.field.coefficients, field, coefficients)
        away = trace(field, positions, directions) - positions
        return jnp.mean(jnp.sum(away**2, axis=1))

    return jax.jit(jax.grad(of_grid))


def seconds(run) -> float:
    """Return the best of three processor times of a call that was made once before."""
    jax.block_until_ready(run())
    times = []
    for _ in range(3):
        start = time.process_time()
        jax.block_until_ready(run())
        times.append(time.process_time() - start)
    return min(times)


def measure(cells: int, stencil) -> list[dict]:
    """Return one row for each way, with its ratios to trace_fixed_path."""
    field = turbulent_field(cells, stencil)
    arguments = (field.second.field.coefficients, field, *starts(cells))
    rows, results = [], []
    for name, trace in WAYS.items():
        compiled = gradient(trace).lower(*arguments).compile()
        used = compiled.memory_analysis()
        results.append(compiled(*arguments))
        row = {"cells": cells, "stencil": type(stencil).__name__, "way": name}
        row["seconds"] = seconds(lambda: compiled(*arguments))  # noqa: B023
        row["megabytes"] = (used.temp_size_in_bytes + used.output_size_in_bytes) / 1e6
        first = rows[0] if rows else row
        row["time_over_fixed_path"] = row["seconds"] / first["seconds"]
        row["memory_over_fixed_path"] = row["megabytes"] / first["megabytes"]
        largest = jnp.max(jnp.abs(results[0]))
        row["difference"] = float(jnp.max(jnp.abs(results[-1] - results[0])) / largest)
        rows.append(row)
        print(json.dumps(row), flush=True)
    return rows


def measure_single(cells: int) -> dict:
    """Return the time of the same derivative through `orbits.trace`, for 16 particles."""
    field = turbulent_field(cells, fields.Linear())
    positions, directions = starts(cells)
    arguments = (field.second.field.coefficients, field, positions[:16], directions[:16])
    compiled = gradient(single_orbits).lower(*arguments).compile()
    row = {"cells": cells, "way": "trace, 16 particles, a fifth of the path"}
    row["seconds"] = seconds(lambda: compiled(*arguments))
    row["megabytes"] = compiled.memory_analysis().temp_size_in_bytes / 1e6
    print(json.dumps(row), flush=True)
    return row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path)
    parser.add_argument("--cells", type=int, nargs="+", default=[64, 128])
    args = parser.parse_args()
    stencils = (fields.Linear(), fields.CubicSpline())
    result = {
        "rows": [row for c in args.cells for s in stencils for row in measure(c, s)],
        "single": [measure_single(c) for c in (32, 64)],
        "particles": PARTICLES,
        "steps": STEPS,
    }
    if args.out:
        write_record(args.out, result)


if __name__ == "__main__":
    main()
