"""Peak memory, time and rate of whole runs of 1e5, 1e6 and 1e7 orbits; devices, precision.

    python benchmarks/long_runs.py [--out benchmarks/results/long_runs.json] [--most 10000000]

The job: ``jaxcr ensemble`` in a process of its own, 64³ cells of isotropic Kolmogorov turbulence
with rms = mean field = 3 µG, gyroradius 5 cells in the mean field, paths of 6 gyroradii, maps of
nside 16, chunks of 65,536 orbits, all cores. Rates are of wall time from the start of the process
to its end: compilation, maps, jackknife and picture included.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from jaxcr.runtime import write_record

GYRORADIUS = 5.0
SETTINGS = [
    "--turbulence.cells", "64", "--turbulence.spacing", "1", "--turbulence.outer-scale", "25.6",
    "--rigidity", f"{GYRORADIUS * 3.0 / 1.0810:.4f}", "--path", f"{6 * GYRORADIUS:g}",
]  # fmt: skip
"""Gyroradius in pc: 1.081 rigidity/PV over B/µG."""


def run(num: int, precision: str, cores: int) -> dict[str, float]:
    """Return peak memory, seconds and rates of one run."""
    folder = Path(tempfile.mkdtemp())
    command = [sys.executable, "-m", "jaxcr.cli.main", "ensemble", "--num", str(num), *SETTINGS,
               "--precision", precision, "--out", str(folder / "run")]  # fmt: skip
    environment = os.environ | {"JAX_NUM_CPU_DEVICES": str(cores), "NPROC": "1"}
    start = time.perf_counter()
    process = subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    with process.stdout:
        said = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    if status:
        raise SystemExit(said)
    process.returncode = 0
    steps = int(re.search(r"([\d,]+) steps", said)[1].replace(",", ""))
    shutil.rmtree(folder)
    return {
        "orbits": num,
        "precision": precision,
        "devices": cores,
        "peak_memory_mb": usage.ru_maxrss / (1024**2 if sys.platform == "darwin" else 1024),
        "seconds": seconds,
        "cpu_seconds": usage.ru_utime + usage.ru_stime,
        "steps": steps,
        "orbits_per_second": num / seconds,
        "steps_per_second": steps / seconds,
    }


def main() -> None:
    """Run everything and write the record."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path)
    parser.add_argument("--most", type=int, default=10_000_000)
    arguments = parser.parse_args()
    cores, rows = os.cpu_count() or 1, []
    jobs = [(100_000, "float32", 1), (100_000, "float32", cores), (1_000_000, "float32", 1),
            (1_000_000, "float32", cores), (1_000_000, "float64", cores),
            (10_000_000, "float32", cores)]  # fmt: skip
    for job in jobs:
        if job[0] <= arguments.most:
            rows.append(run(*job))
            print(rows[-1], flush=True)
    if arguments.out:
        write_record(arguments.out, {"settings": SETTINGS, "runs": rows})


if __name__ == "__main__":
    main()
