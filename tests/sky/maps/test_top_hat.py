import healpy
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import eval_legendre

from jaxcr.sky import pixel_centers
from jaxcr.sky.healpix.grid import UNSEEN
from jaxcr.sky.maps import top_hat_smooth


def disc_means(sky, weight, radius):
    """Average over healpy's discs, one by one."""
    nside = healpy.npix2nside(sky.size)
    means = np.full(sky.size, np.nan)
    for pixel, center in enumerate(pixel_centers(nside)):
        disc = healpy.query_disc(nside, center, radius)
        if np.any(weight[disc] > 0):
            means[pixel] = np.average(sky[disc], weights=weight[disc])
    return means


def test_a_legendre_polynomial_is_scaled_by_the_window_of_a_disc():
    radius, l = 0.5, 3
    edge = np.cos(radius)
    window = (eval_legendre(l - 1, edge) - eval_legendre(l + 1, edge)) / ((2 * l + 1) * (1 - edge))
    sky = eval_legendre(l, pixel_centers(32)[:, 2])
    # 1e-2: a disc of 750 pixels has an edge of 100 pixels that are in or out.
    assert np.allclose(top_hat_smooth(sky, radius=radius), window * sky, atol=1e-2)


def test_limits_of_the_radius(rng):
    sky = rng.standard_normal(768)
    # 1e-13: differences of running sums over a ring of 32 pixels.
    assert np.allclose(top_hat_smooth(sky, radius=0), sky, atol=1e-13)
    assert np.allclose(top_hat_smooth(sky, radius=np.pi), np.mean(sky), atol=1e-13)


@pytest.mark.parametrize(("nside", "radius"), [(4, 0.3), (8, 1.5)])
def test_equal_to_the_mean_over_healpy_discs(nside, radius, rng):
    sky = rng.standard_normal(12 * nside**2)
    weight = rng.random(sky.size) * (pixel_centers(nside)[:, 2] < 0.2)
    hidden = np.where(weight > 0, sky, np.nan)
    smoothed = top_hat_smooth(hidden, radius=radius, weight=weight)
    # 1e-12: sums of weights down to 1e-4 as differences of running sums.
    assert np.allclose(smoothed, disc_means(sky, weight, radius), atol=1e-12, equal_nan=True)


def test_a_mask_of_bools_is_a_weight(rng):
    sky, mask = rng.standard_normal(192), pixel_centers(4)[:, 0] > 0
    smoothed = top_hat_smooth(sky, radius=0.3, weight=mask)
    assert np.allclose(smoothed, disc_means(sky, mask, 0.3), atol=1e-13, equal_nan=True)
    assert np.any(np.isnan(smoothed))


def test_gradient_is_the_transpose(rng):
    sky, other = jnp.asarray(rng.standard_normal((2, 192)))
    weight = np.where(pixel_centers(4)[:, 2] < 0.9, rng.random(192), 0)

    def smoothed(m):
        return top_hat_smooth(m, radius=0.3, weight=weight)

    value, pull = jax.vjp(smoothed, sky)
    # Linear in the map: <other, S sky> = <Sᵀ other, sky>, to the round-off of 192 terms.
    other = jnp.where(jnp.isnan(value), 0, other)
    value = jnp.where(jnp.isnan(value), 0, value)
    assert np.isclose(jnp.vdot(other, value), jnp.vdot(pull(other)[0], sky), atol=1e-12)


def test_pixels_not_observed_have_no_weight(rng):
    sky, seen = rng.standard_normal(192), rng.random(192) > 0.3
    expected = top_hat_smooth(sky, radius=0.5, weight=seen)
    for blank in (np.nan, UNSEEN):
        found = top_hat_smooth(np.where(seen, sky, blank), radius=0.5)
        assert np.array_equal(found, expected, equal_nan=True)
    traced = jax.jit(lambda x: top_hat_smooth(x, radius=0.5))(np.where(seen, sky, np.nan))
    assert np.all(np.isnan(traced[~seen]))


def test_dtype_and_errors(rng):
    sky = rng.standard_normal(192)
    single = top_hat_smooth(jnp.asarray(sky, jnp.float32), radius=0.3)
    assert single.dtype == jnp.float32
    # 1e-6: running sums over a ring of 16 pixels in float32.
    assert np.allclose(single, top_hat_smooth(sky, radius=0.3), atol=1e-6)
    with pytest.raises(ValueError, match=r"radius: expected .* in \[0, 3\.14159\], got 10.*In rad"):
        top_hat_smooth(sky, radius=10)
    with pytest.raises(ValueError, match=r"weight: expected shape \(192,\)"):
        top_hat_smooth(sky, radius=0.1, weight=np.ones(48))
    for bad in (-1.0, np.nan, np.inf):  # nan would spread along its ring
        weight = np.where(np.arange(192) == 100, bad, 1.0)
        with pytest.raises(
            ValueError, match=r"weight: expected a number >= 0, got .* at index 100"
        ):
            top_hat_smooth(sky, radius=0.1, weight=weight)
