"""Benchmarks of the sky: from maps to their angular power spectra, beside healpy."""

from collections.abc import Iterator

import jax.numpy as jnp
import numpy as np

from jaxcr import sky
from jaxcr.bench.peers import Call, PeerRun, time_beside
from jaxcr.bench.rows import Effort, Row
from jaxcr.bench.timing import work_clock


def harmonics(effort: Effort) -> Iterator[Row]:
    """Yield maps per second by nside, one map at a time, and of many maps at once."""
    for nside in effort.choose((4,), (8, 16, 64), (8, 16, 32, 64, 128)):
        yield _row(f"harmonics: nside {nside}", 1, nside, effort)
    many = effort.choose([(3, 4)], [(256, 16), (32, 64)], [(1024, 16), (256, 64)])
    for num, nside in many:
        yield _row(f"harmonics: {num:,} maps at once, nside {nside}", num, nside, effort)


def _row(name: str, num: int, nside: int, effort: Effort) -> Row:
    """Return the row of ``num`` maps of white noise, (map, pixel) without their means."""
    lmax = 2 * nside
    noise = np.random.default_rng(0).standard_normal((num, 12 * nside**2))
    maps = noise - np.mean(noise, axis=1, keepdims=True)
    own = jnp.asarray(maps)
    measured, peers = time_beside(
        lambda: sky.power_spectrum(own, lmax=lmax),
        [PeerRun("healpy.anafast", "healpy", lambda: _anafast(maps, lmax))],
        repeats=effort.repeats,
        measure=lambda timing, share: timing.rate(num * share),
    )
    conditions = f"map to C_l, lmax {lmax}, 3 iterations, no pixel weights, float64"
    return Row(name, conditions, measured, "maps/s", work_clock(), peers=peers)


def _anafast(maps: np.ndarray, lmax: int) -> Call:
    import healpy

    options = {"lmax": lmax, "iter": 3, "use_pixel_weights": False}
    return lambda: np.array([healpy.anafast(one, **options) for one in maps])
