"""The range of C_l that an isotropic sky gives by chance."""

import os
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxcr.checks import argument_error, check_one_of, check_positive, check_range, check_shape
from jaxcr.sky.harmonics.modes import (
    LARGEST_DENSE_NSIDE,
    check_lmax,
    harmonic_matrix,
    mode_degrees,
)
from jaxcr.sky.harmonics.realisations import check_levels
from jaxcr.sky.harmonics.spectra import power_spectrum
from jaxcr.sky.healpix.grid import check_nside
from jaxcr.sky.healpix.rings import on_host, ring_table
from jaxcr.sky.partial.ring_spectra import ring_spectrum
from jaxcr.sky.partial.window import SkyWindow

_BLOCK_PIXELS = 2**20  # pixels drawn at a time: 8 MB of counts


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
    window: SkyWindow | None = None,
    seed: int = 0,
) -> IsotropicBands:
    """Return the range of C_l that isotropic arrivals give by chance.

    Poisson counts n with the expected counts e give dI/I = n/e - 1; its mean is removed.

    Parameters
    ----------
    nside, lmax
        Resolution and highest degree, as in `power_spectrum`.
    num_events
        Expected number of arrivals, all of them where the exposure is not zero.
    num_skies, seed
        Number of skies drawn; start of NumPy's generators.
    levels
        Share of the skies inside each central band, percent.
    exposure
        Relative exposure, (pixel,), any unit; uniform if not given. Pixels with none stay at
        dI/I = 0, and the bands are those of the cut sky.
    window
        Instead of ``exposure``: the bands are those of `pseudo_spectrum`, and if the window is
        blind to m = 0, e is the number counted on each ring times the pixel's share of it.

    Raises
    ------
    ValueError
        If an argument is out of its range.

    Notes
    -----
    On the host, in threads; the skies do not depend on their number. The spectra are taken in
    float32, to 1e-6, but for an exposure above nside 16. Uniform exposure: C_l (2l+1) N / 4 pi
    follows chi² with 2l+1 degrees of freedom.
    """
    check_nside(nside, "isotropic_bands: nside")
    check_lmax(lmax, nside, "isotropic_bands: lmax")
    check_positive("isotropic_bands: num_events", num_events)
    check_range("isotropic_bands: num_skies", num_skies, 1)
    check_levels("isotropic_bands: levels", levels)
    if window is not None:
        _check_window(window, nside, exposure)
        exposure = window.exposure
    expected = _expected_counts(exposure, num_events, 12 * nside**2)
    blind = window is not None and window.m0_blind
    draw = _on_rings(expected, nside) if blind else _on_the_window(expected)
    spectrum = _spectrum_of_block(nside, lmax, plain=window is not None)
    spectra = _draw_spectra(draw, spectrum, expected.size, num_skies, seed)
    share = np.asarray(levels)
    return IsotropicBands(
        levels=jnp.asarray(share),
        lower=jnp.asarray(np.percentile(spectra, 50 - share / 2, axis=0)),
        upper=jnp.asarray(np.percentile(spectra, 50 + share / 2, axis=0)),
        median=jnp.asarray(np.median(spectra, axis=0)),
        mean=jnp.asarray(np.mean(spectra, axis=0)),
    )


Draw = Callable[[np.random.Generator, int], Float[np.ndarray, "sky pixel"]]


def _draw_spectra(
    draw: Draw, spectrum: Callable, num_pixels: int, num_skies: int, seed: int
) -> Float[np.ndarray, "sky ell"]:
    """Draw blocks of skies of one shape in threads, each from a generator of its own."""
    per_block = min(max(_BLOCK_PIXELS // num_pixels, 1), num_skies)
    num_blocks = -(-num_skies // per_block)
    seeds = np.random.SeedSequence(seed).spawn(num_blocks)
    maps = _ahead(lambda start: draw(np.random.default_rng(start), per_block), seeds)
    return np.concatenate([spectrum(block) for block in maps])[:num_skies].astype(float)


def _ahead(function: Callable, arguments: list) -> Iterator:
    """Yield the results in order, computed in threads a few steps ahead of their use."""
    workers = os.cpu_count() or 1
    with ThreadPoolExecutor(workers) as pool:
        waiting = deque()
        for argument in arguments:
            waiting.append(pool.submit(function, argument))
            if len(waiting) > workers + 1:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def _on_the_window(expected: Float[np.ndarray, " pixel"]) -> Draw:
    """Return a draw of n/e - 1 less its mean, 0 where nothing is expected."""
    seen = np.flatnonzero(expected > 0)
    mean = expected[seen]

    def draw(rng: np.random.Generator, num: int) -> Float[np.ndarray, "sky pixel"]:
        contrast = rng.poisson(mean, size=(num, seen.size)) / mean
        contrast -= np.mean(contrast, axis=-1, keepdims=True)
        return _on_all_pixels(contrast, seen, expected.size)

    return draw


def _on_rings(expected: Float[np.ndarray, " pixel"], nside: int) -> Draw:
    """Return a draw of n/e - 1 with e from the counts of the ring, 0 on a ring without any."""
    seen = np.flatnonzero(expected > 0)
    ring_of_pixel = ring_table(nside).of_pixel[seen]
    _, starts, ring = np.unique(ring_of_pixel, return_index=True, return_inverse=True)
    mean = expected[seen]
    share = mean / np.add.reduceat(mean, starts)[ring]

    def draw(rng: np.random.Generator, num: int) -> Float[np.ndarray, "sky pixel"]:
        counts = rng.poisson(mean, size=(num, seen.size))
        background = np.add.reduceat(counts, starts, axis=1)[:, ring] * share
        contrast = counts / np.where(background > 0, background, 1) - (background > 0)
        return _on_all_pixels(contrast, seen, expected.size)

    return draw


def _on_all_pixels(
    values: Float[np.ndarray, "sky seen"], seen: np.ndarray, num_pixels: int
) -> Float[np.ndarray, "sky pixel"]:
    """Return float32 maps with the values where seen and 0 elsewhere."""
    maps = np.zeros((len(values), num_pixels), np.float32)
    maps[:, seen] = values
    return maps


def _spectrum_of_block(nside: int, lmax: int, *, plain: bool) -> Callable:
    """Return the function from maps to spectra, with plain quadrature or the refined one."""
    if nside > LARGEST_DENSE_NSIDE:
        if plain:
            return lambda maps: ring_spectrum(maps, nside, lmax)
        dtype = jnp.result_type(float)
        return lambda maps: np.asarray(power_spectrum(maps.astype(dtype), lmax=lmax))
    matrix = harmonic_matrix(nside, lmax, 0 if plain else 3).astype(np.float32).T.copy()
    degrees = mode_degrees(lmax)
    starts = np.searchsorted(degrees, np.arange(lmax + 1))

    def spectrum(maps: Float[np.ndarray, "sky pixel"]) -> Float[np.ndarray, "sky ell"]:
        square = (maps @ matrix) ** 2
        return np.add.reduceat(square, starts, axis=1) / (2 * np.arange(lmax + 1) + 1)

    return spectrum


def _expected_counts(
    exposure, num_events: float | int, num_pixels: int
) -> Float[np.ndarray, " pixel"]:
    """Return the expected counts, their sum the number of events."""
    name = "isotropic_bands: exposure"
    share = np.ones(num_pixels) if exposure is None else on_host(name, exposure)
    check_shape(name, share, (num_pixels,))
    check_range(name, share, 0, remedy="0 where nothing is seen.")
    check_positive("isotropic_bands: sum of the exposure", np.sum(share))
    return share * (num_events / np.sum(share))


def _check_window(window: SkyWindow, nside: int, exposure) -> None:
    """Raise unless the window stands alone and has the resolution of the skies."""
    if exposure is not None:
        raise argument_error(
            "isotropic_bands: exposure, window",
            expected="one of the two",
            got="both",
            remedy="The window has an exposure of its own.",
        )
    check_one_of("isotropic_bands: nside of the window", window.nside, [nside])
