"""One thread for healpy: OpenMP threads that wait spin, and workers share the cores."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # read when healpy is loaded
