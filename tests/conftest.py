"""Strict session: float64, no implicit dtype or rank promotion, warnings are errors."""

import atexit
import itertools
import os
import shutil
import tempfile
from pathlib import Path

import jax
import matplotlib
import numpy as np
import pytest
from hypothesis import settings

# The short one tries the same every time; `--hypothesis-profile=long` looks for what is new.
settings.register_profile("short", max_examples=30, deadline=None, derandomize=True)
settings.register_profile("long", max_examples=2000, deadline=None, print_blob=True)
settings.load_profile("short")

# Each worker has one thread for XLA, since workers share the cores. What one has compiled the
# others use too, for tests build the same programs from new functions, and module fixtures are
# built in every worker. The first process makes the folder and takes it away.
_FOLDER = "JAXCR_TESTS_COMPILED"
if _FOLDER not in os.environ:
    os.environ[_FOLDER] = tempfile.mkdtemp(prefix="jaxcr-tests-")
    atexit.register(shutil.rmtree, os.environ[_FOLDER], ignore_errors=True)
os.environ.setdefault("NPROC", "1")
jax.config.update("jax_compilation_cache_dir", os.environ[_FOLDER])
jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)

_MOST_MAPPINGS = 25_000
_TESTS = itertools.count(1)

matplotlib.use("Agg")
jax.config.update("jax_enable_x64", True)
jax.config.update("jax_numpy_dtype_promotion", "strict")
jax.config.update("jax_numpy_rank_promotion", "raise")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """Keep the tests of a file in one worker: its fixtures are then built once."""
    from xdist.scheduler import LoadFileScheduling

    class ByFile(LoadFileScheduling):
        def _split_scope(self, nodeid):
            # Five hundred tests without fixtures, the last file: no worker is to wait for another.
            return nodeid if "test_public_functions" in nodeid else super()._split_scope(nodeid)

    return ByFile(config, log)


@pytest.fixture(autouse=True)
def room_for_programs():
    """Forget compiled programs before the system's limit of memory mappings, 65,530, is met."""
    yield
    maps = Path("/proc/self/maps")
    if next(_TESTS) % 16 == 0 and maps.exists() and maps.read_bytes().count(b"\n") > _MOST_MAPPINGS:
        jax.clear_caches()


@pytest.fixture
def key():
    """One fixed key: a Monte-Carlo test that fails, fails every time."""
    return jax.random.key(20261121)


@pytest.fixture
def rng():
    """The NumPy counterpart of ``key``, for oracles that do not use JAX."""
    return np.random.default_rng(20261121)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item, nextitem):
    """Leave the environment as it was: what a command sets there, later processes would inherit."""
    before = dict(os.environ)
    try:
        return (yield)
    finally:
        os.environ.clear()
        os.environ.update(before)
