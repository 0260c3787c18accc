"""Real spherical-harmonic modes on the HEALPix grid, as matrices built once on the host.

Mode order: degree by degree, at l² the coefficient a_l0, then for m = 1 ... l the pair
sqrt2 Re a_lm at l² + 2m - 1 and sqrt2 Im a_lm at l² + 2m. The modes up to a lower degree are
a prefix, and the sum of squares over the 2l+1 modes of a degree is (2l+1) C_l.
"""

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from jaxcr.checks import check_range
from jaxcr.sky.healpix.grid import check_nside
from jaxcr.sky.healpix.rings import ring_table

LARGEST_DENSE_NSIDE = 16  # at nside 32, lmax 64 a matrix over the pixels would hold 0.4 GB


class ModeTable(NamedTuple):
    """Degree l, order m, and whether the mode is an imaginary part (sine), one row a mode."""

    degree: Int[np.ndarray, " mode"]
    order: Int[np.ndarray, " mode"]
    sine: Bool[np.ndarray, " mode"]


def mode_table(lmax: int) -> ModeTable:
    """Return l, m and real or imaginary part of each of the (lmax + 1)² real modes."""
    index = np.arange((lmax + 1) ** 2)
    degree = np.repeat(np.arange(lmax + 1), 2 * np.arange(lmax + 1) + 1)
    offset = index - degree**2
    return ModeTable(degree, (offset + 1) // 2, (offset > 0) & (offset % 2 == 0))


def mode_degrees(lmax: int) -> Int[np.ndarray, " mode"]:
    """Return the degree l of each real mode, ((lmax + 1)²,)."""
    return mode_table(lmax).degree


class AlmLayout(NamedTuple):
    """Where healpy's m-major a_lm lie among the real modes; ``zonal`` marks m = 0."""

    real: Int[np.ndarray, " alm"]
    imag: Int[np.ndarray, " alm"]
    zonal: Bool[np.ndarray, " alm"]


def alm_layout(lmax: int) -> AlmLayout:
    """Return, for each a_lm in healpy's order, the modes of its real and imaginary part."""
    order = np.repeat(np.arange(lmax + 1), lmax + 1 - np.arange(lmax + 1))
    degree = np.concatenate([np.arange(m, lmax + 1) for m in range(lmax + 1)])
    imag = degree**2 + 2 * order
    return AlmLayout(np.where(order > 0, imag - 1, imag), imag, order == 0)


def mode_source(lmax: int) -> Int[np.ndarray, " mode"]:
    """Return, for each real mode, the place of its a_lm in healpy's order."""
    degree, order, _ = mode_table(lmax)
    return order * (2 * lmax + 1 - order) // 2 + degree


@lru_cache(maxsize=32)
def degree_average(lmax: int) -> Float[np.ndarray, "mode ell"]:
    """Return the matrix whose column l averages the 2l+1 modes of degree l (read-only)."""
    ell = np.arange(lmax + 1)
    average = (mode_degrees(lmax)[:, None] == ell) / (2.0 * ell + 1)
    average.setflags(write=False)
    return average


def check_lmax(lmax: int, nside: int, name: str) -> None:
    """Raise ``ValueError`` unless 0 <= lmax <= 3 nside - 1."""
    remedy = f"Lower lmax (2 nside = {2 * nside} is safe) or raise nside."
    most, expected = 3 * nside - 1, f"0 ... 3 nside - 1 = {3 * nside - 1}"
    check_range(name, lmax, 0, most, expected=expected, remedy=remedy)


def ring_legendre(
    nside: int, lmax: int, highest: int | None = None
) -> Float[np.ndarray, "order ell ring"]:
    """Return Y_lm at phi = 0 on the rings: m = 0 ... lmax, l up to ``highest``, lmax if None."""
    from scipy.special import sph_legendre_p_all

    highest = lmax if highest is None else highest
    values = sph_legendre_p_all(highest, lmax, ring_table(nside).colatitude)[0]
    return values[:, : lmax + 1].transpose(1, 0, 2).copy()


@lru_cache(maxsize=8)
def synthesis_matrix(nside: int, lmax: int) -> Float[np.ndarray, "mode pixel"]:
    """Return the real harmonics at the pixel centres: map = modes @ matrix (read-only)."""
    rings, pixel = ring_table(nside), np.arange(12 * nside**2)
    ring = rings.of_pixel
    degree, order, sine = mode_table(lmax)
    legendre = ring_legendre(nside, lmax)[order, degree]  # (mode, ring)
    place = pixel - rings.start[ring] + rings.shift[ring]
    angle = np.arange(lmax + 1)[:, None] * (place * rings.spacing[ring])
    azimuth = np.stack([np.cos(angle), -np.sin(angle)])  # Re and Im of a_lm multiply cos, -sin
    azimuth[:, 1:] *= np.sqrt(2)
    matrix = legendre[:, ring]
    matrix *= azimuth[sine.astype(int), order]
    matrix.setflags(write=False)
    return matrix


@lru_cache(maxsize=8)
def harmonic_matrix(nside: int, lmax: int, iterations: int = 3) -> Float[np.ndarray, "mode pixel"]:
    """Return the matrix that takes a map to its real harmonic modes (read-only).

    Plain quadrature A = (4 pi / N_pix) Yᵀ followed by n steps a += A (map - S a), with S the
    synthesis, is one linear map M = sum_{j=0..n} (1 - A S)^j A: ``healpy.map2alm`` with
    ``iter=n`` and no weights. The mode order is that of `mode_table`.

    Parameters
    ----------
    nside, lmax
        Resolution of the map; highest degree, at most 3 nside - 1.
    iterations
        The number n of refinements, >= 0.

    Notes
    -----
    The grid keeps its shape under a quarter turn about the poles, under phi -> -phi and under
    z -> -z, so that A S couples only modes of the same symmetry (12 classes), and each class
    is treated alone. float64, 8 (lmax+1)² 12 nside² bytes: 57 MB at nside 16, lmax 47.
    """
    check_nside(nside, "harmonic_matrix: nside")
    check_lmax(lmax, nside, "harmonic_matrix: lmax")
    check_iterations(iterations, "harmonic_matrix: iterations")
    synthesis = synthesis_matrix(nside, lmax)
    matrix = np.empty_like(synthesis)
    classes = _symmetry_classes(lmax)
    for label in np.unique(classes):
        rows = classes == label
        matrix[rows] = _iterated_quadrature(synthesis[rows], iterations)
    matrix.setflags(write=False)
    return matrix


def check_iterations(iterations: int, name: str) -> None:
    """Raise ``ValueError`` if the number of refinements is negative."""
    check_range(name, iterations, 0, remedy="0 is the plain sum over the pixels.")


def _symmetry_classes(lmax: int) -> Int[np.ndarray, " mode"]:
    """Label the modes by what the symmetries of the grid keep apart."""
    degree, order, sine = mode_table(lmax)
    quarter_turn = np.where(order % 2 == 1, 1, order % 4)  # m and -m, so 1 and 3 are one class
    return 6 * sine + 2 * quarter_turn + (degree + order) % 2


def _iterated_quadrature(
    synthesis: Float[np.ndarray, "mode pixel"], iterations: int
) -> Float[np.ndarray, "mode pixel"]:
    """Return (1 + E + ... + E^n) A with E = 1 - A S: quadrature and n refinements."""
    quadrature = synthesis * (4 * np.pi / synthesis.shape[1])
    if iterations == 0:
        return quadrature
    identity = np.eye(len(synthesis))
    error = identity - quadrature @ synthesis.T
    series = identity + error
    for _ in range(iterations - 1):
        series = identity + error @ series
    return series @ quadrature
