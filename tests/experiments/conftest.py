"""A size for tests, and no more than one thread for OpenMP."""

import os

import pytest

from jaxcr.experiments import Size

os.environ.setdefault("OMP_NUM_THREADS", "1")  # read when healpy is loaded


@pytest.fixture
def tiny():
    """The smallest that every experiment runs with; cached results are shared between tests."""
    return Size("tiny", cells=48, fields=2, orbits=16, nside=16, per_pixel=4, gyrations=2)
