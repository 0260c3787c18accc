"""What all ways to trace many particles share: starts, limits, and what ends an orbit early."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from jaxcr.arrays import Scalar, Vector
from jaxcr.fields import outside_samples
from jaxcr.orbits.exits import LEFT_BOX, NOT_FINITE, RUNNING, STEP_LOST
from jaxcr.orbits.lorentz import Lorentz
from jaxcr.vectors import dot


class Particles(eqx.Module):
    """Start states of all particles."""

    position: Float[Array, "*batch xyz=3"]
    direction: Float[Array, "*batch xyz=3"]
    rigidity: Float[Array, "*batch"]


class Limits(eqx.Module):
    """What ends an orbit that meets no stop: path in pc, and number of steps."""

    path: Scalar
    steps: Int[Array, ""]


def row_blocks(num: int, width: int) -> Int[Array, "block row"]:
    """Return numbers of rows in blocks of one width, the last filled up with the last row."""
    blocks = -(-num // width)
    return jnp.minimum(jnp.arange(blocks * width), num - 1).reshape(blocks, width)


def start_status(motion: Lorentz, start: Vector) -> Int[Array, ""]:
    """Return ``RUNNING``, or ``LEFT_BOX`` for a start where no field is known."""
    outside = outside_samples(motion.field, start)
    return jnp.int32(RUNNING) if outside is None else _one_of(outside, LEFT_BOX, RUNNING)


def step_status(
    motion: Lorentz, start: Vector, offset: Vector, direction: Vector, length: Scalar
) -> Int[Array, ""]:
    """Return ``RUNNING`` after a step, or why the orbit cannot go on from there."""
    status = jnp.int32(RUNNING)
    outside = outside_samples(motion.field, start + offset)
    if outside is not None:
        status = _one_of(outside, LEFT_BOX, status)
    too_short = (length > 0) & (length < shortest_step(jnp.max(jnp.abs(offset))))
    status = _one_of(too_short, STEP_LOST, status)
    return _one_of(jnp.isfinite(dot(start + offset, direction)), status, NOT_FINITE)


def shortest_step(offset: Scalar) -> Scalar:
    """Return 64 times the rounding of an offset: a straight orbit is off by 1/128 at most."""
    return 64 * jnp.finfo(offset.dtype).eps * offset


def _one_of(condition, status, other):
    return jnp.where(condition, status, other).astype(jnp.int32)
