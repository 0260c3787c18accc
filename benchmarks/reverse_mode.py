"""Derivatives of exits in both modes: cost, memory, and how far the way back can be found.

    python benchmarks/reverse_mode.py [--out benchmarks/results/reverse_mode.json] [--particles N]

The job: 3 µG along x plus as much isotropic Kolmogorov turbulence, 30 PV (gyroradius 10.8 cells in
the mean field), float32, orbits from the centre to a sphere of 30 cells in Boris steps of half a
cell, one core. Derivatives of one number by ten parameters (rigidity, radius, three components of
the mean field, scale of the turbulence, three of the start, a turn of all directions), in one
program with the value; processor time after compilation, best of four. By samples: of the whole
grid. Differences: of the same number in float64, in steps of 1e-6. ``start``: how far a walk back
from the end of a path ends from its start, in gyroradii.
"""

import argparse
import os
import time
from pathlib import Path

os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false")

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxcr import fields, orbits
from jaxcr.bench.jobs import RIGIDITY, RMS, STEP, directions
from jaxcr.fields.field import sample_field
from jaxcr.runtime import write_record
from jaxcr.units import GYRORADIUS

RADIUS = 30.0
LENGTH = GYRORADIUS * RIGIDITY / RMS
THETA = jnp.array([RIGIDITY, RADIUS, RMS, 0.0, 0.0, 1.0, 0.1, 0.2, 0.3, 0.05])


def turbulence(cells: int) -> fields.GridField:
    """Return waves of 4 to 0.4 boxes, in cells of 1 pc."""
    spectrum = fields.PowerLaw(5 / 3, outer_scale=0.4 * cells, inner_scale=4.0)
    return fields.realise_grid(
        spectrum, key=jax.random.key(0), shape=(cells,) * 3, spacing=1.0, rms=RMS, exact_rms=True
    )


def number(theta, grid, n, stop=orbits.Sphere):
    """Return one number made of all exits."""
    rigidity, size, *mean = theta[:5]
    x, y, z = n.T
    cos, sin = jnp.cos(theta[9]).astype(n.dtype), jnp.sin(theta[9]).astype(n.dtype)
    exits = orbits.trace_ensemble(
        fields.UniformField(jnp.stack(mean)) + theta[5] * grid, theta[6:9].astype(n.dtype),
        jnp.stack([x * cos - y * sin, x * sin + y * cos, z], axis=-1), rigidity=rigidity,
        stop=stop(size), pusher=orbits.Boris(STEP), devices=jax.local_devices()[:1],
    )  # fmt: skip
    return jnp.mean(jnp.sin(exits.position[:, 0] / LENGTH) + exits.direction[:, 1] ** 2)


def seconds(run, *arguments) -> float:
    """Return the best of four processor times of a compiled call."""
    jax.block_until_ready(run(*arguments))
    times = []
    for _ in range(4):
        start = time.process_time()
        jax.block_until_ready(run(*arguments))
        times.append(time.process_time() - start)
    return min(times)


def cost(cells: int, num: int) -> dict:
    """Return times of both modes over that of the value, all within the caller's jit."""
    grid, n = turbulence(cells), directions(num)
    samples = jnp.asarray(sample_field(grid, grid.lattice()))

    def by_samples(samples):
        own = fields.GridField(samples, spacing=1.0, origin=-0.5 * cells * jnp.ones(3))
        return number(THETA, own, n)

    value = seconds(jax.jit(number), THETA, grid, n)
    return {
        "cells": cells,
        "particles": num,
        "value_s": value,
        "ten_forward": seconds(jax.jit(jax.jacfwd(number)), THETA, grid, n) / value,
        "ten_backward": seconds(jax.jit(jax.grad(number)), THETA, grid, n) / value,
        "by_samples": seconds(jax.jit(jax.value_and_grad(by_samples)), samples) / value,
    }


def memory(num: int) -> dict:
    """Return the bytes that the gradient holds besides its arguments, at two paths."""
    grid, n = turbulence(64), directions(num)

    def held(length):
        run = jax.jit(lambda theta: jax.grad(number)(theta.at[1].set(length), grid, n))
        return run.lower(THETA).compile().memory_analysis().temp_size_in_bytes

    return {"radius_30": held(30.0), "radius_300": held(300.0)}


def differences(num: int) -> list[dict]:
    """Return how far derivatives of both modes are from differences, over the largest."""
    spectrum = fields.PowerLaw(5 / 3, outer_scale=26.0, inner_scale=4.0)
    waves = fields.realise_waves(spectrum, key=jax.random.key(0), num_waves=100, rms=RMS)
    n, rows = directions(num, jnp.float64), []
    for stop, length in (
        (orbits.Sphere, 1.01),
        (orbits.PathLength, 1.01),
        (orbits.PathLength, 3.01),
    ):
        theta = THETA.at[1].set(length * LENGTH)
        run = jax.jit(lambda x: number(x, waves, n, stop))  # noqa: B023
        steps = 1e-6 * jnp.eye(len(theta))
        exact = np.array([(run(theta + e) - run(theta - e)) / 2e-6 for e in steps])
        for mode, derivative in (("forward", jax.jacfwd), ("reverse", jax.grad)):
            apart = np.abs(np.asarray(jax.jit(derivative(run))(theta)) - exact)
            row = {"stop": stop.__name__, "gyroradii": length, "mode": mode}
            rows.append(row | {"difference": float(apart.max() / np.abs(exact).max())})
    return rows


def way_back(num: int) -> list[dict]:
    """Return how far a walk back ends from the start, in gyroradii."""
    field, boris = fields.UniformField(jnp.array([RMS, 0.0, 0.0])) + turbulence(128), orbits.Boris()

    @jax.jit
    def miss(n, num_steps):
        motion = orbits.Lorentz(field, jnp.asarray(RIGIDITY, n.dtype))

        def walk(length, state):
            step = jax.vmap(lambda x, n: boris.advance(motion, x, n, jnp.asarray(length, n.dtype)))
            return lax.fori_loop(0, num_steps, lambda _, s: step(*s), state)

        state = walk(-STEP, walk(STEP, (jnp.zeros_like(n), n)))
        return jnp.linalg.norm(state[0], axis=1) / LENGTH

    rows = []
    for dtype in (jnp.float32, jnp.float64):
        for length in (3, 10, 20, 30, 50, 100):
            found = np.asarray(miss(directions(num, dtype), int(length * LENGTH / STEP)))
            row = {"dtype": jnp.dtype(dtype).name, "gyroradii": length}
            rows.append(row | {"median": float(np.median(found)), "worst": float(found.max())})
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path)
    parser.add_argument("--particles", type=int, default=4096)
    args = parser.parse_args()
    jax.config.update("jax_enable_x64", True)
    result = {
        "cost": [cost(cells, args.particles) for cells in (64, 128)],
        "memory": memory(args.particles),
        "differences": differences(64),
        "start": way_back(256),
    }
    for name, rows in result.items():
        for row in rows if isinstance(rows, list) else [rows]:
            print(name, row)
    if args.out:
        write_record(args.out, result)


if __name__ == "__main__":
    main()
