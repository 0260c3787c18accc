"""Time `trace_ensemble` against `vmap(diffeqsolve)` and a bare step loop, in one run.

    python benchmarks/orbits.py [--out benchmarks/results/orbits.json] [--cells 256] [--particles N]

The job: isotropic Kolmogorov turbulence on a grid, dB = B0, gyroradius 20 cells, orbits from the
centre to a sphere of 6 gyroradii. All timings are processor time after compilation, best of two;
the ratios compare steps or orbits per second on one core (start with `taskset -c 0` on Linux).
"""

import argparse
import json
import os
import time
from pathlib import Path

os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false")

import diffrax
import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxcr import fields, orbits, units
from jaxcr.runtime import write_record

GYRORADIUS_CELLS = 20.0
RADIUS_GYRORADII = 6.0
RMS = 3.0  # µG, equal to the mean field


def seconds(run) -> float:
    """Return the best of two processor times of a compiled call."""
    jax.block_until_ready(run())
    times = []
    for _ in range(2):
        start = time.process_time()
        jax.block_until_ready(run())
        times.append(time.process_time() - start)
    return min(times)


def turbulent_field(cells: int, stencil) -> fields.Field:
    """Return the mean field along x plus turbulence down to four cells."""
    spectrum = fields.PowerLaw(5 / 3, outer_scale=0.4 * cells, inner_scale=4.0)
    grid = fields.realise_grid(
        spectrum,
        key=jax.random.key(0),
        shape=(cells,) * 3,
        spacing=1.0,
        rms=RMS,
        stencil=stencil,
        exact_rms=True,
    )
    return fields.UniformField(jnp.array([RMS, 0.0, 0.0])) + grid


def directions(num: int, dtype) -> jax.Array:
    """Return isotropic directions."""
    vectors = np.random.default_rng(0).standard_normal((num, 3))
    return jnp.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), dtype)


@eqx.filter_jit
def bare_loop(field, pusher, direction, rigidity, num_steps):
    """Make the same number of steps in every lane: no stop, no refill, no status."""
    motion = orbits.Lorentz(field, rigidity)
    pusher = pusher.prepare(motion)
    position = jnp.zeros_like(direction)
    state = jax.vmap(lambda n: pusher.init(motion, jnp.zeros_like(n), n))(direction)

    def body(_, carry):
        return jax.vmap(lambda x, n, s: _keep(pusher.step(motion, x, n, s)))(*carry)

    return lax.fori_loop(0, num_steps, body, (position, direction, state))


def _keep(step):
    position, direction, _, state = step
    return position, direction, state


@eqx.filter_jit
def vmapped_diffeqsolve(field, direction, rigidity, radius, rtol):
    """Return exits by the textbook way: one adaptive solve with an event for each particle."""
    motion = orbits.Lorentz(field, rigidity)
    event = diffrax.Event(lambda t, y, args, **kw: jnp.sum(y[0] ** 2) - radius**2)

    def solve(n):
        return diffrax.diffeqsolve(
            diffrax.ODETerm(motion), diffrax.Tsit5(), 0.0, 100.0 * radius, 0.5,
            (jnp.zeros_like(n), n),
            stepsize_controller=diffrax.PIDController(rtol=rtol, atol=1e-6),
            event=event, max_steps=100_000, adjoint=diffrax.ForwardMode(),
        ).ys  # fmt: skip

    return jax.vmap(solve)(direction)


def measure(cells: int, num: int, lanes: int) -> list[dict]:
    """Return one row for each stencil, precision and pusher."""
    rigidity = jnp.asarray(-GYRORADIUS_CELLS * RMS / units.GYRORADIUS)
    radius = RADIUS_GYRORADII * GYRORADIUS_CELLS
    rows = []
    for stencil in (fields.Linear(), fields.CubicSpline()):
        field = turbulent_field(cells, stencil)
        n = directions(num, jnp.float64)
        solve = seconds(lambda: vmapped_diffeqsolve(field, n, rigidity, radius, 1e-4))  # noqa: B023
        solve_rate = num / solve
        for dtype in (jnp.float32, jnp.float64):
            for pusher in (orbits.Boris(step=0.5), orbits.DiffraxPusher(rtol=1e-4, atol=1e-6)):
                n = directions(num, dtype)
                trace = lambda: orbits.trace_ensemble(  # noqa: E731
                    field, jnp.zeros(3), n, rigidity=rigidity, stop=orbits.Sphere(radius),  # noqa: B023
                    pusher=pusher, lanes=lanes, devices=jax.local_devices()[:1],  # noqa: B023
                )  # fmt: skip
                exits = trace()
                steps = int(jnp.sum(exits.num_steps))
                engine = seconds(trace)
                loop_steps = 1000
                bare = seconds(
                    lambda: bare_loop(field, pusher, n[:lanes], rigidity.astype(dtype), loop_steps)  # noqa: B023
                )
                row = {
                    "stencil": type(stencil).__name__,
                    "dtype": jnp.dtype(dtype).name,
                    "pusher": type(pusher).__name__,
                    "orbits_per_second": num / engine,
                    "ns_per_step": 1e9 * engine / steps,
                    "bare_ns_per_step": 1e9 * bare / loop_steps / lanes,
                    "diffeqsolve_orbits_per_second": solve_rate,
                }
                row["over_diffeqsolve"] = row["orbits_per_second"] / solve_rate
                row["over_bare_loop"] = row["bare_ns_per_step"] / row["ns_per_step"]
                rows.append(row)
                print(json.dumps(row), flush=True)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path)
    parser.add_argument("--cells", type=int, default=256)
    parser.add_argument("--particles", type=int, default=4096)
    parser.add_argument("--lanes", type=int, default=256)
    args = parser.parse_args()
    jax.config.update("jax_enable_x64", True)
    result = {
        "rows": measure(args.cells, args.particles, args.lanes),
        "particles": args.particles,
        "cells": args.cells,
        "lanes": args.lanes,
    }
    if args.out:
        write_record(args.out, result)


if __name__ == "__main__":
    main()
