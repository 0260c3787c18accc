import healpy
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcr.sky import degrade_map, pixel_centers, smooth


def test_smoothing_a_dipole_scales_it():
    sky = pixel_centers(8)[:, 0]
    sigma = 0.4 / np.sqrt(8 * np.log(2))
    # l(l+1)/2 = 1 at l = 1. 1e-4: up to l = 3 nside - 1 the grid mixes l = 1 with the highest
    # l, which the beam damps; 6e-5 at nside 8, 6e-6 at nside 16, the same in healpy.
    assert np.allclose(smooth(sky, fwhm=0.4), np.exp(-(sigma**2)) * sky, atol=1e-4)


def test_smoothing_equals_healpy(rng):
    sky = rng.standard_normal(768)
    # 1e-12: round-off of the transform there and back at lmax = 23.
    assert np.allclose(smooth(sky, fwhm=0.3), healpy.smoothing(sky, fwhm=0.3), atol=1e-12)


def test_gradient_and_dtype(rng):
    sky = jnp.asarray(rng.standard_normal(48))
    power = jax.jit(jax.grad(lambda width: jnp.sum(smooth(sky, fwhm=width) ** 2)))
    assert power(0.0) == 0  # the beam depends on the square of its width
    assert smooth(sky.astype(jnp.float32), fwhm=0.1).dtype == jnp.float32


def test_coarser_maps_are_means(rng):
    maps = rng.standard_normal((2, 768))
    coarse = degrade_map(maps, nside=2)
    assert np.allclose(coarse, healpy.ud_grade(maps, 2), atol=1e-14)  # a sum of sixteen
    weight = rng.random(768)
    weight[rng.random(768) < 0.3] = 0
    spoilt = np.where(weight > 0, maps[0], healpy.UNSEEN)
    found = degrade_map(spoilt, nside=4, weight=weight)
    sums = [healpy.ud_grade(x, 4) for x in (weight * maps[0], weight)]
    expected = np.where(sums[1] > 0, sums[0] / np.where(sums[1] > 0, sums[1], 1), np.nan)
    assert np.allclose(found, expected, atol=1e-13, equal_nan=True)
    assert np.array_equal(degrade_map(spoilt, nside=8), np.where(weight > 0, maps[0], np.nan),
                          equal_nan=True)  # fmt: skip
    with pytest.raises(ValueError, match=r"degrade_map: nside: expected .* in \[1, 8\], got 16"):
        degrade_map(maps, nside=16)
