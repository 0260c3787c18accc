"""Drifts in closed form, their mean over pitch angles, and the order of their sum."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcr import fields, units
from jaxcr.kinetic import drifts

RIGIDITY = 3.0 / units.GYRORADIUS  # gyroradius 1 pc in 3 µG
PLACE = jnp.array([40.0, 0.0, 0.0])
ROUND_OFF = 1e-13  # of derivatives by hand-made fields


class Sheared(fields.Field):
    """B = 3 (1 + x/scale) along z: straight lines."""

    scale: float

    def __call__(self, position):
        zero = jnp.zeros_like(position[0])
        return jnp.stack([zero, zero, 3 * (1 + position[0] / self.scale)])

    def max_strength(self):
        return jnp.asarray(6.0)

    def lattice(self):
        return None


class Twisted(Sheared):
    """A current along z with its own field along z: curved, twisted and sheared lines."""

    def __call__(self, position):
        x, y, _ = position
        square = (x**2 + y**2) / self.scale**2
        return 2 * jnp.stack([-y / self.scale, x / self.scale, 0.5 + 0.3 * square])


class Current(Sheared):
    """The field around a current along z, 3 µG at a distance of ``scale``."""

    def __call__(self, position):
        x, y, _ = position
        return 3 * self.scale * jnp.stack([-y, x, jnp.zeros_like(x)]) / (x**2 + y**2)


@jax.jit
def every_drift(field, position, cosine, rigidity, speed):
    """Return gradient, curvature and isotropic drift, and the guiding centre's velocity over v."""
    strength = field(position)
    moment = (1 - cosine**2) / jnp.sqrt(strength @ strength)
    return (
        drifts.gradient_drift(field, position, cosine, rigidity, speed=speed),
        drifts.curvature_drift(field, position, cosine, rigidity, speed=speed),
        drifts.isotropic_drift(field, position, rigidity, speed=speed),
        drifts.guiding_center_velocity(field, position, cosine, moment, rigidity)[0],
    )


def both(field, position, cosine, rigidity, speed):
    return every_drift(field, position, jnp.asarray(cosine), rigidity, speed)[:2]


def isotropic(field, position, rigidity, speed):
    return every_drift(field, position, jnp.asarray(0.0), rigidity, speed)[2]


def center(field, position, cosine, rigidity):
    return every_drift(field, position, jnp.asarray(cosine), rigidity, 1.0)[3]


def test_gradient_drift_between_straight_lines():
    # v r_L (1 - mu²) / (2 L), along b × grad B = y for a positive charge
    for sign in (1, -1):
        gradient, curvature = both(Sheared(50.0), jnp.zeros(3), 0.6, sign * RIGIDITY, 0.5)
        np.testing.assert_allclose(gradient, [0, sign * 0.5 * 0.64 / 100, 0], atol=1e-17)
        np.testing.assert_allclose(curvature, 0, atol=1e-17)


def test_drifts_around_a_current():
    # (v r_L / r) (mu² + (1 - mu²)/2), along the current for a positive charge
    gradient, curvature = both(Current(40.0), PLACE, 0.6, RIGIDITY, 1.0)
    np.testing.assert_allclose(gradient, [0, 0, 0.32 / 40], rtol=ROUND_OFF, atol=1e-17)
    np.testing.assert_allclose(curvature, [0, 0, 0.36 / 40], rtol=ROUND_OFF, atol=1e-17)
    # curl(B/B²) = 2/(B r) along the current
    mean = isotropic(Current(40.0), PLACE, RIGIDITY, 1.0)
    np.testing.assert_allclose(mean, [0, 0, 2 / 3 / 40], rtol=ROUND_OFF, atol=1e-17)


def test_ring_current_of_a_dipole():
    # at its equator |B| ~ r^-3 and the radius of curvature is r/3: (3 v r_L / 2r) (1 + mu²),
    # along +phi where the moment is along +z, as b × grad B = (-z) × (-x)
    dipole = fields.DipoleField(
        polar_strength=6.0, radius=40.0, axis=jnp.array([0.0, 0.0, 1.0]), center=jnp.zeros(3)
    )
    total = sum(both(dipole, PLACE, 0.6, RIGIDITY, 0.5))
    expected = [0, 1.5 * 0.5 / 40 * (1 + 0.36), 0]
    np.testing.assert_allclose(total, expected, rtol=ROUND_OFF, atol=1e-16)


def test_the_mean_over_pitch_angles_is_the_isotropic_drift():
    field, place = Twisted(30.0), jnp.array([20.0, -7.0, 3.0])
    cosines, weights = np.polynomial.legendre.leggauss(4)
    strength = np.asarray(field(place))
    size = np.linalg.norm(strength)
    here = strength / size
    drift, mean = np.zeros(3), np.zeros(3)
    lever = RIGIDITY * units.GYRORADIUS / size
    # b · curl b = B · curl B / B²
    twist = strength @ np.array([2 * 0.6 * -7.0, -2 * 0.6 * 20.0, 2 * 2 * 30.0]) / 30**2 / size**2
    for cosine, weight in zip(cosines, weights / 2, strict=True):
        drift += weight * np.asarray(sum(both(field, place, cosine, RIGIDITY, 1.0)))
        # a guiding centre has the weight b · B*/B in phase space
        share = 1 + lever * cosine * twist
        mean += weight * share * np.asarray(center(field, place, cosine, RIGIDITY))
    isotropic_mean = np.asarray(isotropic(field, place, RIGIDITY, 1.0))
    across = isotropic_mean - (isotropic_mean @ here) * here
    np.testing.assert_allclose(drift, across, atol=1e-15)
    np.testing.assert_allclose(mean, isotropic_mean, atol=1e-15)
    assert abs(isotropic_mean @ here) > 1e-3  # the parallel part is there


def test_the_sum_is_the_motion_of_a_guiding_centre_to_second_order():
    field, place, cosine = Twisted(30.0), jnp.array([20.0, -7.0, 3.0]), 0.7
    unit = np.asarray(field(place)) / np.linalg.norm(field(place))
    errors = []
    for rigidity in (0.02, 0.01):
        whole = center(field, place, cosine, rigidity)
        gradient, curvature = both(field, place, cosine, rigidity, 1.0)
        rest = np.asarray(whole) - cosine * unit - gradient - curvature
        errors.append(np.linalg.norm(rest))
    assert errors[0] > 1e-8  # not round-off
    np.testing.assert_allclose(errors[0] / errors[1], 4, rtol=1e-2)  # next order of r_L/L: 1e-3


def test_isotropic_drift_has_no_divergence():
    field, step, total = Twisted(30.0), 1e-3, 0.0
    for axis in np.eye(3):
        ahead, behind = (isotropic(field, PLACE + s * axis, RIGIDITY, 1.0) for s in (step, -step))
        total += float((ahead - behind) @ axis) / (2 * step)
    # its terms are of order 1e-4; step² of truncation over the square of 30 pc
    assert abs(total) < 1e-12


def test_electric_drift():
    electric = fields.UniformField(jnp.array([0.1, 0.3, 0.2]))
    magnetic = fields.UniformField(jnp.array([0.0, 0.0, 3.0]))
    found = drifts.electric_drift(electric, magnetic, jnp.zeros(3))
    np.testing.assert_allclose(found, [0.1, -0.1 / 3, 0], rtol=ROUND_OFF)
    # E = -u × B gives back the part of u across B
    flow, b = np.array([0.01, -0.02, 0.03]), np.array([1.0, 2.0, -2.0])
    electric = fields.UniformField(jnp.asarray(-np.cross(flow, b)))
    found = drifts.electric_drift(electric, fields.UniformField(jnp.asarray(b)), jnp.zeros(3))
    np.testing.assert_allclose(found, flow - flow @ b / 9 * b, atol=1e-17)


def test_gradient():
    def drift(rigidity, cosine):
        return sum(both(Current(40.0), PLACE, cosine, rigidity, 1.0))[2]

    # linear in R; d/dmu of (1 + mu²)/2 is mu
    found = jax.grad(drift, argnums=(0, 1))(RIGIDITY, 0.6)
    np.testing.assert_allclose(found[0], drift(RIGIDITY, 0.6) / RIGIDITY, rtol=ROUND_OFF)
    np.testing.assert_allclose(found[1], 0.6 / 40, rtol=ROUND_OFF)


def test_float32_stays_float32():
    place = PLACE.astype(jnp.float32)
    for drift in both(Current(40.0), place, 0.6, RIGIDITY, 1.0):
        assert drift.dtype == jnp.float32


@pytest.mark.parametrize(
    ("cosine", "speed", "message"),
    [
        (1.2, 1.0, r"gradient_drift: cosine: .* in \[-1, 1\], got 1.2"),
        (0.5, 1.5, r"gradient_drift: speed: .* in \(0, 1\], got 1.5"),
        (0.5, 0.0, r"gradient_drift: speed: .* in \(0, 1\], got 0"),
    ],
)
def test_errors(cosine, speed, message):
    with pytest.raises(ValueError, match=message):
        drifts.gradient_drift(Sheared(50.0), jnp.zeros(3), cosine, 1.0, speed=speed)
