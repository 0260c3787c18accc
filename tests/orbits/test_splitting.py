"""Splitting pushers: exact rotation, orders 2 and 4, invariants over long orbits."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcr import fields, orbits, units

LOWER = (orbits.Boris, orbits.Strang)
HIGHER = ((orbits.Strang, 2), (orbits.BlanesMoan4, 4))
RIGIDITY = 3.0 / units.GYRORADIUS  # gyroradius 1 pc in 3 µG


@pytest.fixture(scope="module")
def uniform():
    return fields.UniformField(jnp.array([0.0, 0.0, 3.0]))


@pytest.fixture(scope="module")
def bottle():
    """One bottle of mirror ratio 3, sixty gyroradii long."""
    return fields.MirrorChainField(
        minimum=3.0, left_mirror=9.0, right_mirror=9.0, length=60.0, num_bottles=1
    )


def end(field, pusher, length, *, start=None, direction=None, rigidity=RIGIDITY):
    return orbits.trace_ensemble(
        field,
        jnp.zeros(3) if start is None else start,
        jnp.array([[0.6, 0.0, 0.8]]) if direction is None else direction,
        rigidity=rigidity,
        stop=orbits.PathLength(length),
        pusher=pusher,
        devices=jax.local_devices()[:1],
    )


def test_strang_turns_by_the_exact_angle_and_boris_lags(uniform):
    s = 20.0
    expected = np.array([0.6 * np.cos(s), -0.6 * np.sin(s), 0.8])
    exact = end(uniform, orbits.Strang(0.2), s).direction[0]
    np.testing.assert_allclose(exact, expected, atol=1e-13)  # round-off of 100 steps
    assert np.abs(end(uniform, orbits.Boris(0.2), s).direction[0] - expected).max() > 0.01


def test_the_circle_of_strang_is_smaller_by_a_twelfth_of_the_squared_step(uniform):
    # Chords c = h/2 (n0 + n1) of length h cos(h/2) turn by h: radius (h/2) cot(h/2) / 1.
    h = 0.4
    steps = round(np.pi / h)
    across = end(
        uniform, orbits.Strang(np.pi / steps), np.pi, direction=jnp.array([[1.0, 0.0, 0.0]])
    ).position[0]
    h = np.pi / steps
    assert across[1] == pytest.approx(-2 * (h / 2) / np.tan(h / 2), rel=1e-12)
    assert (h / 2) / np.tan(h / 2) == pytest.approx(1 - h**2 / 12, abs=h**4 / 700)


@pytest.mark.parametrize(
    ("pusher", "order"),
    [(orbits.Boris, 2), *(pytest.param(*x, marks=pytest.mark.slow) for x in HIGHER)],
)
def test_order_of_convergence(bottle, pusher, order):
    start = jnp.array([20.0, 0.4, -0.3])
    exact = end(bottle, orbits.BlanesMoan4(0.01), 12.0, start=start).position[0]
    errors = [
        np.linalg.norm(end(bottle, pusher(h), 12.0, start=start).position[0] - exact)
        for h in (0.6, 0.3, 0.15)
    ]
    orders = np.log2(np.array(errors[:-1]) / errors[1:])
    assert orders[-1] == pytest.approx(order, abs=0.25)  # next order of the step at h = .15


@pytest.mark.parametrize(
    "pusher",
    [orbits.Boris, *(pytest.param(x, marks=pytest.mark.slow) for x, _ in HIGHER)],
)
def test_speed_over_ten_thousand_gyrations(uniform, pusher):
    # one step a radian: 62,832 steps of at most six rotations, each off by at most half an eps
    exits = end(uniform, pusher(1.0), 2e4 * np.pi)
    assert abs(np.linalg.norm(exits.direction[0]) - 1) < 62_832 * 6 * 1.1e-16
    assert exits.path_length[0] == pytest.approx(2e4 * np.pi, rel=1e-12)


@pytest.mark.parametrize(
    "pusher",
    [orbits.BlanesMoan4(0.2), *(pytest.param(x(0.1), marks=pytest.mark.slow) for x in LOWER)],
)
def test_time_reversal_in_a_bottle(bottle, pusher):
    # ten gyrations, out and back; every step is its own inverse, the last one is shorter
    start = jnp.array([25.0, 0.4, -0.3])
    there = end(bottle, pusher, 20.0, start=start)
    back = end(
        bottle, pusher, 20.0, start=there.position, direction=-there.direction, rigidity=-RIGIDITY
    )
    np.testing.assert_allclose(back.position[0], start, atol=1e-8)
    np.testing.assert_allclose(back.direction[0], [-0.6, 0.0, -0.8], atol=1e-8)


@pytest.mark.slow
def test_no_field_no_turn_and_a_derivative():
    def x(strength):
        field = fields.UniformField(jnp.array([0.0, 0.0, 1.0]) * strength)
        return end(field, orbits.Strang(0.5), 4.0).position[0]

    np.testing.assert_allclose(x(0.0), [2.4, 0.0, 3.2], rtol=1e-13, atol=1e-15)
    slope = jax.jvp(x, (jnp.asarray(0.0),), (jnp.asarray(1.0),))[1]
    # dn/ds = n × B/3 at r_L = 1 pc for 3 µG: y = -0.6 (s²/2)/3
    np.testing.assert_allclose(slope, [0.0, -0.6 * 8 / 3, 0.0], atol=1e-12)


def test_electric_fields_are_refused(uniform):
    with pytest.raises(ValueError, match=r"Strang: electric: expected no electric field"):
        orbits.trace_ensemble(
            uniform,
            jnp.zeros(3),
            jnp.array([[1.0, 0.0, 0.0]]),
            rigidity=1.0,
            stop=orbits.PathLength(1.0),
            pusher=orbits.Strang(0.1),
            electric=uniform,
        )
