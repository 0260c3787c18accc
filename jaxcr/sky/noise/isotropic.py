"""The range of C_l that an isotropic sky gives by chance."""

import math

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxcr.arrays import argument_error
from jaxcr.sky.harmonics.modes import check_lmax
from jaxcr.sky.harmonics.spectra import power_spectrum
from jaxcr.sky.healpix.grid import check_nside

_BLOCK_PIXELS = 2**22  # pixels drawn at a time: 32 MB of counts


class IsotropicBands(eqx.Module):
    """Central percentile bands, median and mean of C_l over isotropic Poisson skies, sr."""

    levels: Float[Array, " level"]
    lower: Float[Array, "level ell"]
    upper: Float[Array, "level ell"]
    median: Float[Array, " ell"]
    mean: Float[Array, " ell"]


def isotropic_bands(
    *,
    nside: int,
    lmax: int,
    num_events: float | int,
    num_skies: int = 10_000,
    levels: tuple[float | int, ...] = (68.0, 90.0, 99.0),
    exposure: Float[Array | np.ndarray, " pixel"] | None = None,
    seed: int = 0,
) -> IsotropicBands:
    """Return the range of C_l that isotropic arrivals give by chance.

    Poisson counts n with the expected counts e give dI/I = n/e - 1; its mean is removed.

    Parameters
    ----------
    nside, lmax
        Resolution and highest degree, as in `power_spectrum`.
    num_events
        Expected number of arrivals on the whole sky.
    num_skies, seed
        Number of skies drawn; start of NumPy's generator.
    levels
        Share of the skies inside each central band, percent.
    exposure
        Relative exposure, (pixel,), any unit; uniform if not given. Pixels with none stay at
        dI/I = 0, and the bands are those of the cut sky.

    Raises
    ------
    ValueError
        If an argument is out of its range.

    Notes
    -----
    On the host, in blocks of about 100 MB. Uniform exposure: C_l (2l+1) N / 4 pi follows
    chi² with 2l+1 degrees of freedom.
    """
    check_nside(nside, "isotropic_bands: nside")
    check_lmax(lmax, nside, "isotropic_bands: lmax")
    _check_positive("num_events", num_events)
    _check_positive("num_skies", num_skies)
    _check_levels(levels)
    expected = _expected_counts(exposure, num_events, 12 * nside**2)
    spectra = _draw_spectra(expected, lmax, num_skies, np.random.default_rng(seed))
    share = np.asarray(levels)
    return IsotropicBands(
        levels=jnp.asarray(share),
        lower=jnp.asarray(np.percentile(spectra, 50 - share / 2, axis=0)),
        upper=jnp.asarray(np.percentile(spectra, 50 + share / 2, axis=0)),
        median=jnp.asarray(np.median(spectra, axis=0)),
        mean=jnp.asarray(np.mean(spectra, axis=0)),
    )


def _draw_spectra(
    expected: Float[np.ndarray, " pixel"], lmax: int, num_skies: int, rng: np.random.Generator
) -> Float[np.ndarray, "sky ell"]:
    """Draw skies in blocks of one shape, so that the transform compiles once."""
    num_blocks = math.ceil(num_skies * expected.size / _BLOCK_PIXELS)
    per_block = math.ceil(num_skies / num_blocks)
    seen = expected > 0
    blocks = []
    for _ in range(num_blocks):
        counts = rng.poisson(expected, size=(per_block, expected.size))
        contrast = counts / np.where(seen, expected, 1.0) - 1
        mean = np.mean(contrast, axis=-1, keepdims=True, where=seen)
        blocks.append(np.asarray(power_spectrum(np.where(seen, contrast - mean, 0.0), lmax=lmax)))
    return np.concatenate(blocks)[:num_skies].astype(float)


def _expected_counts(
    exposure, num_events: float | int, num_pixels: int
) -> Float[np.ndarray, " pixel"]:
    """Return the expected counts, their sum the number of events."""
    share = np.ones(num_pixels) if exposure is None else np.asarray(exposure, dtype=float)
    if share.shape != (num_pixels,) or not np.all(share >= 0) or not 0 < np.sum(share) < np.inf:
        raise argument_error(
            "isotropic_bands: exposure",
            expected=f"{num_pixels} finite values >= 0, not all zero",
            got=f"shape {share.shape}, sum {np.sum(share)}, least {np.min(share)}",
            remedy="Give the relative exposure in RING order at this nside; 0 where none.",
        )
    return share * (num_events / np.sum(share))


def _check_positive(name: str, value: float | int) -> None:
    if not value > 0:
        raise argument_error(
            f"isotropic_bands: {name}", expected="a number > 0", got=value, remedy="Raise it."
        )


def _check_levels(levels: tuple[float | int, ...]) -> None:
    if not levels or not all(0 < level < 100 for level in levels):
        raise argument_error(
            "isotropic_bands: levels",
            expected="percentages between 0 and 100",
            got=levels,
            remedy="For example levels=(68.0, 90.0, 99.0).",
        )
