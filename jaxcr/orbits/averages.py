"""Averages over any number of orbits in flat memory: orbits are summed up where they end."""

from collections.abc import Callable
from typing import Any

import diffrax
import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from jaxcr.arrays import ScalarLike
from jaxcr.checks import argument_error, as_float, check_range
from jaxcr.compilation import jit_loop
from jaxcr.devices import on_each
from jaxcr.fields import Field
from jaxcr.orbits.ensemble import as_pusher, engine_options, start_states, trace_on_devices
from jaxcr.orbits.exits import LEFT_BOX, REACHED, STATUS_TEXT, Exits, check_left_box
from jaxcr.orbits.flight import Limits
from jaxcr.orbits.lorentz import Lorentz
from jaxcr.orbits.pusher import Pusher
from jaxcr.orbits.stops import Stop
from jaxcr.statistics import Estimate

_BLOCK = 1024  # orbits that are summed at a time; blocks are added up in their order

Start = Callable[[Int[Array, ""]], tuple[Float[Array, "xyz=3"], Float[Array, "xyz=3"]]]
"""From the number of a particle to its position and direction."""


class OrbitAverage(eqx.Module):
    """Means over orbits.

    Attributes
    ----------
    mean
        Estimates of what was averaged, with the standard errors of independent orbits.
    num_particles
        Orbits traced; those that met every stop are in the means.
    num_by_status
        Orbits for each key of ``STATUS_TEXT``.
    num_steps
        Steps of all orbits.
    """

    mean: Any
    num_particles: int
    num_by_status: dict[int, int]
    num_steps: int


def average_over_orbits(
    field: Field,
    start: Start,
    num_particles: int,
    quantity: Callable[[Exits], Any],
    *,
    rigidity: ScalarLike,
    stop: Stop,
    pusher: Pusher | diffrax.AbstractAdaptiveSolver | None = None,
    max_path_length: ScalarLike | None = None,
    max_steps: int = 10_000_000,
    chunk_size: int = 65_536,
    lanes: int | None = None,
    refill_interval: int | None = None,
    devices: list[jax.Device] | None = None,
    progress: Callable[[range], Any] = iter,
) -> OrbitAverage:
    """Trace any number of orbits and keep only means of what is asked for.

    Parameters
    ----------
    start
        From the number of a particle to its position (pc) and direction; fold the number into a
        key for random starts: ``jax.random.fold_in(key, number)``.
    quantity
        From the exit of one particle, as ``trace_ensemble`` returns it but without the axis of
        particles, to a pytree of floating-point numbers or arrays.
    rigidity, stop, pusher, max_path_length, max_steps, lanes, refill_interval, devices
        As for ``trace_ensemble``.
    chunk_size
        Orbits in memory at a time, a multiple of 1024.
    progress
        Wraps the loop over chunks, e.g. ``tqdm``.

    Returns
    -------
    Means and standard errors. Orbits in one field are not independent: vary the field, too, and
    compare. Orbits that missed a stop are counted and left out.

    Raises
    ------
    ValueError
        When ``chunk_size`` is not a multiple of 1024, or no orbit met every stop.

    Notes
    -----
    Memory: one chunk. Sums are made in one order; for the bits of an orbit see
    ``trace_ensemble``.
    """
    check_range("average_over_orbits: num_particles", num_particles, 1.0)
    check_range(
        "average_over_orbits: chunk_size",
        chunk_size if chunk_size % _BLOCK == 0 else 0,
        float(_BLOCK),
        expected=f"a multiple of {_BLOCK}",
        remedy="The default chunk of 65536 suits most machines.",
    )
    chunk_size = min(chunk_size, -(-num_particles // _BLOCK) * _BLOCK)
    limit = stop.default_max_path() if max_path_length is None else as_float(max_path_length)
    engine = engine_options(lanes, refill_interval, devices)
    motion = on_each(Lorentz(field, as_float(rigidity)), engine[2])
    job = (motion, stop, as_pusher(pusher), limit, jnp.int32(max_steps))
    sums, num_steps = None, 0
    counts = np.zeros(len(STATUS_TEXT), np.int64)
    for first in progress(range(0, num_particles, chunk_size)):
        span = jnp.int32(first), jnp.int32(num_particles)
        values, by_status, steps = _chunk(job, start, quantity, span, chunk_size, engine)
        values = jax.tree.map(lambda x: np.asarray(x, float), values)
        # On the host, in float64: a device sums in an order of its own.
        for row in range(0, chunk_size, _BLOCK):
            block = jax.tree.map(lambda x: _sums(x[row : row + _BLOCK]), values)  # noqa: B023
            sums = block if sums is None else jax.tree.map(np.add, sums, block)
        counts += np.asarray(by_status, np.int64)
        num_steps += int(np.sum(np.asarray(steps), dtype=np.int64))
    num_by_status = {key: int(n) for key, n in zip(STATUS_TEXT, counts, strict=True)}
    return OrbitAverage(_means(sums, counts), num_particles, num_by_status, num_steps)


@jit_loop
def _chunk(job, start, quantity, span, chunk_size, engine):
    """Return the quantity of each orbit, 0 where it missed a stop, and counts by status."""
    motion, stop, pusher, limit, max_steps = job
    first, end = span
    number = first + jnp.arange(chunk_size, dtype=jnp.int32)
    position, direction = jax.vmap(start)(jnp.minimum(number, end - 1))
    particles = start_states(position, direction, motion.rigidity)
    dtype = direction.dtype
    exits = trace_on_devices(
        motion, particles, stop, pusher, Limits(limit.astype(dtype), max_steps), *engine
    )
    inside = number < end
    used = inside & (exits.status == REACHED)
    axis = len(stop.shape)
    axes = jax.tree.unflatten(jax.tree.structure(exits), [axis] * 4 + [0] * 2)
    values = jax.vmap(quantity, in_axes=(axes,))(exits)

    def kept(x):
        return jnp.where(used.reshape(-1, *[1] * (x.ndim - 1)), x, 0)

    keys = jnp.array(list(STATUS_TEXT), exits.status.dtype)
    by_status = jnp.sum((exits.status[:, None] == keys[None]) & inside[:, None], axis=0)
    steps = jnp.where(inside, exits.num_steps, 0)
    return jax.tree.map(kept, values), by_status, steps


def _sums(x: np.ndarray):
    return x.sum(axis=0), (x * x).sum(axis=0)


def _means(sums, counts) -> Any:
    """Return estimates from the sums of all blocks."""
    num = int(counts[list(STATUS_TEXT).index(REACHED)])
    left = int(counts[list(STATUS_TEXT).index(LEFT_BOX)])
    check_left_box("average_over_orbits: stop", left, int(counts.sum()))
    if num < 2:
        raise argument_error(
            "average_over_orbits: stop",
            expected="at least two orbits that meet every stop",
            got=", ".join(
                f"{n}: {text}" for n, text in zip(counts, STATUS_TEXT.values(), strict=True) if n
            ),
            remedy="Give a longer path, or a stop that orbits can meet.",
        )

    def estimate(pair):
        mean = pair[0] / num
        variance = np.maximum(pair[1] / num - mean**2, 0) * num / (num - 1)
        return Estimate(jnp.asarray(mean), jnp.asarray(np.sqrt(variance / num)))

    return jax.tree.map(estimate, sums, is_leaf=lambda x: isinstance(x, tuple))
