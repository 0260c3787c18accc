"""Steady states of many chains per second, beside a loop of SciPy's banded solver.

    python benchmarks/chains.py [--out benchmarks/results/chains.json]

The job: 100,000 open chains of 100 traps with their own mirror ratio and gradient, fed at the right
end; then the derivative of the occupation of the first trap by both parameters, beside central
differences of the loop; then one chain of a million traps. Processor time on one core.
"""

import argparse
import os
import time
from pathlib import Path

os.environ.setdefault("NPROC", "1")

import jax
import jax.numpy as jnp
import numpy as np
from scipy.linalg import solve_banded

from jaxcr import traps
from jaxcr.runtime import write_record

SITES = 100
ENDS = {"left_end": traps.AbsorbingEnd(), "right_end": traps.AbsorbingEnd()}


def occupation(ratio, gradient):
    """Return the occupations of one chain."""
    chain = traps.trap_chain(
        traps.trap_from_ratio(ratio, gradient), SITES, scattering_rate=1.0, **ENDS
    )
    source = jnp.zeros(SITES, chain.rate_right.dtype).at[-1].set(1)
    return traps.steady_state(chain, source)


def in_batches(function, batch: int = 256):
    """Return the function over arrays, in batches that fit into the cache."""
    return jax.jit(lambda x, y: jax.lax.map(lambda p: function(*p), (x, y), batch_size=batch))


def loop(right: float, left: float) -> np.ndarray:
    """Return the occupations of one chain as a SciPy user would."""
    bands = np.empty((3, SITES))
    bands[0], bands[1], bands[2] = -left, right + left, -right
    source = np.zeros(SITES)
    source[-1] = 1
    return solve_banded((1, 1), bands, source, overwrite_ab=True, overwrite_b=True,
                        check_finite=False)  # fmt: skip


def seconds(run) -> float:
    """Return the best of five processor times of a compiled call."""
    jax.block_until_ready(run())
    times = []
    for _ in range(5):
        start = time.process_time()
        jax.block_until_ready(run())
        times.append(time.process_time() - start)
    return min(times)


def loop_seconds(num: int) -> float:
    """Return the time of the loop for each chain."""
    start = time.process_time()
    for _ in range(num):
        loop(1.1, 1.0)
    return (time.process_time() - start) / num


def measure(num: int) -> dict:
    """Return times in microseconds for each chain, and ratios."""
    rng = np.random.default_rng(0)
    parameters = rng.uniform(2, 5, num), rng.uniform(-0.3, 0.3, num)
    banded = min(loop_seconds(5000) for _ in range(5))
    out = {"num": num, "sites": SITES, "banded_loop_us": 1e6 * banded}
    many = in_batches(occupation)
    both = in_batches(jax.jacfwd(lambda x, y: occupation(x, y)[0], argnums=(0, 1)))
    for dtype in (jnp.float64, jnp.float32):
        x, y = (jnp.asarray(p, dtype) for p in parameters)
        plain = seconds(lambda: many(x, y)) / num  # noqa: B023
        slopes = seconds(lambda: both(x, y)) / num  # noqa: B023
        name = jnp.dtype(dtype).name
        out[f"{name}_us"] = 1e6 * plain
        out[f"{name}_over_loop"] = banded / plain
        out[f"{name}_with_two_derivatives_us"] = 1e6 * slopes
        out[f"{name}_derivatives_over_differences"] = 5 * banded / slopes
    rate = jnp.ones(1_000_000)
    long = traps.Chain(rate, rate, **ENDS)
    source = jnp.zeros(1_000_000).at[-1].set(1.0)
    out["million_sites_s"] = seconds(lambda: traps.steady_state(long, source))
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path)
    parser.add_argument("--num", type=int, default=100_000)
    args = parser.parse_args()
    jax.config.update("jax_enable_x64", True)
    result = measure(args.num)
    print(result)
    if args.out:
        write_record(args.out, result)


if __name__ == "__main__":
    main()
