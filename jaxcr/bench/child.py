"""What is measured in a process of its own: ``python -m jaxcr.bench.child NAME [NUMBER]``.

Prints one line of JSON.
"""

import json
import sys
import time
from pathlib import Path

import jax
import jax.numpy as jnp

from jaxcr import fields, orbits, sky
from jaxcr.bench.jobs import RIGIDITY, STEP, turbulent_field


def first_sky() -> dict[str, float]:
    """Return the seconds on the wall of a sky, field included, and of the same sky again."""
    return {"first": _seconds(_sky), "second": _seconds(_sky)}


def imports() -> dict[str, float]:
    """Return the peak of resident memory, MB, before anything is computed."""
    return {"megabytes": peak_megabytes()}


def averages(num: int) -> dict[str, float]:
    """Return the peak of resident memory, MB, after averaging over ``num`` orbits."""
    field = turbulent_field(32)

    def start(number):
        n = jax.random.normal(jax.random.fold_in(jax.random.key(3), number), (3,), jnp.float32)
        return jnp.zeros(3, jnp.float32), n / jnp.sqrt(jnp.sum(n * n))

    orbits.average_over_orbits(
        field, start, num, lambda e: {"x": e.position, "s": e.path_length}, rigidity=RIGIDITY,
        stop=orbits.PathLength(10.0), pusher=orbits.Boris(STEP), chunk_size=4096,
    )  # fmt: skip
    return {"megabytes": peak_megabytes()}


def peak_megabytes() -> float:
    """Return the largest resident memory that this process has had, MB."""
    status = Path("/proc/self/status")
    if status.exists():  # on Linux getrusage tells that of the parent, where it was larger
        line = next(x for x in status.read_text().splitlines() if x.startswith("VmHWM"))
        return int(line.split()[1]) * 1024 / 1e6
    import resource

    bytes_per_unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * bytes_per_unit / 1e6


def _sky() -> jax.Array:
    """Return the C_l of the sky of one observer, in a field made for it."""
    field = turbulent_field(32, fields.Linear())
    axis = jnp.array([1.0, 0.0, 0.0])
    arrivals = sky.backtrack(
        field, rigidity=RIGIDITY, stop=orbits.PathLength(30.0), observer=jnp.zeros(3), nside=4,
        per_pixel=4, pusher=orbits.Boris(STEP),
    )  # fmt: skip
    return sky.power_spectrum(sky.intensity_map(arrivals, sky.DipoleBoundary(axis, 1.0)))


def _seconds(run) -> float:
    start = time.perf_counter()
    jax.block_until_ready(run())
    return time.perf_counter() - start


if __name__ == "__main__":
    job = {"first-sky": first_sky, "imports": imports, "averages": averages}[sys.argv[1]]
    print(json.dumps(job(*map(int, sys.argv[2:]))))
