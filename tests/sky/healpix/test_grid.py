import healpy
import numpy as np
import pytest

from jaxcr.sky import check_nside, nside_of, pixel_centers
from jaxcr.sky.healpix.rings import ring_table


@pytest.mark.parametrize("nside", [1, 2, 16, 1024])
def test_nside_of_inverts_the_number_of_pixels(nside):
    check_nside(nside, "nside")
    assert nside_of(12 * nside**2) == nside


def test_centers_are_unit_vectors_with_the_moments_of_a_sphere():
    centers = pixel_centers(8)
    assert np.allclose(np.sum(centers**2, axis=1), 1, rtol=0, atol=4e-16)  # round-off of a norm
    # The grid is symmetric in x, y and z -> -z: only the round-off of 768 additions is left.
    assert np.allclose(np.sum(centers, axis=0), 0, atol=1e-12)
    # Equal areas: <x²> = <y²> exactly equal, and 1/3 up to the order 1/N_pix of the quadrature.
    second = centers.T @ centers / len(centers)
    assert np.allclose(second, np.eye(3) / 3, atol=1 / len(centers))


def test_order_is_ring():
    pixel = healpy.vec2pix(4, *pixel_centers(4).T)
    assert np.array_equal(pixel, np.arange(192))


@pytest.mark.parametrize("nside", [1, 4, 64])
def test_rings_equal_healpy(nside):
    table, num = ring_table(nside), 12 * nside**2
    theta, phi = healpy.pix2ang(nside, np.arange(num))
    # 1e-13: round-off of an angle of order 1, larger by 1 / sin(theta) through an arc cosine.
    assert np.allclose(table.colatitude[table.of_pixel], theta, atol=1e-13)
    assert np.array_equal(healpy.pix2ring(nside, np.arange(num)) - 1, table.of_pixel)
    assert np.array_equal(np.bincount(table.of_pixel), table.size)
    assert np.allclose(table.shift * table.spacing, phi[table.start], atol=1e-14)


@pytest.mark.parametrize(("nside", "nearest"), [(0, 1), (-3, 1), (3, 4), (5, 4), (12, 16)])
def test_bad_nside_names_the_nearest(nside, nearest):
    with pytest.raises(ValueError, match=f"here: expected a power of two.*nearest is {nearest}"):
        check_nside(nside, "here")


@pytest.mark.parametrize("num_pixels", [0, 11, 13, 100, 12 * 9, 769])
def test_bad_number_of_pixels(num_pixels):
    with pytest.raises(ValueError, match=f"number of pixels.*got {num_pixels}"):
        nside_of(num_pixels)
