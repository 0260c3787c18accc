"""Maps to harmonic coefficients and angular power spectra, with the values of healpy.

All take maps (..., pixel) in RING order and equal ``healpy.map2alm`` and ``healpy.anafast``,
with ``iter=3`` unless a `HarmonicTransform` says otherwise.
"""

import warnings

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float

from jaxcr.checks import check_shape
from jaxcr.sky.harmonics.backends import HarmonicTransform
from jaxcr.sky.harmonics.modes import check_lmax
from jaxcr.sky.harmonics.transforms import (
    Modes,
    analyse,
    maps_to_spectrum,
    mean_product,
    modes_to_alm,
)
from jaxcr.sky.healpix.grid import nside_of, whole_maps

Maps = Float[Array | np.ndarray, "*batch pixel"]
Other = Float[Array | np.ndarray, "..."]  # its shape is checked with a better message
Spectra = Float[Array, "*batch ell"]


def real_harmonics(maps: Maps, *, lmax: int, transform: HarmonicTransform | None = None) -> Modes:
    """Return the real harmonic coefficients of maps, mean included.

    Parameters
    ----------
    maps
        (..., pixel), RING order.
    lmax
        Highest degree, 0 ... 3 nside - 1; above 2 nside the grid aliases and a warning says so.
    transform
        `DenseTransform`, `LegendreTransform` or `JaxhtTransform`; if not given, the fastest for
        nside and lmax, iterations 3.

    Returns
    -------
    (..., (lmax+1)²): at l² a_l0, at l² + 2m - 1 sqrt2 Re a_lm, at l² + 2m sqrt2 Im a_lm;
    `mode_degrees` gives the l of each. Their products summed over a degree are (2l+1) C_l.

    Raises
    ------
    ValueError
        If the pixel axis is no HEALPix size, a pixel was not observed or lmax is out of range.

    Notes
    -----
    Linear, hence differentiable everywhere. Source: quadrature refined three times, as in
    Gorski et al. 2005, ApJ 622, 759.
    """
    maps, nside, lmax = _checked(maps, lmax, "real_harmonics")
    return _analyse(maps, nside, lmax, transform)


def alm(
    maps: Maps, *, lmax: int | None = None, transform: HarmonicTransform | None = None
) -> Complex[Array, "*batch alm"]:
    """Return the coefficients a_lm of maps in healpy's order, equal to ``healpy.map2alm``.

    Parameters
    ----------
    maps
        (..., pixel), RING order; the mean is kept.
    lmax
        Highest degree; 2 nside if not given. Limits as in `real_harmonics`.
    transform
        As in `real_harmonics`.

    Returns
    -------
    (..., (lmax+1)(lmax+2)/2) complex, m >= 0, all l of one m together.

    Raises
    ------
    ValueError
        If the pixel axis is no HEALPix size, a pixel was not observed or lmax is out of range.
    """
    maps, nside, lmax = _checked(maps, lmax, "alm")
    return modes_to_alm(_analyse(maps, nside, lmax, transform), lmax)


def power_spectrum(
    maps: Maps, *, lmax: int | None = None, transform: HarmonicTransform | None = None
) -> Spectra:
    """Return C_l = sum_m |a_lm|² / (2l+1) of maps of relative intensity, mean removed.

    Parameters
    ----------
    maps
        dI/I, (..., pixel), RING order, neither smoothed nor masked; for a part of the sky take
        `pseudo_spectrum`.
    lmax
        Highest degree; 2 nside if not given. Limits as in `real_harmonics`.
    transform
        As in `real_harmonics`.

    Returns
    -------
    (..., lmax + 1), in steradian (a dipole of amplitude A has C_1 = 4 pi A² / 9). C_0 is ~0.

    Raises
    ------
    ValueError
        If the pixel axis is no HEALPix size, a pixel was not observed or lmax is out of range.

    Notes
    -----
    Equal to ``healpy.anafast(map - mean, iter=3)``; `noise_power` is not subtracted.

    Examples
    --------
    >>> from jaxcr import sky
    >>> dipole = 1e-3 * sky.pixel_centers(8)[:, 0]
    >>> print(f"{sky.power_spectrum(dipole)[1]:.3e}")
    1.396e-06
    """
    maps, nside, lmax = _checked(maps, lmax, "power_spectrum")
    if transform is None:
        return maps_to_spectrum(maps, nside=nside, lmax=lmax)
    modes = transform.analyse(without_mean(maps), nside, lmax)
    return mean_product(modes, modes, lmax)


def cross_spectrum(
    first: Maps,
    second: Other,
    *,
    lmax: int | None = None,
    transform: HarmonicTransform | None = None,
) -> Spectra:
    """Return the cross power sum_m a_lm b*_lm / (2l+1) of two sets of maps, means removed.

    Noise that is independent in the two maps averages to zero, so the spectrum of two disjoint
    sets of orbits needs no subtraction; it may be negative.

    Parameters
    ----------
    first, second
        dI/I, (..., pixel) of one shape, RING order.
    lmax, transform
        As in `power_spectrum`.

    Returns
    -------
    (..., lmax + 1), in steradian.

    Raises
    ------
    ValueError
        If the shapes differ, the pixel axis is no HEALPix size or lmax is out of range.
    """
    check_shape("cross_spectrum: second", second, first.shape)
    first, nside, lmax = _checked(first, lmax, "cross_spectrum")
    second = whole_maps("cross_spectrum: second", second)
    if transform is None:
        return maps_to_spectrum(first, second, nside=nside, lmax=lmax)
    left, right = (transform.analyse(without_mean(x), nside, lmax) for x in (first, second))
    return mean_product(left, right, lmax)


def _checked(maps: Maps, lmax: int | None, caller: str) -> tuple[Array, int, int]:
    """Return maps, nside and lmax (2 nside if None) once all are known to be usable."""
    nside = nside_of(maps.shape[-1])
    lmax = 2 * nside if lmax is None else lmax
    check_lmax(lmax, nside, f"{caller}: lmax")
    if lmax > 2 * nside:
        warnings.warn(
            f"{caller}: lmax {lmax} is above 2 nside = {2 * nside}, where a HEALPix grid no "
            "longer separates the multipoles. Lower lmax or raise nside.",
            UserWarning,
            stacklevel=3,
        )
    return whole_maps(f"{caller}: maps", maps), nside, lmax


def _analyse(
    maps: Float[Array, "*batch pixel"], nside: int, lmax: int, transform: HarmonicTransform | None
) -> Modes:
    """Return the real modes of maps by the transform given, or by the usual choice."""
    if transform is None:
        return analyse(maps, nside, lmax)
    return transform.analyse(maps, nside, lmax)


@jax.jit
def without_mean(maps: Maps) -> Float[Array, "*batch pixel"]:
    """Subtract from each map its mean."""
    return maps - jnp.mean(maps, axis=-1, keepdims=True)
