"""Orbits per second at which exit error: the reference job, on one core, two devices, any number.

    python benchmarks/throughput.py [--out benchmarks/results/throughput.json]

The job: 256³ cells, isotropic Kolmogorov turbulence with rms = mean field = 3 µG and waves of 4 to
102 cells, 30 PV (gyroradius 10.8 cells in the mean field), orbits from the centre to a sphere of
60 cells. Errors are median distances of exits from those of Blanes-Moan at 1/40 cell on the same
interpolated field. Timings: processor time after compilation, best of four; the ratio compares
with a bare loop of the same steps in the same run, on particles that fill the sphere: no stop, no
status and no refill, but for a look every 32 steps whether a particle is to start again. With few
orbits the engine's last lanes run half empty: ``many`` has four times as many.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path

os.environ.setdefault("NPROC", "1")  # XLA's threads for each device

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxcr import fields, orbits
from jaxcr.runtime import write_record

RIGIDITY, RADIUS, RMS = 30.0, 60.0, 3.0
_BARE_STEPS = 32


def turbulent_field(cells: int, stencil) -> fields.Field:
    """Return the mean field along x plus turbulence down to four cells."""
    spectrum = fields.PowerLaw(5 / 3, outer_scale=0.4 * cells, inner_scale=4.0)
    grid = fields.realise_grid(
        spectrum, key=jax.random.key(0), shape=(cells,) * 3, spacing=1.0, rms=RMS,
        stencil=stencil, exact_rms=True,
    )  # fmt: skip
    return fields.UniformField(jnp.array([RMS, 0.0, 0.0])) + grid


def directions(num: int, dtype) -> jax.Array:
    """Return isotropic directions, the same first ones for any number."""
    n = np.random.default_rng(0).standard_normal((num, 3))
    return jnp.asarray(n / np.linalg.norm(n, axis=1, keepdims=True), dtype)


def schemes() -> list[orbits.Pusher]:
    """Return the schemes of the table."""
    return [
        orbits.Boris(0.5), orbits.Boris(0.1), orbits.Strang(0.5), orbits.BlanesMoan4(2.0),
        orbits.BlanesMoan4(1.0), orbits.DiffraxPusher(rtol=1e-3, atol=0.0),
        orbits.DiffraxPusher(rtol=1e-5, atol=0.0),
        orbits.DiffraxPusher(orbits.BulirschStoer(), rtol=1e-4, atol=0.0),
    ]  # fmt: skip


@eqx.filter_jit
def bare_loop(field, pusher, direction, num_blocks):
    """Make ``num_blocks`` times 32 steps in every lane: no stop, no refill, no status."""
    motion = orbits.Lorentz(field, jnp.asarray(RIGIDITY, direction.dtype))
    pusher = pusher.prepare(motion)
    state = jax.vmap(lambda n: pusher.init(motion, jnp.zeros_like(n), n))(direction)

    def step(x, n, s):
        x, n, _, s = pusher.step(motion, x, n, s)
        return x, n, s

    radius = RADIUS * jnp.linspace(0, 1, len(direction), dtype=direction.dtype) ** (1 / 3)
    start = (radius[:, None] * jnp.roll(direction, 1, axis=0), direction, state)

    def block(_, carry):
        carry = lax.fori_loop(0, _BARE_STEPS, lambda _, c: jax.vmap(step)(*c), carry)
        gone = jnp.sum(carry[0] ** 2, axis=1) > RADIUS**2
        again = lambda a, b: jnp.where(gone.reshape(-1, *[1] * (a.ndim - 1)), a, b)  # noqa: E731
        return jax.tree.map(again, start, carry)

    return lax.fori_loop(0, num_blocks, block, start)


def seconds(*runs) -> list[float]:
    """Return the best of four processor times of each compiled call, taken in turn."""
    jax.block_until_ready([run() for run in runs])
    times = []
    for _ in range(4):
        for run in runs:
            start = time.process_time()
            jax.block_until_ready(run())
            times.append(time.process_time() - start)
    return [min(times[i :: len(runs)]) for i in range(len(runs))]


def table(cells: int, num: int, lanes: int, pushers: list[orbits.Pusher]) -> list[dict]:
    """Return one row for each stencil, precision and scheme."""
    rows = []
    for stencil in (fields.Linear(), fields.CubicSpline()):
        field = turbulent_field(cells, stencil)

        def trace(pusher, n):
            return orbits.trace_ensemble(
                field, jnp.zeros(3), n, rigidity=RIGIDITY, stop=orbits.Sphere(RADIUS),  # noqa: B023
                pusher=pusher, lanes=lanes, devices=jax.local_devices()[:1],
            )  # fmt: skip

        reference = trace(orbits.BlanesMoan4(0.025), directions(512, jnp.float64)).position
        for dtype in (jnp.float32, jnp.float64):
            for pusher in pushers:
                n = directions(num, dtype)
                exits = trace(pusher, n)
                apart = np.asarray(exits.position[:512], float) - np.asarray(reference)
                steps = int(np.sum(np.asarray(exits.num_steps)))
                blocks = jnp.int32(-(-steps // (_BARE_STEPS * lanes)))
                engine, bare = seconds(
                    lambda: trace(pusher, n),  # noqa: B023
                    lambda: bare_loop(field, pusher, n[:lanes], blocks),  # noqa: B023
                )
                bare_ns = 1e9 * bare / (int(blocks) * _BARE_STEPS) / lanes
                rows.append(
                    {
                        "stencil": type(stencil).__name__,
                        "dtype": jnp.dtype(dtype).name,
                        "scheme": _name(pusher),
                        "orbits_per_second": num / engine,
                        "median_exit_error_cells": float(np.median(np.linalg.norm(apart, axis=1))),
                        "ns_per_step": 1e9 * engine / steps,
                        "over_bare_loop": bare_ns / (1e9 * engine / steps),
                    }
                )
                print(json.dumps(rows[-1]), flush=True)
    return rows


def _name(pusher: orbits.Pusher) -> str:
    if isinstance(pusher, orbits.FixedStepPusher):
        return f"{type(pusher).__name__} h = {float(pusher.step_size):g}"
    return f"{type(pusher.solver).__name__} rtol = {float(pusher.rtol):.0e}"


def two_devices(cells: int, num: int) -> dict:
    """Return wall times of the same orbits on one and on two devices of this machine."""
    field = turbulent_field(cells, fields.Linear())
    n = directions(num, jnp.float32)
    times = []
    for count in (1, 2):
        run = lambda: orbits.trace_ensemble(  # noqa: E731
            field, jnp.zeros(3), n, rigidity=RIGIDITY, stop=orbits.Sphere(RADIUS),
            pusher=orbits.Boris(0.5), devices=jax.local_devices()[:count],  # noqa: B023
        )  # fmt: skip
        jax.block_until_ready(run())
        best = []
        for _ in range(4):
            start = time.perf_counter()
            jax.block_until_ready(run())
            best.append(time.perf_counter() - start)
        times.append(min(best))
    return {"one": times[0], "two": times[1], "speed_up": times[0] / times[1]}


def peak_memory(cells: int, num: int) -> None:
    """Average over orbits and print the largest resident size of this process in MB."""
    field = turbulent_field(cells, fields.Linear())

    def start(number):
        n = jax.random.normal(jax.random.fold_in(jax.random.key(3), number), (3,), jnp.float32)
        return jnp.zeros(3, jnp.float32), n / jnp.sqrt(jnp.sum(n * n))

    orbits.average_over_orbits(
        field, start, num, lambda e: {"x": e.position, "s": e.path_length}, rigidity=RIGIDITY,
        stop=orbits.Sphere(RADIUS), pusher=orbits.Boris(0.5), chunk_size=8192,
    )  # fmt: skip
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path)
    parser.add_argument("--cells", type=int, default=256)
    parser.add_argument("--particles", type=int, default=8192)
    parser.add_argument("--lanes", type=int, default=256)
    parser.add_argument("--memory-of", type=int, help=argparse.SUPPRESS)
    args = parser.parse_args()
    jax.config.update("jax_enable_x64", True)
    jax.config.update("jax_num_cpu_devices", 2)
    if args.memory_of:
        peak_memory(args.cells, args.memory_of)
        return
    result = {
        "rows": table(args.cells, args.particles, args.lanes, schemes()),
        "many": table(args.cells, 4 * args.particles, args.lanes, [orbits.Boris(0.5)]),
        "two_devices": two_devices(args.cells, 16 * args.particles),
        "peak_megabytes": {},
    }
    print(result["two_devices"], flush=True)
    for num in (10_000, 100_000, 1_000_000):
        command = [sys.executable, __file__, "--cells", str(args.cells), "--memory-of", str(num)]
        out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        result["peak_megabytes"][num] = float(out.split()[-1])
        print(num, result["peak_megabytes"][num], flush=True)
    if args.out:
        write_record(args.out, result)


if __name__ == "__main__":
    main()
