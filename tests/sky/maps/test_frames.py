import healpy
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from astropy.coordinates import CartesianRepresentation, SkyCoord
from scipy.spatial.transform import Rotation

from jaxcr.sky.maps import EQUATORIAL_TO_GALACTIC, field_to_equatorial, rotation_from_axes


def test_the_field_points_where_it_should():
    ra, dec = np.radians([228.1, 49.7])
    matrix = field_to_equatorial(ra, dec)
    place = [np.cos(dec) * np.cos(ra), np.cos(dec) * np.sin(ra), np.sin(dec)]
    assert np.allclose(matrix @ jnp.array([1.0, 0, 0]), place, atol=1e-15)  # round-off
    assert np.allclose(matrix[:, 1], [-np.sin(ra), np.cos(ra), 0], atol=1e-15)  # east
    assert matrix[2, 2] > 0  # z points north
    assert np.allclose(field_to_equatorial(0, 0), np.eye(3), atol=1e-15)


def test_roll_turns_east_to_north():
    matrix = field_to_equatorial(1.0, 0.3, roll=np.pi / 2)
    assert np.allclose(matrix[:, 1], field_to_equatorial(1.0, 0.3)[:, 2], atol=1e-15)


def test_equals_three_turns_of_scipy():
    reference = Rotation.from_euler("ZYX", [2.0, -0.4, 0.7]).as_matrix()
    assert np.allclose(field_to_equatorial(2.0, 0.4, roll=0.7), reference, atol=1e-15)


def test_rotation_from_axes():
    first, second = np.array([1.0, 2.0, 2.0]), np.array([0.0, 3.0, -1.0])
    matrix = rotation_from_axes(first, second)
    assert np.allclose(matrix @ matrix.T, np.eye(3), atol=1e-15)
    assert np.isclose(jnp.linalg.det(matrix), 1)
    assert np.allclose(matrix[:, 0], first / 3, atol=1e-15)
    assert np.isclose(matrix[:, 2] @ second, 0, atol=1e-15)
    assert matrix[:, 1] @ second > 0


def test_galactic_equals_astropy():
    axes = SkyCoord(CartesianRepresentation(*np.eye(3)), frame="icrs").galactic.cartesian.xyz.value
    # 1e-12 is 0.2 microarcsec; the sines and cosines of both are rounded to 1e-16.
    assert np.allclose(EQUATORIAL_TO_GALACTIC, axes, rtol=0, atol=1e-12)
    assert np.allclose(EQUATORIAL_TO_GALACTIC @ EQUATORIAL_TO_GALACTIC.T, np.eye(3), atol=1e-15)


def test_galactic_differs_from_healpy_by_a_thirtieth_of_an_arcsecond():
    turn = EQUATORIAL_TO_GALACTIC @ healpy.Rotator(coord=["C", "G"]).mat.T
    angle = np.linalg.norm(turn - np.eye(3)) / np.sqrt(2)
    assert 0.03 < np.degrees(angle) * 3600 < 0.04


def test_gradient():
    def place(angles):
        return field_to_equatorial(angles[0], angles[1], roll=angles[2])

    jacobian = jax.jit(jax.jacfwd(place))(jnp.array([2.0, 0.4, 0.7]))
    # A turn about z by the right ascension: d matrix / d ra = [z] x matrix, exactly.
    cross = np.array([[0, -1.0, 0], [1.0, 0, 0], [0, 0, 0]])
    assert np.allclose(jacobian[..., 0], cross @ place([2.0, 0.4, 0.7]), atol=1e-15)
    across = jax.jit(jax.grad(lambda v: rotation_from_axes(v, np.array([0, 1.0, 0]))[1, 0]))
    assert np.allclose(across(jnp.array([2.0, 0, 0])), [0, 0.5, 0], atol=1e-15)


def test_errors_and_dtype():
    with pytest.raises(ValueError, match=r"first: expected a direction"):
        rotation_from_axes(np.zeros(3), np.ones(3))
    with pytest.raises(ValueError, match=r"second: expected a vector that is not parallel"):
        rotation_from_axes(np.ones(3), -2 * np.ones(3))
    assert field_to_equatorial(jnp.float32(1), jnp.float32(0.5)).dtype == jnp.float32
    with pytest.raises(ValueError, match=r"declination: expected .* got -25.*radians"):
        field_to_equatorial(228.0, -25.0)
    field_to_equatorial(0.0, jnp.float32(-np.pi / 2))  # rounded beyond the pole
