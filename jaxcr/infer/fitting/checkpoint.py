"""Starts of a fit that are kept on disk as they finish."""

import hashlib
from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxcr.infer.fitting.objective import Objective
from jaxcr.infer.fitting.optimiser import Optimiser, Run, run_starts
from jaxcr.runtime import cached_arrays, versions


def resumed_starts(
    optimiser: Optimiser,
    objective: Objective,
    starts: Float[Array, "start free"],
    folder: Path | None,
) -> Run:
    """Return the runs from every start, those in the folder without running them again.

    A start's file is found by a digest of model, data, parameters, optimiser, start and versions.

    Raises
    ------
    ValueError
        When such a file holds other arrays.
    """
    if folder is None:
        return run_starts(optimiser, objective, starts)
    runs = [_one_start(optimiser, objective, start, folder) for start in starts]
    return jax.tree.map(lambda *rows: jnp.concatenate(rows), *runs)


def _one_start(
    optimiser: Optimiser, objective: Objective, start: Float[Array, " free"], folder: Path
) -> Run:
    """Return the run from one start, with a leading axis of one."""
    key = {"problem": digest((optimiser, objective, start)), "versions": versions()}

    def compute() -> dict[str, np.ndarray]:
        run = run_starts(optimiser, objective, start[None])
        return {name: np.asarray(value) for name, value in vars(run).items()}

    arrays = cached_arrays("start", key, compute, directory=folder)[0]
    return Run(**{name: jnp.asarray(value) for name, value in arrays.items()})


def digest(tree: object) -> str:
    """Return a digest of all numbers and of the structure of a pytree."""
    leaves, structure = jax.tree.flatten(tree)
    total = hashlib.sha256(str(structure).encode())
    for leaf in leaves:
        array = np.asarray(leaf) if eqx.is_array_like(leaf) else None
        total.update(repr(leaf).encode() if array is None else array.tobytes())
    return total.hexdigest()
