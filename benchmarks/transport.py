"""Parker's equation: time and memory of a steady state in two coordinates and momentum.

    python benchmarks/transport.py [--out benchmarks/results/transport.json] [--sizes 128x32 ...]

The job: a slab of Galaxy, 20 kpc by 8 kpc, with an oblique field, diffusion along it ten times that
across it and falling off the plane, drifts, a wind, synchrotron losses, sources in the plane, free
escape all round. Each size in a process of its own, so that the peak of memory is its own; the
time is the wall clock of `solve_parker` from the statement of the problem to the budget, first with
compilation and then again. The control for the answer is the budget's imbalance.
"""

import argparse
import json
import resource
import subprocess
import sys
import time
from pathlib import Path

import jax
import jax.numpy as jnp

from jaxcr import kinetic
from jaxcr.runtime import write_record

AXIS = jnp.array([1.0, 0.3]) / 1.09**0.5
TURN = jnp.array([[0.0, 1.0], [-1.0, 0.0]])


def diffusion(position, momentum):
    """Return kappa in pc: 3 pc at 1 GV in the plane, growing as R^(1/3)."""
    along = 3.0 * momentum ** (1 / 3) * (2 - jnp.exp(-((position[1] / 1e3) ** 2)))
    outer = AXIS[:, None] * AXIS[None, :]
    return along * (0.1 * jnp.eye(2) + 0.9 * outer + 0.05 * TURN)


def slab_of_galaxy(cells: int, momenta: int) -> kinetic.ParkerProblem:
    """Return the problem; momenta in GV from 1 to 10,000."""
    return kinetic.ParkerProblem(
        kinetic.CartesianGrid(
            jnp.linspace(-1e4, 1e4, cells + 1), jnp.linspace(-4e3, 4e3, cells + 1)
        ),
        diffusion=diffusion,
        momentum=kinetic.MomentumGrid(1.0, 1e4, momenta),
        velocity=lambda x: jnp.array([0.0, 1e-3]) * jnp.tanh(x[1] / 500),
        source=lambda x, p: p**-1.3 * jnp.exp(-((x[1] / 100) ** 2) - (x[0] / 5e3) ** 2),
        momentum_loss=lambda x, p: 1e-8 * p,
    )


def measure(cells: int, momenta: int) -> dict:
    """Return times and memory of one size."""
    jax.config.update("jax_enable_x64", True)
    problem = slab_of_galaxy(cells, momenta)
    row = {"cells": cells, "momenta": momenta}
    for name in ("first_s", "again_s"):
        start = time.perf_counter()
        solution = jax.block_until_ready(kinetic.solve_parker(problem))
        row[name] = time.perf_counter() - start
    row["imbalance"] = float(solution.budget.imbalance)
    row["peak_GB"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    return row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path)
    parser.add_argument("--sizes", nargs="+", default=["64x16", "128x32", "256x64"])
    parser.add_argument("--one", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.one:
        print(json.dumps(measure(*map(int, args.one.split("x")))))
        return
    rows = []
    for size in args.sizes:
        command = [sys.executable, __file__, "--one", size]
        found = subprocess.run(command, capture_output=True, text=True, check=True)
        rows.append(json.loads(found.stdout.splitlines()[-1]))
        print(rows[-1], flush=True)
    if args.out:
        write_record(args.out, {"steady": rows})


if __name__ == "__main__":
    main()
