"""Benchmarks of the start, each in fresh processes: import, help, compilation, a whole command."""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from jaxcr.bench.rows import Effort, NotMeasurableError, Row
from jaxcr.bench.timing import measured

_FOLDERS = "from jaxcr import fields, orbits, sky, traps"
_SKY = ("sky", "--turbulence.cells", "32", "--turbulence.outer-scale", "12.8", "--nside", "4",
        "--lmax", "8", "--path", "30", "--no-null-tests", "--out", "sky")  # fmt: skip
_THREADS = ("NPROC", "OMP_NUM_THREADS")  # children have those that a user's process has


def start(effort: Effort) -> Iterator[Row]:
    """Yield the seconds until Python, the package and the command line are there."""
    jobs = {
        "start: Python alone": ("python -c pass", ["-c", "pass"]),
        "start: import jaxcr": ("python -c 'import jaxcr'", ["-c", "import jaxcr"]),
        "start: import of its folders": (f"python -c '{_FOLDERS}'", ["-c", _FOLDERS]),
        "start: jaxcr --help": ("the command line's help", ["-m", "jaxcr.cli.main", "--help"]),
    }
    for name, (conditions, arguments) in jobs.items():
        times = [_wall(arguments) for _ in range(effort.choose(1, 3, 9))]
        yield Row(name, f"{conditions}, a fresh process", measured(times), "s", "wall", False)


def first_sky(effort: Effort) -> Iterator[Row]:
    """Yield what compilation adds to the first sky, with an empty and a filled cache on disk."""
    extra: dict[str, list[float]] = {"empty": [], "filled": []}
    for _ in range(effort.choose(1, 1, 5)):
        with tempfile.TemporaryDirectory() as folder:
            for times in extra.values():
                seconds = child("first-sky", environment=_cache(folder))
                times.append(seconds["first"] - seconds["second"])
    for state, times in extra.items():
        yield Row(
            f"compile: first sky, cache {state}",
            "first minus second sky of a fresh process: 32³ cells, nside 4, 768 orbits of 30 "
            f"cells, float64; persistent cache of JAX {state}",
            measured(times), "s", "wall", False,
        )  # fmt: skip


def command(effort: Effort) -> Iterator[Row]:
    """Yield the seconds of one small ``jaxcr sky`` from end to end, pictures included."""
    times = []
    for _ in range(effort.choose(1, 1, 5)):
        with tempfile.TemporaryDirectory() as folder:
            arguments = ["-m", "jaxcr.cli.main", *_SKY]
            times.append(_wall(arguments, folder=folder, environment=_cache(folder)))
    yield Row(
        "command: jaxcr sky",
        f"jaxcr {' '.join(_SKY[:-2])}; a fresh process, nothing cached, result files and pictures",
        measured(times), "s", "wall", False,
    )  # fmt: skip


def child(*arguments: str, environment: dict[str, str] | None = None) -> dict[str, float]:
    """Return what `jaxcr.bench.child` prints.

    Raises
    ------
    NotMeasurableError
        When it fails; the message is its last line.
    """
    command = [sys.executable, "-m", "jaxcr.bench.child", *arguments]
    return json.loads(_run(command, None, environment).splitlines()[-1])


def _wall(
    arguments: list[str], *, folder: str | None = None, environment: dict[str, str] | None = None
) -> float:
    """Return the seconds on the wall of one Python process."""
    begin = time.perf_counter()
    _run([sys.executable, *arguments], folder, environment)
    return time.perf_counter() - begin


def _run(command: list[str], folder: str | None, environment: dict[str, str] | None) -> str:
    inherited = {name: x for name, x in os.environ.items() if name not in _THREADS}
    done = subprocess.run(
        command, capture_output=True, text=True, cwd=folder, env=inherited | (environment or {}),
    )  # fmt: skip
    if done.returncode:
        lines = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        raise NotMeasurableError(f"{' '.join(command[1:4])}: {lines[-1]}")
    return done.stdout


def _cache(folder: str) -> dict[str, str]:
    """Return the settings with which JAX keeps every compiled program in a folder."""
    return {
        "JAX_COMPILATION_CACHE_DIR": str(Path(folder) / "compiled"),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
    }
