"""The angular power in the course of time: the rate equations solved by a matrix exponential."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxcr.arrays import Scalar
from jaxcr.checks import as_float, check_range, check_shape

Matrix = Float[Array, "ell ell"]
Spectrum = Float[Array, " ell"]

_ORDERS = 16  # of the series: the next term is below (1/2)^17 / 17! = 2e-20
_LARGEST_DOUBLING = 40  # 2^39 lifetimes of the fastest multipole


def evolve_cascade(
    matrix: Matrix,
    c_ell: Float[Array | np.ndarray, " start"],
    times: Float[Array | np.ndarray, " time"],
    *,
    source: Float[Array | np.ndarray, " source"] | None = None,
) -> Float[Array, "time ell"]:
    """Return C_l at given times, C(t) = exp(A t) C(0) + int_0^t exp(A s) S ds.

    Parameters
    ----------
    matrix
        A from `cascade_matrix`, (ell, ell), per unit time.
    c_ell, times
        C_l at time 0, (ell,), any unit; times >= 0, (time,).
    source
        S, power fed in per unit time, (ell,), constant; none if not given.

    Returns
    -------
    (time, ell), in the unit of ``c_ell``.

    Raises
    ------
    ValueError
        If ``c_ell`` or ``source`` has not the length of the matrix, or a time is negative.

    Notes
    -----
    One matrix exponential a time, O(40 ell³), no step size. Each doubling of the time restores
    the conserved sum. Source: uniformisation; Xue & Ye 2013, Math. Comp. 82, 1577.
    """
    start, times = (as_float(row).astype(matrix.dtype) for row in (c_ell, times))
    fed = jnp.zeros_like(start) if source is None else as_float(source).astype(matrix.dtype)
    for name, values in (("c_ell", start), ("source", fed)):
        check_shape(f"evolve_cascade: {name}", values, matrix.shape[:1])
    remedy = "Scattering has no way back in time."
    check_range("evolve_cascade: times", times, 0, remedy=remedy)
    return _evolve(matrix, start, fed, times)


@jax.jit
def _evolve(
    matrix: Matrix, start: Spectrum, fed: Spectrum, times: Float[Array, " time"]
) -> Float[Array, "time ell"]:
    """Evolve the power (2l+1) C_l, which hops between the multipoles and a sink beyond them."""
    weight = 2 * np.arange(matrix.shape[0], dtype=matrix.dtype) + 1
    hops = matrix * weight[:, None] / weight[None]
    closed = jnp.pad(jnp.concatenate([hops, -jnp.sum(hops, axis=0)[None]]), ((0, 0), (0, 1)))
    power, fed = (jnp.pad(row * weight, (0, 1)) for row in (start, fed))

    def at(time):
        flow, gained = _flow(closed, fed, time)
        total = jnp.matmul(flow, power, precision="highest") + gained
        return total[:-1] / weight

    return jax.lax.map(at, times)


def _flow(hops: Matrix, fed: Spectrum, time: Scalar) -> tuple[Matrix, Spectrum]:
    """Return exp(A t) and int_0^t exp(A s) S ds of a matrix whose columns sum to zero."""
    fastest = jax.lax.stop_gradient(-jnp.min(jnp.diagonal(hops)))
    # Doublings after a first step of fastest * step <= 1/2.
    doublings = jnp.ceil(jnp.log2(jnp.maximum(2 * fastest * jax.lax.stop_gradient(time), 1)))
    step = time * 2**-doublings
    flow, gained = _first_step(hops, fed, fastest, step)

    def double(state, count):
        flow, gained = state
        twice = jnp.matmul(flow, flow, precision="highest")
        twice = twice / jnp.sum(twice, axis=0, keepdims=True)
        more = gained + jnp.matmul(flow, gained, precision="highest")
        go = count < doublings
        return (jnp.where(go, twice, flow), jnp.where(go, more, gained)), None

    counts = jnp.arange(_LARGEST_DOUBLING, dtype=hops.dtype)
    return jax.lax.scan(double, (flow, gained), counts)[0]


def _first_step(
    hops: Matrix, fed: Spectrum, fastest: Scalar, step: Scalar
) -> tuple[Matrix, Spectrum]:
    """Return both for a step of at most half the shortest lifetime, by their series."""
    identity = jnp.eye(hops.shape[0], dtype=hops.dtype)
    positive = (hops + fastest * identity) * step  # exp(A h) = exp(-q h) exp((A + q) h)

    def add(state, k):
        flow, gained, term, row = state
        term = jnp.matmul(term, positive, precision="highest") / k
        row = jnp.matmul(hops, row, precision="highest") * (step / (k + 1))
        return (flow + term, gained + row, term, row), None

    first = fed * step
    orders = jnp.arange(1, _ORDERS + 1, dtype=hops.dtype)
    flow, gained, *_ = jax.lax.scan(add, (identity, first, identity, first), orders)[0]
    return flow / jnp.sum(flow, axis=0, keepdims=True), gained
