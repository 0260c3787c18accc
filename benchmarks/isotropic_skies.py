"""Isotropic skies: time of the bands, and of the same loop over healpy.

    python benchmarks/isotropic_skies.py [--out benchmarks/results/isotropic_skies.json]

The job: 10,000 skies at nside 16, lmax 32, with 1e5 events each and the exposure of IceCube and
HAWC together, 68, 90 and 99 % bands; once with that exposure and the refined quadrature of
`power_spectrum`, once with the mean of each declination removed and plain quadrature, as for
arrays on the ground. Then fewer skies at nside 64, lmax 128. The first call builds the matrix or
compiles and is timed apart. The loop over healpy draws the same maps one by one, a few hundred of
them, and takes ``anafast`` with as many iterations; its time is scaled to the number of skies. It
runs in a process of its own, with one OpenMP thread and with one a core, since for small maps
and on a busy machine more threads are slower; the ratio is that to the faster of the two. Wall
clock, and processor time over all cores, which a busy machine changes less.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import healpy
import jax
import numpy as np

from jaxcr import sky
from jaxcr.runtime import write_record
from jaxcr.sky import partial


def seconds(run: Callable) -> tuple[float, float]:
    """Return wall and processor time of a call."""
    wall, processor = time.perf_counter(), time.process_time()
    run()
    return time.perf_counter() - wall, time.process_time() - processor


def ground_window(nside: int) -> partial.SkyWindow:
    """Return IceCube and HAWC together."""
    return partial.combined_window(partial.icecube_window(nside), partial.hawc_window(nside))


def healpy_loop(window: partial.SkyWindow, lmax: int, events: float, num: int, blind: bool):
    """Draw maps and take their spectra one by one."""
    rng, exposure = np.random.default_rng(0), np.asarray(window.exposure)
    expected = exposure * (events / exposure.sum())
    seen = expected > 0
    safe = np.where(seen, expected, 1)
    ring = healpy.pix2ring(window.nside, np.arange(exposure.size))
    per_ring = np.maximum(np.bincount(ring, expected), 1e-300)
    spectra = []
    for _ in range(num):
        counts = rng.poisson(expected)
        level = (np.bincount(ring, counts) / per_ring)[ring] if blind else 1.0
        contrast = np.where(seen, counts / (safe * np.where(level > 0, level, 1)) - 1, 0.0)
        if not blind:
            contrast = np.where(seen, contrast - contrast[seen].mean(), 0.0)
        spectra.append(healpy.anafast(contrast, lmax=lmax, iter=0 if blind else 3))
    return np.percentile(spectra, (0.5, 5, 16, 50, 84, 95, 99.5), axis=0)


def loop_seconds(job: tuple, threads: int) -> list[float]:
    """Return wall and processor time a sky of the loop over healpy, in a new process."""
    command = [sys.executable, __file__, "--one", json.dumps(job)]
    environment = os.environ | {"OMP_NUM_THREADS": str(threads)}
    found = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    return json.loads(found.stdout.splitlines()[-1])


def one_loop(nside: int, lmax: int, events: float, num: int, loop: int, blind: bool) -> list[float]:
    """Return wall and processor time a sky, after a first sky that is not counted."""
    window = ground_window(nside)
    healpy_loop(window, lmax, events, 1, blind)
    return [x / loop for x in seconds(lambda: healpy_loop(window, lmax, events, loop, blind))]


def measure(job: tuple) -> dict:
    """Return the times of one job and their ratio to the faster loop."""
    nside, lmax, events, num, loop, blind = job
    window = ground_window(nside)
    arguments = {"window": window} if blind else {"exposure": window.exposure}
    arguments |= {"nside": nside, "lmax": lmax, "num_events": events}
    first = seconds(lambda: sky.isotropic_bands(num_skies=1, **arguments))
    wall, processor = seconds(lambda: sky.isotropic_bands(num_skies=num, **arguments))
    loops = {threads: loop_seconds(job, threads) for threads in (1, os.cpu_count() or 1)}
    return {
        "nside": nside, "lmax": lmax, "events": events, "skies": num,
        "declination_mean_removed": blind, "first_call_s": first[0],
        "wall_s": wall, "processor_s": processor, "healpy_skies": loop,
        "healpy_wall_s": {threads: x[0] * num for threads, x in loops.items()},
        "healpy_processor_s": {threads: x[1] * num for threads, x in loops.items()},
        "ratio_wall": min(x[0] for x in loops.values()) * num / wall,
        "ratio_processor": min(x[1] for x in loops.values()) * num / processor,
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path)
    parser.add_argument("--skies", type=int, default=10_000)
    parser.add_argument("--one", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.one:
        print(json.dumps(one_loop(*json.loads(args.one))))
        return
    jax.config.update("jax_enable_x64", True)
    jobs = [
        (16, 32, 1e5, args.skies, 300, False),
        (16, 32, 1e5, args.skies, 300, True),
        (64, 128, 1e7, max(args.skies // 10, 1), 40, True),
    ]
    rows = []
    for job in jobs:
        rows.append(measure(job))
        print(rows[-1], flush=True)
    if args.out:
        write_record(args.out, {"bands": rows})


if __name__ == "__main__":
    main()
