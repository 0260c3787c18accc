"""Maps to real harmonic modes and back: a matrix, a table of Legendre functions, or jaxht.

Arguments are taken as checked; `harmonics` is the public face. jaxht keeps, for each nside and
lmax, the precision of its first call: set float64 before it, not between two of them.
"""

import math
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache, partial
from typing import Any, NamedTuple, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float

from jaxcr.sky.harmonics.legendre_table import (
    LARGEST_TABLE_NSIDE,
    analyse_table,
    legendre_table,
    modes_by_table,
    synthesise_table,
)
from jaxcr.sky.harmonics.modes import (
    alm_layout,
    harmonic_matrix,
    mode_source,
    mode_table,
    synthesis_matrix,
)

Modes = Float[Array, "*batch mode"]

_T = TypeVar("_T")

_LARGEST_MATRIX = 2**22  # bytes in float64: what a processor's cache holds, nside 8 at any lmax


def analyse(
    maps: Float[Array, "*batch pixel"], nside: int, lmax: int, iterations: int = 3
) -> Modes:
    """Return the real modes of maps, by refinements of the sum over the pixels."""
    transform = _choose(nside, lmax, analyse_dense, analyse_table, analyse_jaxht)
    return transform(maps, nside, lmax, iterations)


def analyse_dense(
    maps: Float[Array, "*batch pixel"], nside: int, lmax: int, iterations: int
) -> Modes:
    """Return the real modes of maps as one product with `harmonic_matrix`."""
    matrix = _on_device(harmonic_matrix, maps.dtype.name, nside, lmax, iterations)
    return _contract_last(maps, matrix)


class _Way(NamedTuple):
    """A transform for use within a program that takes its table as an argument.

    Attributes
    ----------
    table
        From dtype, nside, lmax and iterations.
    modes
        From maps, table, nside, lmax and iterations.
    """

    table: Callable
    modes: Callable


_DENSE = _Way(
    lambda dtype, *size: _on_device(harmonic_matrix, dtype, *size),
    lambda maps, matrix, *_: _contract_last(maps, matrix),
)
_TABLE = _Way(lambda dtype, nside, lmax, _: legendre_table(nside, lmax, dtype), modes_by_table)
_JAXHT = _Way(lambda *_: None, lambda maps, _, *size: analyse_jaxht(maps, *size))


def maps_to_spectrum(
    *maps: Float[Array, "*batch pixel"], nside: int, lmax: int
) -> Float[Array, "*batch ell"]:
    """Return C_l of maps, or of one set of maps with another, means removed.

    One program: for one map to dispatch four takes as long as to compute them.
    """
    way = _choose(nside, lmax, _DENSE, _TABLE, _JAXHT)
    size = (nside, lmax, 3)
    return _spectrum(maps, way.table(jnp.result_type(*maps).name, *size), way.modes, *size)


@partial(jax.jit, static_argnums=(2, 3, 4, 5))
def _spectrum(
    maps: tuple[Array, ...], table: Any, modes_of: Callable, nside: int, lmax: int, iterations: int
) -> Array:
    rows = jnp.stack([x.astype(jnp.result_type(*maps)) for x in maps])
    rows = rows - jnp.mean(rows, axis=-1, keepdims=True)
    modes = modes_of(rows, table, nside, lmax, iterations)
    return _average(modes[0], modes[-1], lmax)


def synthesise(modes: Modes, nside: int, lmax: int) -> Float[Array, "*batch pixel"]:
    """Return the maps of real modes."""
    transform = _choose(nside, lmax, _synthesise_dense, synthesise_table, _synthesise_jaxht)
    return transform(modes, nside, lmax)


def _choose(nside: int, lmax: int, dense: _T, table: _T, jaxht: _T) -> _T:
    """Return the way that is fastest for one map and for many."""
    if matrix_bytes(nside, lmax) <= _LARGEST_MATRIX:
        return dense
    return table if nside <= LARGEST_TABLE_NSIDE else jaxht


def matrix_bytes(nside: int, lmax: int) -> int:
    """Return the size of `harmonic_matrix` in float64."""
    return 8 * (lmax + 1) ** 2 * 12 * nside**2


def _synthesise_dense(modes: Modes, nside: int, lmax: int) -> Float[Array, "*batch pixel"]:
    matrix = _on_device(synthesis_matrix, modes.dtype.name, nside, lmax)
    return _contract_first(modes, matrix)


def mean_product(left: Modes, right: Modes, lmax: int) -> Float[Array, "*batch ell"]:
    """Return the mean of the products over the 2l+1 modes of each degree: C_l."""
    return _average(left, right, lmax)


@partial(jax.jit, static_argnums=2)
def _average(left: Array, right: Array, lmax: int) -> Array:
    """Average with each degree gathered into a row: at lmax 383 a matrix has half a GB."""
    ell, column = np.arange(lmax + 1)[:, None], np.arange(2 * lmax + 1)
    weight = (column <= 2 * ell) / (2 * ell + 1.0)
    place = np.where(weight > 0, ell**2 + column, 0)
    rows = (left * right).at[..., place].get(mode="promise_in_bounds")
    weight = weight.reshape((1,) * (left.ndim - 1) + weight.shape).astype(left.dtype)
    return jnp.sum(rows * weight, axis=-1)


def modes_to_alm(modes: Modes, lmax: int) -> Complex[Array, "*batch alm"]:
    """Return healpy's a_lm of real modes."""
    layout = alm_layout(lmax)
    root = math.sqrt(0.5)
    real = _as_row(np.where(layout.zonal, 1.0, root), modes)
    imag = _as_row(np.where(layout.zonal, 0.0, root), modes)
    return jax.lax.complex(modes[..., layout.real] * real, modes[..., layout.imag] * imag)


def alm_to_modes(coefficients: Complex[Array, "*batch alm"], lmax: int) -> Modes:
    """Return the real modes of healpy's a_lm."""
    table, source = mode_table(lmax), mode_source(lmax)
    real, imag = coefficients.real[..., source], coefficients.imag[..., source]
    scale = _as_row(np.where(table.order > 0, math.sqrt(2.0), 1.0), real)
    return jnp.where(table.sine, imag, real) * scale


def _as_row(values: np.ndarray, like: Array) -> np.ndarray:
    """Return a vector with the rank and dtype of ``like``, along its last axis."""
    return values.reshape((1,) * (like.ndim - 1) + (-1,)).astype(like.dtype)


@lru_cache(maxsize=8)
def _on_device(build: Callable, dtype: str, *size: int) -> Array:
    """Return a host matrix as one device array of the precision asked for."""
    with jax.ensure_compile_time_eval():  # a cached tracer would outlive its trace
        return jax.device_put(build(*size).astype(dtype))  # jnp.asarray compiles a copy


# The matrices are arguments of a jitted function, so that XLA does not fold them. HIGHEST keeps
# a GPU from rounding float32 factors to 10 bits.
@jax.jit
def _contract_last(rows: Array, matrix: Array) -> Array:
    return jnp.tensordot(rows, matrix, axes=(-1, 1), precision=jax.lax.Precision.HIGHEST)


@jax.jit
def _contract_first(rows: Array, matrix: Array) -> Array:
    return jnp.tensordot(rows, matrix, axes=(-1, 0), precision=jax.lax.Precision.HIGHEST)


@partial(jax.jit, static_argnames=("nside", "lmax", "iterations"))
def analyse_jaxht(
    maps: Float[Array, "*batch pixel"], nside: int, lmax: int, iterations: int
) -> Modes:
    """Return the real modes of maps with jaxht.

    The refinements are a loop, because seven transforms written out compile for 10 s.
    """
    import jht

    area = 4 * math.pi / maps.shape[-1]  # of a pixel

    def transform(sky):
        def refine(_, coefficients):  # from zero, the first step is the plain quadrature
            residual = sky - jht.synthesis(coefficients, nside, lmax)
            return coefficients + area * jht.adjoint_synthesis(residual, nside, lmax)

        if iterations == 0:
            return area * jht.adjoint_synthesis(sky, nside, lmax)
        zero = jnp.zeros(jht.alm_size(lmax), jnp.result_type(complex))
        return jax.lax.fori_loop(0, 1 + iterations, refine, zero)

    with _jaxht_settings():
        coefficients = _each(transform, maps.astype(jnp.result_type(float)))
    return alm_to_modes(coefficients, lmax).astype(maps.dtype)


@partial(jax.jit, static_argnames=("nside", "lmax"))
def _synthesise_jaxht(modes: Array, nside: int, lmax: int) -> Array:
    """Synthesise with jaxht."""
    import jht

    with _jaxht_settings():
        maps = _each(partial(jht.synthesis, nside=nside, lmax=lmax), modes_to_alm(modes, lmax))
    return maps.astype(modes.dtype)


def _each(transform: Callable, rows: Array) -> Array:
    """Apply a transform of one row to every row of (..., row)."""
    flat = jax.vmap(transform)(rows.reshape(math.prod(rows.shape[:-1]), rows.shape[-1]))
    return flat.reshape(*rows.shape[:-1], flat.shape[-1])


@contextmanager
def _jaxht_settings() -> Iterator[None]:
    """Let jaxht mix dtypes and ranks and share one FFT length, and put everything back.

    Its warnings about lmax and float32 are dropped: the public functions give their own.
    """
    import jht

    mode = jht.get_azimuth_fft_mode()
    jht.set_azimuth_fft_mode("looped")  # compiles 4 times faster at nside 32, same values
    try:
        with (
            jax.numpy_dtype_promotion("standard"),
            jax.numpy_rank_promotion("allow"),
            warnings.catch_warnings(),
        ):
            warnings.filterwarnings("ignore", message="jht:|Explicitly requested dtype")
            yield
    finally:
        jht.set_azimuth_fft_mode(mode)
