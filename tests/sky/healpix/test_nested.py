import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcr.sky.healpix import nest_to_ring, pixel_direction, ring_to_nest

healpy = pytest.importorskip("healpy")

COMPILED = (1, 4, 64, 1024)  # grids tested in JAX too: the same formulas, a second to compile


def assert_equal_to_healpy(nside):
    pixel = np.arange(12 * nside**2)
    nested, ring = healpy.ring2nest(nside, pixel), healpy.nest2ring(nside, pixel)
    assert np.array_equal(ring_to_nest(nside, pixel), nested)
    assert np.array_equal(nest_to_ring(nside, pixel), ring)
    if nside in COMPILED:
        assert np.array_equal(ring_to_nest(nside, jnp.asarray(pixel)), nested)
        assert np.array_equal(nest_to_ring(nside, jnp.asarray(pixel)), ring)


def test_children_lie_about_their_parent():
    parent = pixel_direction(8, nest_to_ring(8, np.arange(768)))
    children = pixel_direction(16, nest_to_ring(16, np.arange(3072))).reshape(768, 4, 3)
    # Half the diagonal of a pixel of nside 8 is below 0.75 times its side, sqrt(pi/3) / 8.
    distance = np.linalg.norm(children - parent[:, None], axis=-1)
    assert np.max(distance) < 0.75 * np.sqrt(np.pi / 3) / 8


@pytest.mark.parametrize("nside", [1, 2, 4, 8, 16, 32, 64])
def test_all_pixels_equal_healpy(nside):
    assert_equal_to_healpy(nside)


@pytest.mark.slow
@pytest.mark.parametrize("nside", [128, 256, 512, 1024])
def test_all_pixels_of_fine_grids_equal_healpy(nside):
    assert_equal_to_healpy(nside)


def test_int32_reaches_nside_8192(rng):
    pixel = rng.integers(0, 12 * 8192**2, 1000, dtype=np.int32)
    nested = jax.jit(lambda p: ring_to_nest(8192, p))(jnp.asarray(pixel))
    assert nested.dtype == jnp.int32
    assert np.array_equal(nested, healpy.ring2nest(8192, pixel.astype(np.int64)))
    assert np.array_equal(nest_to_ring(8192, nested), pixel)


def test_errors():
    with pytest.raises(ValueError, match=r"ring_to_nest: pixel: expected .* in \[0, 11\], got -1"):
        ring_to_nest(1, np.array([-1]))
    with pytest.raises(ValueError, match=r"nest_to_ring: nside: expected a power of two"):
        nest_to_ring(6, np.array([0]))
