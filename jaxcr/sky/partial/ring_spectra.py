"""Power spectra of many large maps on the host, by Fourier sums over the rings."""

from functools import lru_cache

import numpy as np
from jaxtyping import Complex, Float

from jaxcr.sky.harmonics.modes import ring_legendre
from jaxcr.sky.healpix.rings import ring_table


def ring_spectrum(
    maps: Float[np.ndarray, "sky pixel"], nside: int, lmax: int
) -> Float[np.ndarray, "sky ell"]:
    """Return C_l of maps as they are by plain quadrature, in NumPy and in their precision.

    Parameters
    ----------
    maps
        (sky, pixel), RING order, finite.
    nside, lmax
        Of the maps; highest degree, taken as checked.

    Returns
    -------
    (sky, lmax + 1), the values of `plain_spectrum`.

    Notes
    -----
    a_lm = (4 pi / N_pix) sum_r Y_lm(r) sum_j f_rj exp(-i m phi_rj): a Fourier transform of each
    ring, and for each m a product of (sky, ring) by (ring, ell). Keeps 4 (lmax+1)² 4 nside bytes.
    """
    fourier = _ring_orders(maps, nside, lmax)  # (order, sky, ring)
    legendre = _legendre(nside, lmax, maps.dtype.name)
    power = np.zeros((len(maps), lmax + 1), maps.dtype)
    for order in range(lmax + 1):
        table = legendre[order, order:].T
        both = fourier[order].real @ table, fourier[order].imag @ table
        power[:, order:] += (2 if order else 1) * (both[0] ** 2 + both[1] ** 2)
    return power / (2 * np.arange(lmax + 1) + 1).astype(maps.dtype)


@lru_cache(maxsize=4)
def _legendre(nside: int, lmax: int, dtype: str) -> Float[np.ndarray, "order ell ring"]:
    """Return Y_lm at phi = 0 on the rings times the area of a pixel."""
    return (ring_legendre(nside, lmax) * (np.pi / (3 * nside**2))).astype(dtype)


def _ring_orders(
    maps: Float[np.ndarray, "sky pixel"], nside: int, lmax: int
) -> Complex[np.ndarray, "order sky ring"]:
    """Return sum_j f_rj exp(-i m phi_rj) of each ring; phi_r0 is 0 or half a pixel."""
    from scipy.fft import rfft

    table = ring_table(nside)
    order = np.arange(lmax + 1)
    result = np.empty((lmax + 1, len(maps), table.size.size), np.result_type(maps, np.complex64))
    for ring, (start, size) in enumerate(zip(table.start, table.size, strict=True)):
        values = rfft(maps[:, start : start + size])
        place = order % size  # a ring of n pixels takes m for m + n, and for -m + n conjugate
        folded = place > size // 2
        taken = values[:, np.where(folded, size - place, place)]
        first = table.shift[ring] * table.spacing[ring]
        phase = np.exp(-1j * order * first).astype(result.dtype)
        result[:, :, ring] = (np.where(folded, np.conj(taken), taken) * phase).T
    return result
