import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcr.sky.healpix import containing_pixel, pixel_centers, pixel_direction

healpy = pytest.importorskip("healpy")

COMPILED = (1, 4, 64, 1024)  # grids tested in JAX too: the same formulas, a second to compile


def random_vectors(rng, number):
    """Draw directions of all lengths, a fifth of them close to the poles."""
    vectors = rng.standard_normal((number, 3))
    vectors[: number // 5, :2] *= 1e-3
    return vectors


def assert_equal_to_healpy(nside):
    pixel = np.arange(12 * nside**2)
    reference = np.stack(healpy.pix2vec(nside, pixel), axis=-1)
    # 3e-16: the last bit of a cosine times a radius, of numbers up to 1.
    assert np.allclose(pixel_centers(nside), reference, rtol=0, atol=3e-16)
    assert np.array_equal(containing_pixel(nside, reference), pixel)
    if nside not in COMPILED:
        return
    # 1e-15: azimuths up to 2 pi are rounded to 9e-16, and XLA rounds in another order.
    direction = pixel_direction(nside, jnp.asarray(pixel))
    assert np.allclose(direction, reference, rtol=0, atol=1e-15)
    assert np.array_equal(containing_pixel(nside, direction), pixel)


def test_the_twelve_pixels_of_the_coarsest_grid():
    # z = 2/3, 0, -2/3; azimuth 45 degrees first in the caps, 0 on the equator.
    centers = pixel_direction(1, np.arange(12))
    side = np.sqrt(5 / 18)  # sin(theta) cos(45 degrees)
    assert np.allclose(centers[0], [side, side, 2 / 3], atol=1e-15)  # round-off
    assert np.allclose(centers[4], [1, 0, 0], atol=1e-15)
    assert np.allclose(centers[11], [side, -side, -2 / 3], atol=1e-15)


def test_poles_and_lengths():
    poles = np.array([[0.0, 0.0, 2.0], [0.0, 0.0, -1e-3]])
    assert np.array_equal(containing_pixel(4, poles), [0, 188])
    below_zero = np.array([1.0, -1e-30, 0.1])  # its azimuth modulo 2 pi is rounded to 2 pi
    assert containing_pixel(4, below_zero) == healpy.vec2pix(4, *below_zero)


@pytest.mark.parametrize("nside", [1, 2, 4, 8, 16, 32, 64])
def test_all_pixels_equal_healpy(nside):
    assert_equal_to_healpy(nside)


@pytest.mark.slow
@pytest.mark.parametrize("nside", [128, 256, 512, 1024])
def test_all_pixels_of_fine_grids_equal_healpy(nside):
    assert_equal_to_healpy(nside)


@pytest.mark.parametrize("nside", [1, 16, 1024])
def test_random_directions_equal_healpy(nside, rng):
    vectors = random_vectors(rng, 100_000)
    reference = healpy.vec2pix(nside, *vectors.T)
    # No direction is expected within round-off of an edge: 1e5 times 1e-13 pixels.
    assert np.array_equal(containing_pixel(nside, vectors), reference)
    assert np.array_equal(containing_pixel(nside, jnp.asarray(vectors)), reference)


@pytest.mark.parametrize("nside", [16, 128])
def test_float32_equals_healpy_away_from_edges(nside, rng):
    vectors = random_vectors(rng, 20_000)
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    reference = healpy.vec2pix(nside, *vectors.T.astype(float))
    # 2e-6 rad: azimuths up to 2 pi in float32 are rounded to 5e-7, times a few operations.
    shifts = [sign * 2e-6 * axis for sign in (-1, 1) for axis in np.eye(3)]
    clear = np.all([healpy.vec2pix(nside, *(vectors + s).T) == reference for s in shifts], axis=0)
    assert np.mean(clear) > 0.98
    with jax.enable_x64(False):
        pixel = containing_pixel(nside, jnp.asarray(vectors))
        centers = pixel_direction(nside, jnp.arange(12 * nside**2))
    assert pixel.dtype == jnp.int32
    assert np.array_equal(pixel[clear], reference[clear])
    assert centers.dtype == jnp.float32
    assert np.allclose(centers, pixel_centers(nside), atol=6e-7)  # azimuth to 5e-7


def test_int32_reaches_nside_8192():
    last = jnp.asarray([0, 12 * 8192**2 - 1], jnp.int32)
    centers = pixel_direction(8192, last)
    assert np.allclose(centers[0], healpy.pix2vec(8192, 0), atol=1e-15)  # round-off
    assert np.array_equal(containing_pixel(8192, centers), last)


def test_jit_and_vmap():
    pixel = jnp.arange(192).reshape(16, 12)
    centers = jax.jit(jax.vmap(lambda p: pixel_direction(4, p)))(pixel)
    assert np.array_equal(jax.vmap(jax.vmap(lambda d: containing_pixel(4, d)))(centers), pixel)


def test_errors():
    with pytest.raises(ValueError, match=r"pixel_direction: nside: expected a power of two"):
        pixel_direction(3, np.arange(2))
    with pytest.raises(ValueError, match=r"pixel: expected .* in \[0, 191\], got 192"):
        pixel_direction(4, np.arange(193))
    with pytest.raises(
        ValueError, match=r"direction: expected shape \(3, 3\), got .*\(3, 5\).*transpose"
    ):
        containing_pixel(4, np.ones((3, 5)))
    for bad in (np.nan, np.inf, 0.0):  # they had fallen into pixel 188
        directions = np.array([[1.0, 0, 0], [bad, 0, 0]])
        with pytest.raises(ValueError, match="length of direction: expected a positive number"):
            containing_pixel(4, jnp.asarray(directions))
    with pytest.raises(ValueError, match=r"nside: expected .* fit into int32, got 16384"):
        pixel_direction(16384, np.arange(2, dtype=np.int32))
