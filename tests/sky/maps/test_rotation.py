import healpy
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcr.sky import pixel_centers, power_spectrum
from jaxcr.sky.maps import EQUATORIAL_TO_GALACTIC, field_to_equatorial, rotate_map

MATRIX = np.array(field_to_equatorial(2.0, 0.4, roll=0.7))


@pytest.mark.parametrize("lmax", [None, 1, 15])
def test_a_dipole_turns_as_a_vector(lmax):
    vector = np.array([1.0, -2.0, 0.5])
    rotated = rotate_map(pixel_centers(8) @ vector, MATRIX, lmax=lmax)
    expected = pixel_centers(8) @ (MATRIX @ vector)
    # Interpolation: half the square of a pixel of 0.13 rad times 2.3, more at the poles.
    # lmax: the quadrature with three refinements leaves 2e-12 and 1e-4 of a map up to 2.3.
    tolerance = {None: 0.1, 1: 1e-11, 15: 3e-4}[lmax]
    assert np.allclose(rotated, expected, rtol=0, atol=tolerance)


def test_exact_rotation_keeps_the_spectrum_and_turns_back(rng):
    sky = healpy.alm2map(rng.standard_normal(45) * (1 + 0j), 8, lmax=8)
    rotated = rotate_map(sky, MATRIX, lmax=8)
    # 1e-4: as above, three refinements at nside 8 and lmax 8.
    back = rotate_map(rotated, MATRIX.T, lmax=8)
    assert np.allclose(back, sky, atol=1e-4 * np.max(np.abs(sky)))
    assert np.allclose(power_spectrum(rotated, lmax=8)[1:], power_spectrum(sky, lmax=8)[1:], 1e-3)


def test_interpolation_equals_healpy(rng):
    sky = rng.standard_normal(768)
    rotator = healpy.Rotator(rot=(40, 25, -70))
    expected = rotator.rotate_map_pixel(sky)
    # 1e-12: round-off of azimuths in units of a pixel; measured 4e-14.
    assert np.allclose(rotate_map(sky, rotator.mat), expected, rtol=0, atol=1e-12)


def test_exact_rotation_equals_healpy(rng):
    sky = rng.standard_normal(768)
    coefficients = healpy.map2alm(sky, lmax=15, iter=3)
    healpy.rotate_alm(coefficients, matrix=EQUATORIAL_TO_GALACTIC)
    expected = healpy.alm2map(coefficients, 8, lmax=15)
    rotated = rotate_map(sky, EQUATORIAL_TO_GALACTIC, lmax=15)
    # 1e-12: round-off of two transforms at lmax 15; measured 2e-14.
    assert np.allclose(rotated, expected, rtol=0, atol=1e-12)


def test_batches_and_gradients(rng):
    maps = jnp.asarray(rng.standard_normal((2, 192)))
    step = jnp.asarray(rng.standard_normal((3, 3)))

    @jax.jit
    def value_and_slope(size):
        def value(s):
            return rotate_map(maps, MATRIX + s * step, lmax=4)

        return jax.jvp(value, (size,), (1.0,))

    size = 1e-6
    difference = (value_and_slope(size)[0] - value_and_slope(-size)[0]) / (2 * size)
    # 1e-6: truncation 1e-12 times third derivatives of 1e3, round-off 1e-15 / size = 1e-9.
    assert np.allclose(value_and_slope(0.0)[1], difference, atol=1e-6)
    alone = rotate_map(maps[1], MATRIX, lmax=4)
    assert np.allclose(value_and_slope(0.0)[0][1], alone, atol=1e-12)  # order of the sums
    assert np.allclose(rotate_map(maps, MATRIX)[1], rotate_map(maps[1], MATRIX), atol=1e-14)


def test_errors_and_dtype(rng):
    sky = jnp.asarray(rng.standard_normal(192), jnp.float32)
    assert rotate_map(sky, MATRIX).dtype == rotate_map(sky, MATRIX, lmax=4).dtype == jnp.float32
    with pytest.raises(ValueError, match=r"rotate_map: lmax: expected 0 \.\.\. .*got 12"):
        rotate_map(sky, MATRIX, lmax=12)
    with pytest.raises(ValueError, match=r"number of pixels.*got 50"):
        rotate_map(np.ones(50), MATRIX)
    with pytest.raises(ValueError, match=r"rotation: expected an orthogonal matrix.*got 3"):
        rotate_map(sky, 2 * np.eye(3))
