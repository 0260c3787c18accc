"""Strict session: float64, no implicit dtype or rank promotion, warnings are errors."""

import os

os.environ.setdefault("NPROC", "1")  # of XLA's threads for each worker: two already share the cores

import jax
import matplotlib
import numpy as np
import pytest

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
