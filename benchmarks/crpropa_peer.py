"""Trace the same orbits with CRPropa 3 and with jaxcr, and print the ratio of their speeds.

    python benchmarks/crpropa_peer.py [--out benchmarks/results/crpropa_peer.json]

CRPropa's Python interface must be importable. This script was written from CRPropa's headers and
examples (version 3.2.1) and has NOT been run with CRPropa: where it was made, CRPropa could not be
installed. The difference of the end positions that it prints says whether the job is the same.

The job: 3 µG along x plus as much Kolmogorov turbulence in 128³ cells of 1 pc, trilinear; protons
of 30 PeV from the centre, 400 Boris steps of half a cell. CRPropa: PropagationBP with a fixed step,
one candidate after another, which is one thread. jaxcr: one device, compiled before. Processor
time, median of five in turn.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from jaxcr.bench import measured
from jaxcr.bench.jobs import RIGIDITY, STEP, directions, trace, turbulent_field
from jaxcr.bench.rows import difference
from jaxcr.fields.field import sample_field
from jaxcr.runtime import write_record

REPEATS = 5


def magnetic_field(crpropa, field):
    """Return CRPropa's field of the same samples: a sample sits in the middle of its cell."""
    lattice = field.lattice()
    samples = np.asarray(sample_field(field, lattice), "<f4")
    corner = crpropa.Vector3d(*(float(x) * crpropa.pc for x in lattice.origin))
    grid = crpropa.Grid3f(corner, lattice.shape[0], float(lattice.spacing[0]) * crpropa.pc)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "field.raw"
        samples.tofile(file)  # x slowest, z and then the component fastest, as loadGrid reads
        crpropa.loadGrid(grid, str(file), crpropa.muG)
    return crpropa.MagneticFieldGrid(grid)


def simulation(crpropa, field, num_steps: int):
    """Return the modules: equal Boris steps, and an end between the last step and the next."""
    modules = crpropa.ModuleList()
    modules.add(crpropa.PropagationBP(field, STEP * crpropa.pc))
    modules.add(crpropa.MaximumTrajectoryLength((num_steps - 0.5) * STEP * crpropa.pc))
    return modules


def run_crpropa(crpropa, modules, start: np.ndarray) -> tuple[float, np.ndarray]:
    """Return seconds of processor time, and end positions (particle, 3) in pc."""
    proton, energy = crpropa.nucleusId(1, 1), RIGIDITY * crpropa.PeV
    origin = crpropa.Vector3d(0, 0, 0)
    candidates = [
        crpropa.Candidate(
            crpropa.ParticleState(proton, energy, origin, crpropa.Vector3d(*map(float, n)))
        )
        for n in start
    ]
    begin = time.process_time()
    for candidate in candidates:
        modules.run(candidate)
    seconds = time.process_time() - begin
    ends = [candidate.current.getPosition() for candidate in candidates]
    return seconds, np.array([[x.x, x.y, x.z] for x in ends]) / crpropa.pc


def run_jaxcr(field, start: jax.Array, path: float) -> tuple[float, np.ndarray]:
    """Return seconds of processor time, and end positions (particle, 3) in pc."""
    begin = time.process_time()
    position = jax.block_until_ready(trace(field, start, path).position)
    return time.process_time() - begin, np.asarray(position)


def measure(crpropa, cells: int, num: int, num_steps: int) -> list[dict]:
    """Return a row for each precision of jaxcr."""
    field = turbulent_field(cells)
    modules = simulation(crpropa, magnetic_field(crpropa, field), num_steps)
    rows = []
    for dtype in (jnp.float32, jnp.float64):
        start = directions(num, dtype)
        run_jaxcr(field, start, num_steps * STEP)  # compiles
        pairs = [
            (run_jaxcr(field, start, num_steps * STEP),
             run_crpropa(crpropa, modules, np.asarray(start, float)))
            for _ in range(REPEATS)
        ]  # fmt: skip
        (_, own_ends), (_, ends) = pairs[-1]
        own, other, ratio = (
            measured(x)
            for x in (
                [num / a for (a, _), _ in pairs],
                [num / b for _, (b, _) in pairs],
                [b / a for (a, _), (b, _) in pairs],
            )
        )
        apart = difference(own_ends, ends)
        rows.append(
            {
                "dtype": jnp.dtype(dtype).name,
                "jaxcr_orbits_per_second": own.value,
                "crpropa_orbits_per_second": other.value,
                "jaxcr_over_crpropa": ratio.value,
                "spread_of_the_ratio": ratio.spread,
                "largest_difference_over_distance": apart,
            }
        )
        print(
            f"{rows[-1]['dtype']}: jaxcr {own.value:,.0f} orbits/s, CRPropa {other.value:,.0f} "
            f"orbits/s, ratio {ratio.value:.3g} ± {ratio.spread:.1g}; end positions differ by "
            f"{apart:.1e} of the largest distance"
        )
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path)
    parser.add_argument("--cells", type=int, default=128)
    parser.add_argument("--particles", type=int, default=4096)
    parser.add_argument("--steps", type=int, default=400)
    args = parser.parse_args()
    try:
        import crpropa
    except ImportError as problem:
        sys.exit(
            f"crpropa_peer: expected CRPropa 3 with its Python interface, got: {problem}. Install "
            "it (https://crpropa.github.io/CRPropa3) into the environment that has jaxcr."
        )
    jax.config.update("jax_enable_x64", True)
    result = {
        "rows": measure(crpropa, args.cells, args.particles, args.steps),
        "crpropa": getattr(crpropa, "__version__", "unknown version"),
        "cells": args.cells,
        "particles": args.particles,
        "steps": args.steps,
    }
    if args.out:
        write_record(args.out, result)


if __name__ == "__main__":
    main()
