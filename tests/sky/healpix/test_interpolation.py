import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcr.sky.healpix import interpolate_map, interpolation_weights, pixel_centers

healpy = pytest.importorskip("healpy")


def angles(vectors):
    """Return colatitude and azimuth; healpy's vec2ang loses half the digits at the poles."""
    x, y, z = vectors.T
    return np.arctan2(np.hypot(x, y), z), np.arctan2(y, x)


def random_vectors(rng, number):
    vectors = rng.standard_normal((number, 3))
    vectors[: number // 5, :2] *= 1e-2
    return vectors


def test_a_pixel_centre_gives_its_own_value(rng):
    sky = rng.standard_normal(192)
    # 1e-13: weights are exact to the round-off of an azimuth in units of a pixel.
    assert np.allclose(interpolate_map(sky, pixel_centers(4)), sky, atol=1e-13)


def test_a_constant_stays_and_the_pole_is_the_mean_of_its_ring(rng):
    _, weights = interpolation_weights(16, random_vectors(rng, 10_000))
    assert np.allclose(jnp.sum(weights, axis=-1), 1, atol=1e-14)  # four roundings
    assert np.min(weights) > -1e-12  # round-off of a direction on a ring
    sky = rng.standard_normal(192)
    poles = np.array([[0, 0, 1.0], [0, 0, -1.0]])
    means = [np.mean(sky[:4]), np.mean(sky[-4:])]
    assert np.allclose(interpolate_map(sky, poles), means, atol=1e-14)


def test_second_order():
    def error(nside):
        grid = np.linspace(0, 6, 50)
        belt = np.stack([np.cos(grid), np.sin(grid), 0.4 * np.sin(3 * grid)], axis=-1)
        belt /= np.linalg.norm(belt, axis=1, keepdims=True)
        sky = pixel_centers(nside)[:, 0] * pixel_centers(nside)[:, 2]
        return np.max(np.abs(interpolate_map(sky, belt) - belt[:, 0] * belt[:, 2]))

    assert error(16) < error(4) / 10  # 16 in the limit


@pytest.mark.parametrize("nside", [1, 2, 16])
def test_equal_to_healpy(nside, rng):
    vectors = random_vectors(rng, 10_000)
    pixels, weights = interpolation_weights(nside, vectors)
    reference = healpy.get_interp_weights(nside, *angles(vectors))
    assert np.array_equal(pixels, reference[0].T)
    # 1e-13: azimuths of 6 rad in units of a pixel are rounded to 1e-14 at nside 16.
    assert np.allclose(weights, reference[1].T, rtol=0, atol=1e-13)
    sky = rng.standard_normal(12 * nside**2)
    expected = healpy.get_interp_val(sky, *angles(vectors))
    assert np.allclose(interpolate_map(sky, vectors), expected, rtol=0, atol=1e-12)


def test_gradient_by_direction_and_map(rng):
    sky = jnp.asarray(rng.standard_normal(192))
    vectors, step = jnp.asarray(rng.standard_normal((2, 10, 3)))
    vectors = vectors.at[-1].set(jnp.array([0.0, 0.0, 1.0]))

    @jax.jit
    def value_and_slope(s):
        return jax.jvp(lambda s: interpolate_map(sky, vectors + s * step), (s,), (1.0,))

    slope = value_and_slope(0.0)[1]
    assert np.all(np.isfinite(slope))  # also at the pole, the last one
    size = 1e-6  # truncation 1e-12 times a curvature of 10, round-off 1e-16 / size = 1e-10
    difference = (value_and_slope(size)[0] - value_and_slope(-size)[0]) / (2 * size)
    assert np.allclose(slope[:-1], difference[:-1], rtol=1e-7, atol=1e-8)
    _, weights = interpolation_weights(4, vectors)
    gradient = jax.grad(lambda m: jnp.sum(interpolate_map(m, vectors)))(sky)
    assert np.isclose(jnp.sum(gradient), jnp.sum(weights), atol=1e-12)  # round-off of 40 terms


def test_shapes_and_dtypes(rng):
    maps = jnp.asarray(rng.standard_normal((3, 192)), jnp.float32)
    vectors = jnp.asarray(rng.standard_normal((5, 2, 3)))  # as many as above
    values = interpolate_map(maps, vectors)
    assert values.shape == (3, 5, 2)
    assert values.dtype == jnp.float32
    one = interpolate_map(maps[1], vectors.reshape(10, 3)).reshape(5, 2)
    assert np.allclose(values[1], one, atol=1e-6)  # round-off of float32
    with jax.enable_x64(False):
        single = interpolate_map(maps, vectors.astype(jnp.float32))
    assert np.allclose(single, values, atol=1e-4)  # azimuths of float32 in units of a pixel


def test_errors():
    with pytest.raises(ValueError, match=r"interpolation_weights: nside: expected a power"):
        interpolation_weights(5, np.ones(3))
    with pytest.raises(ValueError, match=r"interpolation_weights: direction.*got shape \(2,\)"):
        interpolate_map(np.ones(48), np.ones(2))
    with pytest.raises(ValueError, match=r"number of pixels.*got 50"):
        interpolate_map(np.ones(50), np.ones(3))
