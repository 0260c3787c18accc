"""Harmonic coefficients straight from weighted directions, and harmonics at any directions.

No pixels: the associated Legendre functions are built by recurrence over the degree, in chunks
of particles, so that the memory is that of one chunk. With x, y, z of a unit vector

    Y_lm = Q_lm(z) c_m (x + i y)^m,   Q_mm = 1,   Q_lm = alpha_lm z Q_(l-1)m - beta_lm Q_(l-2)m,

polynomials throughout, so that the poles are no special case, nor are derivatives there.
"""

import math
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxcr.checks import as_float
from jaxcr.sky.harmonics.modes import mode_table
from jaxcr.sky.harmonics.particles import check_directions, checked_particles, lmax_of
from jaxcr.sky.harmonics.transforms import mean_product

Directions = Float[Array | np.ndarray, "particle xyz"]
Weights = Float[Array | np.ndarray, "*batch weight"]  # their number has its own message
Modes = Float[Array, "*batch mode"]

_CHUNK = 512  # particles at a time: at lmax 32 the rows of a chunk stay in the cache of a core


def direction_harmonics(directions: Directions, weights: Weights, *, lmax: int) -> Modes:
    """Return the real harmonics of the relative intensity of weighted arrival directions.

    a_lm = (4 pi / sum w) sum_i w_i Y*_lm(p_i), the monopole removed (0).

    Parameters
    ----------
    directions
        Arrival directions p, (particle, 3), of any length.
    weights
        (..., particle), any unit; ones for plain counts.
    lmax
        Highest degree, >= 0; at most 1024 in float64, 128 in float32.

    Returns
    -------
    (..., (lmax+1)²), modes in the order of `real_harmonics`.

    Raises
    ------
    ValueError
        If a shape or lmax is wrong, a direction has no length or the weights no sum > 0.

    Notes
    -----
    Exact to round-off, no pixels; O(particle lmax²). Derivatives are tangent to the sphere.
    """
    directions, weights = checked_particles(directions, weights, lmax)
    return _relative_modes(directions, weights, lmax)


def direction_spectrum(
    directions: Directions, weights: Weights, *, lmax: int
) -> Float[Array, "*batch ell"]:
    """Return C_l = sum_m |a_lm|² / (2l+1) of weighted arrival directions, without pixels.

    Parameters
    ----------
    directions, weights, lmax
        As in `direction_harmonics`.

    Returns
    -------
    (..., lmax + 1), in steradian, C_0 = 0; `poisson_noise` of the weights is not subtracted.

    Raises
    ------
    ValueError
        As `direction_harmonics`.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> from jaxcr.sky.harmonics import direction_spectrum
    >>> c_ell = direction_spectrum(jnp.eye(3), jnp.ones(3), lmax=1)
    >>> print(f"{c_ell[1]:.4f}")  # 4 pi |mean p|²
    4.1888
    """
    modes = direction_harmonics(directions, weights, lmax=lmax)
    return mean_product(modes, modes, lmax)


def evaluate_harmonics(
    modes: Float[Array | np.ndarray, "*batch mode"], directions: Directions
) -> Float[Array, "*batch particle"]:
    """Return the function of real harmonic modes at any directions, sum_lm a_lm Y_lm(p).

    Parameters
    ----------
    modes
        (..., (lmax+1)²), in the order of `real_harmonics`, monopole included.
    directions
        (particle, 3), of any length.

    Returns
    -------
    (..., particle), in units of the map.

    Raises
    ------
    ValueError
        If the number of modes is no square, or as `direction_harmonics`.

    Notes
    -----
    Exact to round-off, where interpolation of a map is not. O(particle lmax²).
    """
    modes, directions = as_float(modes), as_float(directions)
    lmax = lmax_of(modes.shape[-1])
    check_directions(directions, lmax)
    rows = modes.reshape(-1, modes.shape[-1])
    values = _synthesis(rows, _normalised(directions).astype(modes.dtype), lmax)
    return values.reshape(*modes.shape[:-1], directions.shape[0])


@partial(jax.jit, static_argnames="lmax")
def _relative_modes(
    directions: Float[Array, "particle xyz"], weights: Float[Array, "*batch particle"], lmax: int
) -> Modes:
    """Return the modes of the weights over their mean, less the monopole."""
    sums = weighted_sums(_normalised(directions), weights.reshape(-1, weights.shape[-1]), lmax)
    total = jnp.sum(weights, axis=-1, keepdims=True)
    modes = sums.reshape(*weights.shape[:-1], -1) * (4 * math.pi / total)
    return modes.at[..., 0].set(0)


@jax.jit
def _normalised(directions: Float[Array, "particle xyz"]) -> Float[Array, "particle xyz"]:
    """Return the directions over their lengths."""
    return directions / jnp.linalg.norm(directions, axis=-1, keepdims=True)


@partial(jax.jit, static_argnames="lmax")
def weighted_sums(
    directions: Float[Array, "particle xyz"], weights: Float[Array, "row particle"], lmax: int
) -> Float[Array, "row mode"]:
    """Return sum_i w_i times each real harmonic at p_i."""
    directions, weights = _in_chunks(directions, 0), _in_chunks(weights, 1)
    weights = jnp.moveaxis(weights, 1, 0)  # (chunk, row, particle)
    num_rows, orders = weights.shape[1], lmax + 1

    @jax.checkpoint  # the backward pass builds the functions of a chunk again
    def add(sums, chunk):
        directions, weights = chunk
        sectoral = _sectoral(directions, lmax)[:, :, None] * weights[None, None]
        sectoral = sectoral.reshape(orders, 2 * num_rows, -1)

        def of_degree(legendre):
            return jnp.einsum("mi,mki->mk", legendre, sectoral, precision="highest")

        return sums + _over_degrees(of_degree, directions[:, 2], lmax), None

    zero = jnp.zeros((orders, orders, 2 * num_rows), weights.dtype)
    sums, _ = jax.lax.scan(add, zero, (directions, weights))
    degree, order, sine = mode_table(lmax)
    parts = sums.reshape(orders, orders, 2, num_rows)[degree, order, sine.astype(int)]
    return parts.T * _mode_factor(lmax)[None].astype(weights.dtype)


@partial(jax.jit, static_argnames="lmax")
def _synthesis(
    rows: Float[Array, "row mode"], directions: Float[Array, "particle xyz"], lmax: int
) -> Float[Array, "row particle"]:
    """Return the sum over the modes at each direction."""
    degree, order, sine = mode_table(lmax)
    table = jnp.zeros((lmax + 1, lmax + 1, 2, rows.shape[0]), rows.dtype)
    factor = _mode_factor(lmax)[None].astype(rows.dtype)
    table = table.at[degree, order, sine.astype(int)].set((rows * factor).T)
    table = table.reshape(lmax + 1, 2 * (lmax + 1), -1)

    @jax.checkpoint
    def evaluate(directions):
        sectoral = _sectoral(directions, lmax)

        def of_degree(legendre, coefficients):
            functions = (legendre[:, None] * sectoral).reshape(coefficients.shape[0], -1)
            return jnp.matmul(coefficients.T, functions, precision="highest")

        return jnp.sum(_over_degrees(of_degree, directions[:, 2], lmax, table), axis=0)

    values = jax.lax.map(evaluate, _in_chunks(directions, 0))  # (chunk, row, particle)
    values = jnp.moveaxis(values, 0, 1).reshape(rows.shape[0], -1)
    return values[:, : directions.shape[0]]


def _sectoral(directions: Float[Array, "particle xyz"], lmax: int) -> Array:
    """Return real and imaginary part of c_m (x + i y)^m, (order, 2, particle)."""
    x, y, _ = directions.T
    order = np.arange(1, lmax + 1)
    ratio = -np.sqrt((2 * order + 1) / (2 * order))  # c_m / c_(m-1), with Condon and Shortley
    first = jnp.stack([jnp.full_like(x, math.sqrt(1 / (4 * math.pi))), jnp.zeros_like(x)])

    def next_order(power, ratio):
        real, imag = power
        power = ratio * jnp.stack([real * x - imag * y, real * y + imag * x])
        return power, power

    _, powers = jax.lax.scan(next_order, first, jnp.asarray(ratio, x.dtype))
    return jnp.concatenate([first[None], powers])


def _over_degrees(of_degree, z: Float[Array, " particle"], lmax: int, *rows: Array) -> Array:
    """Stack ``of_degree(Q_l, row of l)`` over l, with Q_l (order, particle) by recurrence."""
    tables = [jnp.asarray(table[:, :, None], z.dtype) for table in _recurrence(lmax)]

    def next_degree(last, now):
        (one, two), (alpha, beta, start, *row) = last, now
        legendre = alpha * z[None] * one - beta * two + start
        return (legendre, one), of_degree(legendre, *row)

    zero = jnp.zeros((lmax + 1, z.shape[0]), z.dtype)
    return jax.lax.scan(next_degree, (zero, zero), (*tables, *rows))[1]


def _recurrence(lmax: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return alpha, beta and the start (1 at l = m) of the recurrence, (degree, order)."""
    l, m = np.meshgrid(np.arange(lmax + 1.0), np.arange(lmax + 1.0), indexing="ij")
    first, second = m < l, m < l - 1
    gap = np.where(first, l**2 - m**2, 1)
    alpha = np.where(first, np.sqrt(np.maximum(4 * l**2 - 1, 0) / gap), 0)
    ratio = np.where(second, (2 * l + 1) * ((l - 1) ** 2 - m**2) / ((2 * l - 3) * gap), 0)
    return alpha, np.sqrt(ratio), np.eye(lmax + 1)


def _mode_factor(lmax: int) -> Float[np.ndarray, " mode"]:
    """Return what turns Q_lm c_m Re or Im (x + i y)^m into the real harmonic of a mode."""
    _, order, sine = mode_table(lmax)
    return np.where(order > 0, math.sqrt(2), 1.0) * np.where(sine, -1, 1)


def _in_chunks(values: Array, axis: int) -> Array:
    """Split the axis of particles into (chunk, particle), the last one filled with zeros."""
    num = values.shape[axis]
    size = max(1, min(_CHUNK, num))
    padding = [(0, 0)] * values.ndim
    padding[axis] = (0, -num % size)
    padded = jnp.pad(values, padding)
    shape = (*values.shape[:axis], padded.shape[axis] // size, size, *values.shape[axis + 1 :])
    return padded.reshape(shape)
