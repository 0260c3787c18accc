"""Electric fields and particles below the speed of light: closed forms."""

import jax.numpy as jnp
import numpy as np
import pytest

from jaxcr import fields, orbits, units

PUSHERS = [orbits.Boris(0.02), orbits.DiffraxPusher(rtol=1e-9, atol=1e-11)]
NAMES = ["Boris", "Tsit5"]
FAST_FIRST = [PUSHERS[0], pytest.param(PUSHERS[1], marks=pytest.mark.slow)]
RIGIDITY = 3.0 / units.GYRORADIUS  # gyroradius 1 pc in 3 µG
UP = fields.UniformField(jnp.array([0.0, 0.0, 3.0]))


def end(field, length, pusher, direction=(1.0, 0.0, 0.0), **options):
    return orbits.trace_ensemble(
        field,
        jnp.zeros(3),
        jnp.array([direction]),
        rigidity=RIGIDITY,
        stop=orbits.PathLength(length),
        pusher=pusher,
        **options,
    )


@pytest.mark.parametrize("pusher", FAST_FIRST, ids=NAMES)
def test_slow_particles_gyrate_on_the_same_circle_at_their_own_frequency(pusher):
    # momentum of rigidity R and rest rigidity m: v = 1 / sqrt(1 + (m/R)²), gyroradius R/B
    mass = 2.0 * RIGIDITY
    speed = 1 / np.sqrt(1 + 4.0)
    exits = end(UP, 3.0, pusher, rest_rigidity=mass)
    angle = speed * 3.0
    np.testing.assert_allclose(
        exits.position[0], [np.sin(angle), np.cos(angle) - 1, 0], atol=1e-4
    )  # Boris: h²/12 of the phase, and (v h)²/12
    np.testing.assert_allclose(np.linalg.norm(exits.direction[0]), 1, rtol=1e-8)


@pytest.mark.parametrize("pusher", FAST_FIRST, ids=NAMES)
def test_an_electric_field_adds_momentum_along_itself(pusher):
    # du/ds = E/(r_1 R), from rest in x: u = 1 + s E/3, energy gain = work along the path
    electric = fields.UniformField(jnp.array([0.6, 0.0, 0.0]))
    nothing = fields.UniformField(jnp.zeros(3))
    exits = end(nothing, 5.0, pusher, electric=electric, rest_rigidity=RIGIDITY)
    np.testing.assert_allclose(exits.direction[0], [2.0, 0, 0], rtol=1e-9, atol=1e-12)
    # x = (sqrt(u² + 1) - sqrt(2)) / 0.2, the relativistic hyperbola
    x = (np.sqrt(5.0) - np.sqrt(2.0)) / 0.2
    np.testing.assert_allclose(exits.position[0, 0], x, rtol=1e-5)


@pytest.mark.parametrize("pusher", PUSHERS, ids=NAMES)
def test_drift_across_both_fields(pusher):
    # E × B: E along y, B along z, so v = E/B along x. In the frame of the drift the orbit closes
    # after 2 pi gamma_d² energy / B; there u'_x = gamma_d (u_x - v_d energy).
    drift, mass = 0.1, 3.0
    electric = fields.UniformField(jnp.array([0.0, 0.3, 0.0]))
    exits = []
    gamma = 1 / np.sqrt(1 - drift**2)
    # invariant of the motion: the energy in the drift frame
    energy = gamma * (np.sqrt(1 + mass**2) - drift * 1.0)
    period = 2 * np.pi * energy * gamma**2  # B' = B/gamma, dt = gamma dt' over a whole turn
    for turns in (1, 3):
        out = end(UP, turns * period, pusher, electric=electric, rest_rigidity=mass * RIGIDITY)
        exits.append(np.asarray(out.position[0]))
    np.testing.assert_allclose(exits[0], [drift * period, 0, 0], atol=2e-4)
    np.testing.assert_allclose(exits[1], [3 * drift * period, 0, 0], atol=2e-3)


def test_trace_takes_both():
    orbit = orbits.trace(
        UP,
        jnp.zeros(3),
        jnp.array([1.0, 0.0, 0.0]),
        rigidity=RIGIDITY,
        stop=orbits.PathLength(3.0),
        rest_rigidity=2.0 * RIGIDITY,
    )
    angle = 3.0 / np.sqrt(5.0)
    np.testing.assert_allclose(orbit.position, [np.sin(angle), np.cos(angle) - 1, 0], atol=1e-6)


@pytest.mark.slow
def test_exits_of_slow_particles_lie_on_the_sphere():
    exits = orbits.trace_ensemble(
        UP,
        jnp.zeros(3),
        jnp.array([[0.6, 0.0, 0.8]]),
        rigidity=RIGIDITY,
        stop=orbits.Sphere(2.5),
        pusher=orbits.Boris(0.1),
        rest_rigidity=2.0 * RIGIDITY,
    )
    assert np.linalg.norm(exits.position[0]) == pytest.approx(2.5, rel=1e-12)
