"""Do the same jobs with CRPropa 3 and with jaxcr, and print the ratios of their speeds.

    taskset -c 1 python benchmarks/crpropa_peer.py [--out benchmarks/results/crpropa_peer.json]

CRPropa's Python interface must be importable. It was built here from its commit db97df1 with g++
12, -O3 -march=native, SIMD_EXTENSIONS=native and FAST_WAVES=ON; Fortran was missing, so SOPHIA
(pion production, not used here) was a stub, and nuclear_mass.txt was the only file of data.

Processor time of one core and one thread, jaxcr and CRPropa in turn, medians; compilation and the
making of CRPropa's candidates are not counted. Orbits: protons of 30 PeV from the centre of 3 µG
along x plus as much turbulence, 256³ float32 samples of 1 pc, to a sphere of 60 cells. CRPropa
stops beyond it: the exit is found on the last step, by the cubic that both its ends fix. Errors of
orbits: median distance of exits from Blanes-Moan at 1/40 cell, float64; of fields: largest over the
rms; of pseudo-particles: largest deviation of a variance from 2 kappa s over that.
"""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

os.environ.setdefault("NPROC", "1")  # XLA's threads
os.environ.setdefault("OMP_NUM_THREADS", "1")  # CRPropa's

import jax
import jax.numpy as jnp
import numpy as np

from jaxcr import fields, orbits
from jaxcr.bench import measured
from jaxcr.bench.jobs import RIGIDITY, RMS, STEP, directions, turbulent_field
from jaxcr.fields.field import sample_field
from jaxcr.kinetic.parker import CartesianGrid, ParkerProblem
from jaxcr.kinetic.stochastic import pseudo_particles
from jaxcr.runtime import write_record

RADIUS = 60.0  # cells
COMPARED = 512  # orbits whose exits are compared
NUM_STEPS = 200  # of orbits in waves and of pseudo-particles
KAPPA, ACROSS, SDE_STEP, BOX = 1.0, 0.1, 0.01, 100.0  # pc, over the one along, pc, pc
TYPES = (jnp.float32, jnp.float64)


class Way(NamedTuple):
    """One way to do a job: a call returns processor time in s, and positions in pc."""

    code: str
    name: str
    run: Callable[[], tuple[float, np.ndarray]]


def timed(call):
    """Return processor time in s, and the result."""
    begin = time.process_time()
    result = jax.block_until_ready(call())
    return time.process_time() - begin, result


def jaxcr_way(name: str, field, start, stop, step: float = STEP, scheme=orbits.Boris) -> Way:
    """Return jaxcr's way to trace protons from the origin."""

    def run():
        seconds, exits = timed(
            lambda: orbits.trace_ensemble(
                field, jnp.zeros(3), start, rigidity=RIGIDITY, stop=stop, pusher=scheme(step),
                devices=jax.local_devices()[:1],
            )
        )  # fmt: skip
        return seconds, np.asarray(exits.position, float)

    return Way("jaxcr", name, run)


def crpropa_way(lib, num: int, *modules) -> Way:
    """Return CRPropa's way to send protons from the origin through modules, all in C++."""
    chain, name = lib.ModuleList(), type(modules[0]).__name__
    for module in modules:
        chain.add(module)

    def run():
        vector = lib.CandidateVector()
        for n in np.asarray(directions(num, jnp.float64)):
            state = lib.ParticleState(
                lib.nucleusId(1, 1), RIGIDITY * lib.PeV, lib.Vector3d(0), lib.Vector3d(*n)
            )
            vector.push_back(lib.CandidateRefPtr(lib.Candidate(state)))
        seconds, _ = timed(lambda: chain.run(vector))
        return seconds, ends(lib, vector)

    return Way("CRPropa", name, run)


def ends(lib, candidates) -> np.ndarray:
    """Return where candidates are, or have left the sphere in their last step, in pc."""
    states = np.array(
        [[[v.x, v.y, v.z] for s in (c.previous, c.current)
          for v in (s.getPosition(), s.getDirection())] for c in candidates]
    )  # fmt: skip
    x, n, y, m = np.moveaxis(states, 1, 0)
    step = np.array([[c.getCurrentStep()] for c in candidates]) / lib.pc
    x, y, n, m = x / lib.pc, y / lib.pc, step * n, step * m
    low, high = np.zeros_like(step), np.ones_like(step)
    for _ in range(50):
        t = (low + high) / 2
        u = 1 - t
        place = u**2 * ((1 + 2 * t) * x + t * n) + t**2 * ((1 + 2 * u) * y - u * m)
        outside = np.linalg.norm(place, axis=1, keepdims=True) > RADIUS
        low, high = np.where(outside, low, t), np.where(outside, t, high)
    return place


def in_turn(ways: list[Way], repeats: int) -> tuple[np.ndarray, list[np.ndarray]]:
    """Return seconds, (repeat, way), and the positions of each way."""
    found = [way.run()[1] for way in ways]  # compiles
    return np.array([[way.run()[0] for way in ways] for _ in range(repeats)]), found


def report(job: str, unit: str, ways: list[Way], seconds: np.ndarray, errors) -> list[dict]:
    """Return a row for each way from its seconds for one orbit or step, (repeat, way)."""
    other = min(  # the fastest of CRPropa's
        (x for x, way in zip(seconds.T, ways, strict=True) if way.code == "CRPropa"),
        key=np.median,
    )
    rows = []
    for way, times, error in zip(ways, seconds.T, errors, strict=True):
        value = measured(1 / times if unit == "orbits/s" else 1e9 * times)
        ratio = measured(other / times)
        rows.append(
            {"job": job, "code": way.code, "way": way.name, "value": value.value,
             "spread": value.spread, "unit": unit, "error": None if error is None else float(error),
             "over_crpropa": ratio.value, "spread_of_ratio": ratio.spread}
        )  # fmt: skip
        print(rows[-1], flush=True)
    return rows


def to_sphere(lib, args: argparse.Namespace) -> list[dict]:
    """Return rows of orbits through grids."""
    cells, num = args.cells, args.particles
    stop, starts = orbits.Sphere(RADIUS), [directions(num, dtype) for dtype in TYPES]
    linear, cubic = (turbulent_field(cells, x) for x in (fields.Linear(), fields.CatmullRom()))
    lattice = linear.lattice()
    grid = lib.Grid3f(lib.Vector3d(*np.asarray(lattice.origin, float) * lib.pc), cells, lib.pc)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "field.raw"
        np.asarray(sample_field(linear, lattice), "<f4").tofile(file)
        lib.loadGrid(grid, str(file), lib.muG)
    magnetic = lib.MagneticFieldGrid(grid)
    sphere = lib.SphericalBoundary(lib.Vector3d(0), RADIUS * lib.pc)
    sphere.setMargin(0.01 * lib.pc)  # as far as adaptive steps go beyond it

    def rows(job, field, ways):
        start = starts[1][:COMPARED]
        exact = jaxcr_way("", field, start, stop, STEP / 20, orbits.BlanesMoan4).run()[1]
        seconds, found = in_turn(ways, args.repeats)
        errors = [np.median(np.linalg.norm(x[:COMPARED] - exact, axis=1)) for x in found]
        return report(job, "orbits/s", ways, seconds / num, errors)

    def own(name, field, *step):
        return jaxcr_way(name, field, starts["64" in name], stop, *step)

    def boris(step=STEP):
        return crpropa_way(lib, num, lib.PropagationBP(magnetic, step * lib.pc), sphere)

    quantised = turbulent_field(cells, storage=jnp.int16)
    found = rows("trilinear", linear, [
        own("float32", linear), own("float32, int16 samples", quantised), own("float64", linear),
        boris(),
    ])  # fmt: skip
    cash_karp = lib.PropagationCK(magnetic, 1e-6, 1e-3 * lib.pc, 10 * lib.pc)
    found += rows("trilinear, 0.1 cells", linear, [
        own("float64", linear, 0.1), boris(0.1), crpropa_way(lib, num, cash_karp, sphere),
    ])  # fmt: skip
    grid.setInterpolationType(lib.TRICUBIC)
    ways = [own("float32", cubic), own("float64", cubic), boris()]
    return found + rows("tricubic", cubic, ways)


def in_waves(lib, args: argparse.Namespace) -> list[dict]:
    """Return rows of Boris steps in plane waves and in a uniform field, and of the difference."""
    num, rows, uniform = args.particles, [], 0.0
    stop = orbits.PathLength(NUM_STEPS * STEP)
    end = lib.MaximumTrajectoryLength((NUM_STEPS - 0.5) * STEP * lib.pc)
    points = 50 * directions(1000, jnp.float64)
    spectrum = fields.PowerLaw(5 / 3, outer_scale=100.0, inner_scale=4.0)
    theirs = lib.TurbulenceSpectrum(RMS * lib.muG, 4 * lib.pc, 100 * lib.pc, 100 * lib.pc)
    for waves in (0, 100, 300):
        if waves:
            field = fields.realise_waves(spectrum, key=jax.random.key(0), num_waves=waves, rms=RMS)
            other = lib.PlaneWaveTurbulence(theirs, waves, 1)
        else:
            field = fields.UniformField(jnp.array([RMS, 0.0, 0.0]))
            other = lib.UniformMagneticField(lib.Vector3d(RMS * lib.muG, 0, 0))
        low = jax.tree.map(lambda x: x.astype(jnp.float32), field)
        own = {"float32": (low, 0), "float32, phases float64": (field, 0), "float64": (field, 1)}
        ways = [
            jaxcr_way(name, own_field, directions(num, TYPES[kind]), stop)
            for name, (own_field, kind) in own.items()
        ]
        ways.append(crpropa_way(lib, num, lib.PropagationBP(other, STEP * lib.pc), end))
        seconds = in_turn(ways, args.repeats)[0] / (num * NUM_STEPS)
        job = f"{waves} waves" if waves else "uniform field"
        rows += report(f"step, {job}", "ns", ways, seconds, [None] * 4)
        if waves:
            found = (jax.vmap(x)(points.astype(TYPES[kind])) for x, kind in own.values())
            errors = [np.max(np.abs(x - exact_waves(field, points))) / RMS for x in found]
            rows += report(f"field, {job}", "ns", ways, seconds - uniform, [*errors, None])
        else:
            uniform = np.median(seconds, axis=0)
    return rows


def exact_waves(field: fields.WaveField, points) -> np.ndarray:
    """Return the sum of the waves by NumPy, in float64."""
    cycles = np.asarray(points) @ np.asarray(field.frequencies).T + np.asarray(field.phases)
    return float(field.scale) * np.cos(2 * np.pi * cycles) @ np.asarray(field.amplitudes)


def walks(lib, args: argparse.Namespace) -> list[dict]:
    """Return rows of steps of pseudo-particles along and across a uniform field."""
    num, ways = args.particles, []
    for dtype in TYPES:
        edges = jnp.linspace(-BOX, BOX, 4, dtype=dtype)
        kappa = KAPPA * jnp.diag(jnp.array([ACROSS, ACROSS, 1.0], dtype))
        problem = ParkerProblem(CartesianGrid(edges, edges, edges), diffusion=lambda *_: kappa)  # noqa: B023
        start = jnp.zeros((num, 3), dtype)

        def run(problem=problem, start=start):
            seconds, result = timed(
                lambda: pseudo_particles(
                    problem, start, key=jax.random.key(0), duration=NUM_STEPS * SDE_STEP,
                    num_steps=NUM_STEPS,
                )
            )  # fmt: skip
            return seconds, np.asarray(result.position[:, -1], float)

        ways.append(Way("jaxcr", jnp.dtype(dtype).name, run))
    field, step = lib.UniformMagneticField(lib.Vector3d(0, 0, RMS * lib.muG)), SDE_STEP * lib.pc
    diffusion = lib.DiffusionSDE(field, 1e-4, step, step, ACROSS)
    diffusion.setAlpha(0)
    diffusion.setScale(KAPPA * lib.pc * lib.c_light / 6.1e24)
    box = lib.CubicBoundary(lib.Vector3d(-BOX * lib.pc), 2 * BOX * lib.pc)
    end = lib.MaximumTrajectoryLength((NUM_STEPS - 0.5) * step)
    ways.append(crpropa_way(lib, num, diffusion, box, end))
    seconds, found = in_turn(ways, args.repeats)
    expected = 2 * KAPPA * NUM_STEPS * SDE_STEP * np.array([ACROSS, ACROSS, 1.0])
    errors = [np.max(np.abs(np.mean(x**2, axis=0) / expected - 1)) for x in found]
    return report("step, pseudo-particle", "ns", ways, seconds / (num * NUM_STEPS), errors)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path)
    parser.add_argument("--cells", type=int, default=256)
    parser.add_argument("--particles", type=int, default=4096)
    parser.add_argument("--repeats", type=int, default=11)
    args = parser.parse_args()
    try:
        import crpropa
    except ImportError as problem:
        sys.exit(
            f"crpropa_peer: expected CRPropa 3 with its Python interface, got: {problem}. Install "
            "it (https://crpropa.github.io/CRPropa3) into the environment that has jaxcr."
        )
    jax.config.update("jax_enable_x64", True)
    rows = [row for job in (to_sphere, in_waves, walks) for row in job(crpropa, args)]
    if args.out:
        sizes = {name: getattr(args, name) for name in ("cells", "particles", "repeats")}
        write_record(args.out, {"rows": rows, "crpropa": crpropa.g_GIT_DESC} | sizes)


if __name__ == "__main__":
    main()
