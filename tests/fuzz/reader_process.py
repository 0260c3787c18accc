"""A process that reads files with the readers of jaxcr, under a limit of memory.

One line in: name of the reader, path. One line out, JSON: how it ended, seconds, growth of the
peak memory. When a library crashes or does not come back, the process ends, and the last thing
on stderr is where it was.
"""

import faulthandler
import json
import resource
import sys
import time
import traceback
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from jaxcr.bench import change_table, compare_rows, differences, read_record, run_table
from jaxcr.cli.config import COMMANDS
from jaxcr.cli.toml_settings import from_toml
from jaxcr.fields import Periodic, read_field, read_notes
from jaxcr.infer import read_density
from jaxcr.observed import read_spectrum
from jaxcr.runtime import ChunkStore, cached_arrays
from jaxcr.runtime.chunk_file import read_chunk
from jaxcr.sky import read_map

MOST_BYTES = 2**31
MOST_SECONDS = 20.0
IDENTITY = bytes(range(32))
PLACE = {"unit": 1.0, "spacing": 1.0, "origin": jnp.zeros(3), "boundary": Periodic()}


def _field(**options):
    def read(path):
        samples = np.asarray(read_field(path, **options).coefficients)
        assert samples.ndim == 4
        assert np.all(np.isfinite(samples))

    return read


def _written_field(path):
    _field()(path)
    assert isinstance(read_notes(path), dict)


def _map(path):
    maps = read_map(path).maps
    assert maps.ndim == 2
    assert maps.shape[1] % 12 == 0
    assert not np.any(np.isinf(maps))


def _spectrum(path):
    data = read_spectrum(path, debiased=True)
    for values in (data.ell, data.c_ell, data.log_error, data.noise, data.total()):
        assert np.all(np.isfinite(values))


def _density(path):
    profile = read_density(path)
    for values in (profile.site, profile.occupation, profile.error):
        assert np.all(np.isfinite(values))


def _settings(path):
    for kind in COMMANDS.values():
        if hasattr(kind, "config"):
            try:
                from_toml(kind, path)
            except ValueError as problem:
                _refused(problem, path)


def _chunk(path):
    arrays = read_chunk(path, IDENTITY)
    assert arrays is None or all(isinstance(x, np.ndarray) for x in arrays.values())


def _run_folder(path):
    folder = path.parent / "run"
    (folder / "chunks").mkdir(parents=True, exist_ok=True)
    path.replace(folder / "run.json")
    try:
        store = ChunkStore.open(folder)
        assert not [n for n, state in store.missing() if state == "damaged"]
    except ValueError as problem:
        _refused(problem, folder)


def _cache(path):
    computed = {"x": np.ones(1)}
    configuration: dict = {}
    cached_arrays("fuzz", configuration, lambda: computed, directory=path.parent)
    (stored,) = path.parent.glob("fuzz-*.npz")
    path.replace(stored)
    arrays, found = cached_arrays("fuzz", configuration, lambda: computed, directory=path.parent)
    assert found or arrays is computed


def _bench(path):
    before = read_record(path)
    changes = compare_rows(before.rows, before.rows)
    run_table(before), change_table(changes, differences(before, before))


READERS = {
    "plain": _field(axes="xyzc", **PLACE),
    "components": _field(axes="xyz", **PLACE),
    "raw": _field(shape=(4, 3, 5), **PLACE),
    "cells": _field(**PLACE),
    "written": _written_field,
    "map": _map,
    "spectrum": _spectrum,
    "density": _density,
    "settings": _settings,
    "chunk": _chunk,
    "run": _run_folder,
    "cache": _cache,
    "bench": _bench,
}


def _refused(problem, path):
    """Check that the message names the file and was not made by a lack of memory."""
    message = str(problem)
    assert Path(path).name in message, f"does not name the file: {message}"
    assert len(message) < 3000, "a message of pages"
    for sign in ("Unable to allocate", "MemoryError", "Cannot allocate", "malloc"):
        assert sign not in message, f"size was not checked before allocation: {message}"


def _outcome(name, path):
    try:
        READERS[name](Path(path))
    except (ValueError, OSError) as problem:
        try:
            _refused(problem, path)
        except AssertionError as fault:
            return f"{fault}\n{traceback.format_exc()}"
        return "refused"
    except BaseException:  # whatever else comes out of a reader is a fault
        return traceback.format_exc()
    return "read"


def _peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _limit_memory():
    """Allow the address space to grow by two gigabytes."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + MOST_BYTES
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


def main():
    jax.config.update("jax_enable_x64", True)
    _limit_memory()
    faulthandler.enable()
    print("ready", flush=True)
    for line in sys.stdin:
        name, path = line.rstrip("\n").split("\t")
        before, start = _peak(), time.perf_counter()
        faulthandler.dump_traceback_later(MOST_SECONDS, exit=True)
        outcome = _outcome(name, path)
        faulthandler.cancel_dump_traceback_later()
        answer = {
            "outcome": outcome,
            "seconds": time.perf_counter() - start,
            "growth": _peak() - before,
        }
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
