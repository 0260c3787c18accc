"""Which derivatives there are: function by parameter, stop and mode, their cost and their error.

    python benchmarks/derivatives.py [--out benchmarks/results/derivatives.json] [--only NAME ...]

Each function makes one number. Its parameters: rigidity, mean field, rms, index and outer scale of
the turbulence (40 plane waves), samples of a grid (along one direction), the start, and the
boundary's gradient where there is one. One program differentiates by all of them; ``cost`` is its
processor time over that of the value, in turn, after compilation, median of three.
``difference``: of each derivative by ln p from the central difference quotient, over the largest of
the function's, in float64, at paths of 1 and 3 gyroradii. ``none``: what the error says where there
is no such derivative.
"""

import argparse
import os
from functools import partial
from pathlib import Path

os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false")

import diffrax
import jax
import jax.numpy as jnp
import numpy as np

from jaxcr import fields, orbits, sky
from jaxcr.bench.timing import time_in_turn
from jaxcr.runtime import write_record
from jaxcr.units import GYRORADIUS

RADIUS = 10.0
AXIS = jnp.array([1.0, 0.0, 0.0])
PARAMETERS = {
    "rigidity": RADIUS / GYRORADIUS,
    "mean field": 1.0,
    "rms": 0.8,
    "index": 5 / 3,
    "outer scale": 50.0,
    "samples": 0.1,
    "start": 0.3,
    "gradient": 1e-3,
}
ALONG = np.random.default_rng(2).standard_normal((8, 8, 8, 3))
DIRECTIONS = sky.refined_directions(2, 4)
STEP = 0.37
PUSHERS = {
    "Boris": orbits.Boris(STEP),
    "DiffraxPusher": orbits.DiffraxPusher(rtol=1e-10, atol=1e-10),
}


def field_of(p: dict) -> fields.Field:
    """Return mean field, waves and grid of those parameters."""
    law = fields.PowerLaw(p["index"], outer_scale=p["outer scale"], inner_scale=8.0)
    waves = fields.realise_waves(law, key=jax.random.key(1), num_waves=40, rms=1.0)
    grid = fields.GridField(
        p["samples"] * jnp.asarray(ALONG), spacing=5.0, origin=jnp.full(3, -20.0),
        stencil=fields.CubicSpline(),
    )  # fmt: skip
    return fields.UniformField(p["mean field"] * AXIS) + p["rms"] * waves + grid


def trace(p, stop, adjoint):
    n = jnp.asarray(DIRECTIONS[5, 1])
    end = orbits.trace(field_of(p), p["start"] * AXIS, n, rigidity=p["rigidity"], stop=stop,
                       rtol=1e-9, atol=1e-9, adjoint=adjoint)  # fmt: skip
    return jnp.sum(jnp.sin(end.position / RADIUS)) + end.direction[1] ** 2


def trace_ensemble(p, stop, pusher):
    n = jnp.asarray(DIRECTIONS.reshape(-1, 3))
    ends = orbits.trace_ensemble(field_of(p), p["start"] * AXIS, n, rigidity=p["rigidity"],
                                 stop=stop, pusher=pusher)  # fmt: skip
    return jnp.mean(jnp.sin(ends.position / RADIUS)) + jnp.mean(ends.direction[:, 1] ** 2)


def arrivals(p, stop, pusher):
    return sky.backtrack(field_of(p), rigidity=p["rigidity"], stop=stop, observer=p["start"] * AXIS,
                         nside=2, pusher=pusher)  # fmt: skip


def backtrack(p, stop, pusher):
    found = arrivals(p, stop, pusher)
    return jnp.mean(jnp.sin(found.position / RADIUS)) + jnp.mean(found.direction[..., 1] ** 2)


def boundary_of(p):
    return sky.QuasiSteadyBoundary(p["gradient"] * jnp.array([0.8, 0.6, 0.0]), RADIUS * jnp.eye(3))


def intensity_map(p, stop, pusher):
    values = sky.intensity_map(arrivals(p, stop, pusher), boundary_of(p))
    return 1e4 * jnp.mean(values**2)


def power_spectrum(p, stop, pusher):
    values = sky.intensity_map(arrivals(p, stop, pusher), boundary_of(p))
    return 1e4 * jnp.sum(sky.power_spectrum(values, lmax=3)[1:])


def transfer_tensor(p, stop, pusher):
    tensor = sky.transfer_tensor(arrivals(p, stop, pusher), AXIS, lmax=3, boundary_lmax=2,
                                 gradient=AXIS)  # fmt: skip
    return jnp.sum(tensor[1:, 1, -1]) + jnp.sum(tensor[1:, 2, 2])


FUNCTIONS = (trace, trace_ensemble, backtrack, intensity_map, power_spectrum, transfer_tensor)
STOPS = {
    "path length": orbits.PathLength,
    "several lengths": lambda size: orbits.PathLength(size * jnp.array([0.6, 1.0])),
    "sphere": lambda size: orbits.Sphere(0.8 * size),
}
MODES = {"forward": jax.jacfwd, "reverse": jax.grad}


def measure(function, stop_name: str, pusher_name: str) -> list[dict]:
    """Return one row for each mode and parameter."""
    stop, pusher = STOPS[stop_name], PUSHERS[pusher_name]
    several = stop_name == "several lengths"
    if several and function is trace:
        return []
    p = {name: jnp.asarray(x) for name, x in PARAMETERS.items()}

    def number(p, size, way=None if function is trace else pusher):
        return function(p, stop(size), way)

    value, rows = jax.jit(number), []
    sizes = [jnp.asarray(length * RADIUS) for length in (1.0, 3.0)]
    exact = [quotients(value, p, size) for size in sizes]
    for mode, derivative in MODES.items():
        row = {"function": function.__name__, "stop": stop_name, "mode": mode,
               "pusher": "Tsit5" if function is trace else pusher_name}  # fmt: skip
        try:
            forward = function is trace and mode == "forward"
            way = {"way": diffrax.ForwardMode()} if forward else {}
            run = jax.jit(derivative(partial(number, **way)))
            found = [run(p, size) for size in sizes]
            calls = [partial(x, p, sizes[1]) for x in (value, run)]
            plain, derived = time_in_turn(*calls, repeats=3)
            cost = derived.over(plain).value
        except (RuntimeError, ValueError) as error:
            rows.append(row | {"none": str(error).splitlines()[0]})
            continue
        for name in p:
            if np.all([x[name] == 0 for x in exact]):
                continue  # this function has no such parameter
            apart = [_apart(name, a, b) for a, b in zip(found, exact, strict=True)]
            rows.append(row | {"parameter": name, "cost": cost,
                               "difference_1": apart[0], "difference_3": apart[1]})  # fmt: skip
    return rows


def _apart(name: str, found: dict, exact: dict) -> float:
    """Return the error of one derivative by ln p, over the largest of all."""
    scaled = {key: abs(float(x)) * PARAMETERS[key] for key, x in exact.items()}
    return abs(float(found[name] - exact[name])) * PARAMETERS[name] / max(scaled.values())


def quotients(value, p: dict, size) -> dict:
    """Return the central difference quotients by all parameters."""
    found = {}
    for name, x in p.items():
        step = 1e-5 * max(1e-3, abs(float(x)))
        high, low = (value(p | {name: x + sign * step}, size) for sign in (1, -1))
        found[name] = (high - low) / (2 * step)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path)
    parser.add_argument("--only", nargs="*", default=[x.__name__ for x in FUNCTIONS])
    args = parser.parse_args()
    jax.config.update("jax_enable_x64", True)
    rows = []
    for function in FUNCTIONS:
        for pusher in PUSHERS if function is trace_ensemble else ("Boris",):
            for stop in STOPS:
                if function.__name__ in args.only:
                    rows += measure(function, stop, pusher)
                    for row in rows[-2:]:
                        print(row, flush=True)
    if args.out:
        write_record(args.out, {"rows": rows})


if __name__ == "__main__":
    main()
