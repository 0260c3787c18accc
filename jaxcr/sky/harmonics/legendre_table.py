"""Maps to real harmonic modes and back, by FFTs on the rings and a table of Legendre functions.

A map is E L a. L takes the modes a to the orders f_m of each ring, one matrix product for each m;
E takes these to the pixels, x_j = Re sum_m f_m exp(i m phi_j). The plain quadrature is area Lᵀ Eᵀ.
Its refinements need Eᵀ E alone, which couples orders of a ring that differ by, or add up to, a
multiple of its number of pixels N. So there is one FFT a map, and none between the refinements:
an order m has one partner, N - m, but on the smallest rings. Rings of opposite latitude are added
for even l - m and subtracted for odd.

Arrays of orders are (parity, m, ring, column): rings from the north pole to the equator, columns
Re f of all maps, then Im f. Source: Gorski et al. 2005, ApJ 622, 759, section 5.
"""

import math
from functools import lru_cache, partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Complex, Float, Int

from jaxcr.sky.harmonics.modes import mode_table
from jaxcr.sky.healpix.rings import RingLayout, ring_layout

LARGEST_TABLE_NSIDE = 128
_BLOCK = 16  # orders that share a range of l and of rings; 32 compile faster, run 7 % slower
_NEGLIGIBLE = 1e-16  # of Legendre functions: close to a pole those of high order vanish
_CHUNK = 16  # maps at once, so that their orders stay in the cache

Orders = Float[Array, "2 _order _ring column"]
Blocks = list[Float[Array, "2 _order _half column"]]  # modes, by block of orders
_product = partial(jnp.einsum, precision=jax.lax.Precision.HIGHEST)


class _Chirps(NamedTuple):
    """Rings of 4, 8 ... 4 (nside - 1) pixels: their pixels, and FFTs of one length for all."""

    pixel: Int[Array, "pole ring place"]
    chirp: Complex[Array, "1 ring place"]
    kernel: Complex[Array, "1 ring frequency"]
    mirror: Int[Array, "1 ring bin"]


class LegendreTable(NamedTuple):
    """What one nside and lmax need.

    Attributes
    ----------
    legendre
        For each block of orders, Y_lm at phi = 0, times sqrt2 for m > 0, by half of l - m. The
        rings next to the pole on which a whole block is negligible are left out.
    norm
        Eᵀ E without partners: half the pixels of a ring, all of them for m = 0.
    phase
        exp(-i m phi_0) up to m = N/2, halved at both ends, then 0.
    partner, sign
        In the caps, where N - m stands; on all rings, the sign of Re and Im there.
    small
        Eᵀ E / norm on rings where an order has more than one partner.
    place
        Where each real mode stands in the blocks.
    """

    legendre: list[Float[Array, "parity order half ring"]]
    norm: Float[Array, "1 order ring 1"]
    phase: Complex[Array, "1 1 ring order"]
    partner: Int[Array, " pair"]
    sign: Float[Array, "order ring 2"]
    small: Float[Array, "ring 2 order order"]
    place: Int[Array, " mode"]
    chirps: _Chirps


def analyse_table(
    maps: Float[Array, "*batch pixel"], nside: int, lmax: int, iterations: int
) -> Float[Array, "*batch mode"]:
    """Return the real modes of maps."""
    table = legendre_table(nside, lmax, maps.dtype.name)
    return modes_by_table(maps, table, nside, lmax, iterations)


def synthesise_table(
    modes: Float[Array, "*batch mode"], nside: int, lmax: int
) -> Float[Array, "*batch pixel"]:
    """Return the maps of real modes."""
    return _synthesise(modes, legendre_table(nside, lmax, modes.dtype.name), nside, lmax)


# The table is an argument, so that XLA neither folds it nor copies it into the program.
@partial(jax.jit, static_argnums=(2, 3, 4))
def modes_by_table(
    maps: Array, table: LegendreTable, nside: int, lmax: int, iterations: int
) -> Array:
    """Return the real modes of maps, given the table of nside and lmax."""
    return _by_chunk(lambda rows: _modes(rows, table, nside, lmax, iterations), maps)


@partial(jax.jit, static_argnums=(2, 3))
def _synthesise(modes: Array, table: LegendreTable, nside: int, lmax: int) -> Array:
    """Return the maps: quadrature is the transpose of synthesis, times the area of a pixel."""

    def maps(rows: Array) -> Array:
        like = jax.ShapeDtypeStruct((len(rows), 12 * nside**2), rows.dtype)
        transpose = jax.linear_transpose(lambda x: _modes(x, table, nside, lmax, 0), like)
        return transpose(rows / _area(nside))[0]

    return _by_chunk(maps, modes)


def _by_chunk(transform, rows: Array) -> Array:
    """Transform rows (..., n), a few at a time."""
    flat = rows.reshape(math.prod(rows.shape[:-1]), rows.shape[-1])
    if len(flat) > _CHUNK:
        padded = jnp.pad(flat, ((0, -len(flat) % _CHUNK), (0, 0)))
        result = jax.lax.map(transform, padded.reshape(-1, _CHUNK, flat.shape[1]))
        result = result.reshape(len(padded), -1)[: len(flat)]
    else:
        some = flat if len(flat) else jnp.zeros((1, flat.shape[1]), flat.dtype)
        result = transform(some)[: len(flat)]
    return result.reshape(*rows.shape[:-1], result.shape[-1])


def _area(nside: int) -> float:
    return 4 * np.pi / (12 * nside**2)


def _modes(maps: Array, table: LegendreTable, nside: int, lmax: int, iterations: int) -> Array:
    """Return the modes of maps (map, pixel)."""
    measured = _ring_orders(maps, table, nside, lmax)

    def refine(modes: Blocks, _) -> tuple[Blocks, None]:
        left = measured - table.norm * _coupled(_to_rings(modes, table), table)
        step = _from_rings(left, table)
        return [a + _area(nside) * b for a, b in zip(modes, step, strict=True)], None

    modes = [_area(nside) * b for b in _from_rings(measured, table)]
    modes, _ = jax.lax.scan(refine, modes, length=iterations)
    rows = jnp.concatenate([block.reshape(-1, len(maps)) for block in modes])
    return rows.at[table.place].get(mode="promise_in_bounds", unique_indices=True).T


def _from_rings(orders: Orders, table: LegendreTable) -> Blocks:
    """Return Lᵀ f."""
    blocks = []
    for index, block in enumerate(table.legendre):
        first, ring = _BLOCK * index, orders.shape[2] - block.shape[3]
        part = orders[:, first : first + block.shape[1], ring:]
        blocks.append(_product("pmjr,pmrc->pmjc", block, part))
    return blocks


def _to_rings(modes: Blocks, table: LegendreTable) -> Orders:
    """Return L a."""
    _, order, ring, _ = table.norm.shape
    result = jnp.zeros((2, order, ring, modes[0].shape[3]), modes[0].dtype)
    for index, (block, part) in enumerate(zip(table.legendre, modes, strict=True)):
        values = _product("pmjr,pmjc->pmrc", block, part)
        result = _put(result, values, _BLOCK * index, ring - block.shape[3])
    return result


def _put(orders: Orders, values: Orders, order: int, ring: int) -> Orders:
    """Overwrite from an order and a ring on: XLA does this in place, and joins slowly."""
    return jax.lax.dynamic_update_slice(orders, values, (0, order, ring, 0))


def _coupled(orders: Orders, table: LegendreTable) -> Orders:
    """Add to each order its partners on the ring."""
    parity, num, rings, columns = orders.shape
    cap, result = rings // 2 - 1, orders
    if cap:
        north = orders[:, :, :cap]
        rows = north.reshape(parity, num * cap, columns).at[:, table.partner]
        pairs = rows.get(mode="promise_in_bounds", unique_indices=True).reshape(north.shape)
        result = _put(result, north + _signed(pairs, table.sign[:, :cap]), 0, 0)
    first = 2 * rings + 1 - num  # on the belt m and 2 rings - m are partners
    if first < num:
        belt = orders[:, first:, cap:]
        pairs = _signed(belt[:, ::-1], table.sign[first:, cap:])
        result = _put(result, belt + pairs, first, cap)
    few, _, most, _ = table.small.shape
    if few:
        part = orders[:, :most, :few].reshape(parity, most, few, 2, -1).transpose(2, 3, 1, 0, 4)
        exact = jnp.matmul(table.small, part.reshape(few, 2, most, -1), precision="highest")
        exact = exact.reshape(few, 2, most, parity, -1).transpose(3, 2, 0, 1, 4)
        result = _put(result, exact.reshape(parity, most, few, columns), 0, 0)
    return result


def _signed(orders: Orders, sign: Float[Array, "order ring 2"]) -> Orders:
    parts = orders.reshape(*orders.shape[:3], 2, -1)
    return (parts * sign[None, ..., None]).reshape(orders.shape)


def _ring_orders(maps: Array, table: LegendreTable, nside: int, lmax: int) -> Orders:
    """Return Eᵀ of maps: Fourier sums up to N/2, and by coupling the orders above."""
    num, cap = len(maps), 2 * nside * (nside - 1)
    rings = maps[:, cap : maps.shape[1] - cap].reshape(num, 2 * nside + 1, 4 * nside)
    belt = _fit(jnp.fft.rfft(rings), lmax)
    north = belt[:, : nside + 1]
    south = jnp.pad(belt[:, :nside:-1], ((0, 0), (0, 1), (0, 0)))  # the equator counts once
    even, odd = north + south, north - south
    if cap:
        caps = _cap_bins(maps, table.chirps)
        pairs = zip(caps, (even, odd), strict=True)
        even, odd = (jnp.concatenate([_fit(a, lmax), b], axis=1) for a, b in pairs)
    bins = jnp.stack([even, odd]) * table.phase
    parts = jnp.stack([bins.real, bins.imag]).transpose(1, 4, 3, 0, 2)
    zonal = np.where(np.arange(lmax + 1) == 0, 2.0, 1.0).astype(maps.dtype)[None, :, None, None]
    return zonal * _coupled(parts.reshape(*parts.shape[:3], 2 * num), table)


def _fit(bins: Array, lmax: int) -> Array:
    """Cut or fill the last axis to the orders 0 ... lmax."""
    bins = bins[..., : lmax + 1]
    return jnp.pad(bins, ((0, 0), (0, 0), (0, lmax + 1 - bins.shape[-1])))


def _cap_bins(maps: Array, chirps: _Chirps) -> tuple[Array, Array]:
    """Return the Fourier sums of the caps' rings, north plus south and north minus south.

    Bluestein's way, since an FFT for each length compiles for seconds: with w_j = exp(-i pi j²/N),
    X_k = w_k sum_j (x_j w_j) / w_{k-j} is a convolution. The two sums are Re and Im of one signal.
    """
    north, south = (maps.at[:, index].get(mode="promise_in_bounds") for index in chirps.pixel)
    signal = jax.lax.complex(north + south, north - south) * chirps.chirp
    spectrum = jnp.fft.fft(signal, chirps.kernel.shape[-1]) * chirps.kernel
    bins = jnp.fft.ifft(spectrum)[..., : chirps.chirp.shape[-1]] * chirps.chirp
    mirror = jnp.conj(jnp.take_along_axis(bins, chirps.mirror, axis=-1))
    bins = bins[..., : mirror.shape[-1]]
    return 0.5 * (bins + mirror), -0.5j * (bins - mirror)


@lru_cache(maxsize=4)
def legendre_table(nside: int, lmax: int, dtype: str) -> LegendreTable:
    """Return the table on the device; the last four are kept.

    At lmax = 3 nside - 1 and in float64, 26 MB and 0.5 s at nside 64, 152 MB and 1 to 3 s at 128.
    """
    with jax.ensure_compile_time_eval():  # a cached tracer would outlive its trace
        return jax.device_put(_build(nside, lmax, dtype))  # jnp.asarray compiles copies


def _build(nside: int, lmax: int, dtype: str) -> LegendreTable:
    """Return the table on the host."""
    rings = ring_layout(nside, np.arange(1, 2 * nside + 1))
    firsts = range(0, lmax + 1, _BLOCK)
    blocks = [_legendre(np.arange(m, min(m + _BLOCK, lmax + 1)), lmax, rings) for m in firsts]
    seen = np.concatenate([np.max(np.abs(b), axis=(0, 2)) for b in blocks]) > _NEGLIGIBLE
    starts = [np.argmax(seen[m : m + _BLOCK].any(axis=0)) for m in firsts]

    order, size = np.arange(lmax + 1)[:, None], rings.size
    pair = size - order
    exists = (order > 0) & (pair > 0) & (pair <= lmax)
    mirrored = np.where(rings.shift > 0, -1.0, 1.0) * exists  # exp(i N phi_0)
    place = np.where(exists, pair, order) * (nside - 1) + np.arange(2 * nside)
    few = _extent((seen & (order >= size)).any(axis=0))
    most = _extent(seen[:, :few].any(axis=1))
    weight = np.where((order == 0) | (2 * order == size), 0.5, 1.0) * (2 * order <= size)
    sums = np.where(order == 0, 1.0, 0.5) * size * np.where(rings.height > 0, 2, 1)
    table = LegendreTable(
        legendre=[b[..., start:] for b, start in zip(blocks, starts, strict=True)],
        norm=sums[None, :, :, None],
        phase=(weight * np.exp(-1j * order * rings.shift * rings.spacing)).T[None, None],
        partner=place[:, : nside - 1].ravel(),
        sign=np.stack([mirrored, -mirrored], axis=-1),
        small=_small_rings(size[:few], most),
        place=_mode_places(blocks, lmax),
        chirps=_chirps(nside),
    )
    types = {"f": dtype, "c": np.result_type(dtype, np.complex64), "i": np.int32}
    return jax.tree.map(lambda x: np.ascontiguousarray(x, types[x.dtype.kind]), table)


def _legendre(
    order: Int[np.ndarray, " order"], lmax: int, rings: RingLayout
) -> Float[np.ndarray, "parity order half ring"]:
    """Return Y_lm at phi = 0, sqrt2 Y_lm for m > 0, by parity and half of l - m.

    Upward in l from Y_mm. What underflows there, below 1e-308, stays below 1e-200 up to l = 383.
    """
    m = order[:, None].astype(float)
    step = np.arange(1, order[-1] + 1)
    square = np.cumprod(np.append(1.0, 1 + 0.5 / step))[order, None] / (4 * np.pi)
    here = np.sqrt(np.where(m > 0, 2, 1) * square) * (-rings.radius) ** m
    before = np.zeros_like(here)
    values = np.zeros((2, len(order), (lmax - order[0]) // 2 + 1, len(rings.height)))
    for j in range(lmax - order[0] + 1):
        ell = m + j
        values[j % 2, :, j // 2] = np.where(ell <= lmax, here, 0.0)
        up = np.sqrt((4 * (ell + 1) ** 2 - 1) / ((ell + 1) ** 2 - m**2))
        down = np.sqrt((ell**2 - m**2) / np.maximum(4 * ell**2 - 1, 1))
        before, here = here, up * (rings.height * here - down * before)
    return values


def _extent(mask: Bool[np.ndarray, " place"]) -> int:
    """Return how many places there are up to the last true one."""
    return int(np.max(np.nonzero(mask)[0], initial=-1)) + 1


def _small_rings(
    size: Int[np.ndarray, " ring"], most: int
) -> Float[np.ndarray, "ring 2 order order"]:
    """Return sum_j of the cosines, and of the sines, of two orders, over the norm of the first."""
    m, pixels = np.arange(most), size[:, None, None]

    def mean(order: np.ndarray) -> np.ndarray:  # of exp(i order phi_j), phi_0 half a pixel
        return np.where(order % pixels == 0, 1.0 - 2 * (order // pixels % 2), 0.0)

    alike, opposite = mean(m[:, None] - m), mean(m[:, None] + m)
    share = np.where(m == 0, 0.5, 1.0)[:, None]
    return np.stack([share * (alike + opposite), share * (alike - opposite)], axis=1)


def _mode_places(blocks: list[np.ndarray], lmax: int) -> Int[np.ndarray, " mode"]:
    """Return the place of each real mode among rows (parity, order, half, Re or Im) of blocks."""
    degree, order, sine = mode_table(lmax)
    block, parity = order // _BLOCK, (degree - order) % 2
    _, orders, halves, _ = np.array([b.shape for b in blocks])[block].T
    start = np.cumsum([0] + [4 * b.shape[1] * b.shape[2] for b in blocks])[block]
    row = (parity * orders + order % _BLOCK) * halves + (degree - order) // 2
    return start + 2 * row + sine


def _chirps(nside: int) -> _Chirps:
    """Return what `_cap_bins` needs."""
    size, j = 4 * np.arange(1, nside)[:, None], np.arange(4 * nside)
    start = size * (size - 4) // 8
    north = start + np.minimum(j, size - 1)
    chirp = np.exp(-1j * np.pi / size * (j**2 % (2 * size)))  # w_j
    inverse = np.conj(chirp)
    kernel = np.zeros((nside - 1, 8 * nside), complex)
    kernel[:, : 4 * nside] = inverse
    kernel[:, 1 - 4 * nside :] = inverse[:, :0:-1]
    return _Chirps(
        pixel=np.stack([north, 12 * nside**2 - 2 * start - size + north]),
        chirp=(chirp * (j < size))[None],
        kernel=np.fft.fft(kernel)[None],
        mirror=np.where(j < size, -j % size, 0)[None, :, : 2 * nside],
    )
