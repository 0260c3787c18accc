"""Strict session: float64, no implicit dtype or rank promotion, warnings are errors."""

import atexit
import os
import shutil
import tempfile

import jax
import matplotlib
import numpy as np
import pytest

# Each worker has one thread for XLA, since workers share the cores, and keeps what it has compiled:
# tests build the same programs from new functions. Another worker's files may be half written.
_COMPILED = tempfile.mkdtemp(prefix="jaxcr-tests-")
atexit.register(shutil.rmtree, _COMPILED, ignore_errors=True)
os.environ.setdefault("NPROC", "1")
jax.config.update("jax_compilation_cache_dir", _COMPILED)
jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)

matplotlib.use("Agg")
jax.config.update("jax_enable_x64", True)
jax.config.update("jax_numpy_dtype_promotion", "strict")
jax.config.update("jax_numpy_rank_promotion", "raise")


@pytest.fixture
def key():
    """One fixed key: a Monte-Carlo test that fails, fails every time."""
    return jax.random.key(20261121)


@pytest.fixture
def rng():
    """The NumPy counterpart of ``key``, for oracles that do not use JAX."""
    return np.random.default_rng(20261121)
