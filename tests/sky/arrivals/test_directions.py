import healpy
import numpy as np
import pytest

from jaxcr.sky import pixel_centers, refined_directions
from jaxcr.sky.arrivals.directions import first_half


def test_one_orbit_a_pixel_starts_at_its_centre():
    # 1e-15: both are healpy's unit vectors, by two routes.
    assert np.allclose(refined_directions(4, 1)[:, 0], pixel_centers(4), atol=1e-15)


@pytest.mark.parametrize(("nside", "per_pixel"), [(1, 4), (4, 4), (4, 16), (8, 64)])
def test_children_tile_their_own_pixel(nside, per_pixel):
    sky = refined_directions(nside, per_pixel)
    parent = healpy.vec2pix(nside, *np.moveaxis(sky, -1, 0))
    assert np.array_equal(parent, np.arange(12 * nside**2)[:, None].repeat(per_pixel, 1))
    fine = nside * int(np.sqrt(per_pixel))
    pixels = healpy.vec2pix(fine, *np.moveaxis(sky, -1, 0))
    assert np.array_equal(np.sort(pixels.ravel()), np.arange(12 * fine**2))
    assert np.allclose(np.linalg.norm(sky, axis=-1), 1, atol=1e-15)  # one rounding


@pytest.mark.parametrize("per_pixel", [4, 16, 64, 256])
def test_halves_are_disjoint_and_equal(per_pixel):
    first = first_half(per_pixel)
    assert first.shape == (per_pixel,)
    assert first.sum() == per_pixel // 2


@pytest.mark.parametrize("per_pixel", [4, 16])
def test_halves_are_a_chessboard(per_pixel):
    side = int(np.sqrt(per_pixel))
    # In the NESTED order the bits of x and y in the pixel alternate.
    index = np.arange(per_pixel)
    bits = [(index >> i) & 1 for i in range(8)]
    x = sum(bits[2 * i] << i for i in range(4))
    y = sum(bits[2 * i + 1] << i for i in range(4))
    board = np.zeros((side, side), bool)
    board[x, y] = first_half(per_pixel)
    assert np.all(board[1:] != board[:-1])
    assert np.all(board[:, 1:] != board[:, :-1])


@pytest.mark.parametrize("per_pixel", [4, 16])
def test_halves_share_the_centre_to_second_order(per_pixel):
    def apart(nside):
        sky = refined_directions(nside, per_pixel)
        first = first_half(per_pixel)
        gap = sky[:, first].mean(1) - sky[:, ~first].mean(1)
        # The median: pixels on the border between polar and equatorial zone are bent.
        return np.median(np.linalg.norm(gap, axis=-1))

    # Pixels shrink as 1 / nside; a first-order gap, as between two rows, would halve.
    assert apart(32) / apart(16) < 0.3
    # Against the gap of a split in rows, half the size of a pixel.
    assert apart(16) < 0.05 * np.sqrt(np.pi / 3) / 16


@pytest.mark.parametrize("per_pixel", [0, 2, 3, 8, 36, -4])
def test_orbits_in_a_pixel_are_a_power_of_four(per_pixel):
    with pytest.raises(ValueError, match=rf"per_pixel: expected a power of four.*got {per_pixel}"):
        refined_directions(4, per_pixel)


def test_other_errors():
    with pytest.raises(ValueError, match=r"refined_directions: nside: expected.*got 12"):
        refined_directions(12, 4)
    with pytest.raises(
        ValueError, match=r"per_pixel: expected a power of four, 4, 16.*got 1. 4 gives two"
    ):
        first_half(1)
