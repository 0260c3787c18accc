"""Guiding centres: drifts in closed form, energy, mirrors, and the order against full orbits."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcr import fields, orbits, units

RIGIDITY = 3.0 / units.GYRORADIUS  # gyroradius 1 pc in 3 µG


def sheared(scale):
    """Return B = 3 (1 + x/scale) along z."""

    def b(x):
        return jnp.stack([jnp.zeros_like(x[0]), jnp.zeros_like(x[0]), 3 * (1 + x[0] / scale)])

    return fields.FunctionField(b, lower=jnp.full(3, -5.0), upper=jnp.full(3, 5.0))


def toroidal(radius):
    """Return the field around a current along z, 3 µG at ``radius``."""

    def b(x):
        square = x[0] ** 2 + x[1] ** 2
        return 3 * radius * jnp.stack([-x[1], x[0], jnp.zeros_like(x[0])]) / square

    return fields.FunctionField(
        b, lower=jnp.full(3, 0.5 * radius), upper=jnp.full(3, radius), max_strength=6.0
    )


def test_gradient_drift():
    # v = (r_L / 2 L) (1 - mu²), along b × grad B for a positive charge
    velocity, force = orbits.guiding_center_velocity(
        sheared(50.0), jnp.zeros(3), jnp.asarray(0.0), jnp.asarray(1 / 3), RIGIDITY
    )
    np.testing.assert_allclose(velocity, [0, 1 / 100, 0], atol=1e-15)
    assert force == 0


def test_curvature_and_gradient_drift_around_a_current():
    # (r_L/R)(mu² + (1 - mu²)/2), along b × grad B = -z for B = 1/r around +z ... and charge > 0
    mu = 0.6
    velocity, force = orbits.guiding_center_velocity(
        toroidal(40.0), jnp.array([40.0, 0.0, 0.0]), jnp.asarray(mu), jnp.asarray(0.64 / 3),
        RIGIDITY,
    )  # fmt: skip
    np.testing.assert_allclose(velocity[1], mu, rtol=1e-14)
    np.testing.assert_allclose(velocity[2], (mu**2 + 0.64 / 2) / 40, rtol=1e-12)
    assert abs(float(force)) < 1e-16


@pytest.mark.slow
def test_energy_is_kept():
    bottle = fields.MirrorChainField(
        minimum=3.0, left_mirror=9.0, right_mirror=9.0, length=100.0, num_bottles=1
    )
    track = orbits.trace_guiding_center(
        bottle, jnp.array([50.0, 1.0, 0.0]), jnp.array([0.6, 0.0, 0.8]), rigidity=RIGIDITY,
        path_length=300.0, num_samples=60,
    )  # fmt: skip
    strength = np.linalg.norm(jax.vmap(bottle)(track.position), axis=1)
    np.testing.assert_allclose(track.cosine**2 + track.moment * strength, 1, atol=1e-6)
    assert np.any(track.cosine < -0.3)
    assert np.any(track.cosine > 0.3)


@pytest.mark.slow
def test_bounce_points_of_a_bottle():
    # a particle turns where B = B_start / (1 - mu²), at the closed form of the field on its axis
    bottle = fields.MirrorChainField(
        minimum=3.0, left_mirror=9.0, right_mirror=9.0, length=400.0, num_bottles=1
    )
    mu = 0.5
    n = jnp.array([[mu, 0.0, np.sqrt(1 - mu**2)]])
    # the gyrocentre starts on the axis: particle at r_L sin(pitch) from it
    start = jnp.array([200.0, np.sqrt(1 - mu**2), 0.0])
    exits = orbits.record_tracks(
        bottle, start, n, rigidity=RIGIDITY, path_length=1500.0, num_samples=3000,
        pusher=orbits.BlanesMoan4(0.25),
    )  # fmt: skip
    full = np.abs(np.asarray(exits.position[:, 0, 0]) - 200).max()
    x = np.linspace(200, 400, 200_001)
    on_axis = jax.vmap(bottle)(jnp.stack([jnp.asarray(x), 0 * x, 0 * x], axis=1))[:, 0]
    turning = x[np.argmax(np.asarray(on_axis) > 3.0 / (1 - mu**2))] - 200
    # finite gyroradius: of order r_L = 1 pc over the scale, a few tenths of a per cent of 60 pc
    assert full == pytest.approx(turning, rel=0.02)
    track = orbits.trace_guiding_center(
        bottle, start, n[0], rigidity=RIGIDITY, path_length=1500.0, num_samples=3000
    )
    assert np.abs(track.position[:, 0] - 200).max() == pytest.approx(turning, rel=0.005)


@pytest.mark.slow  # twenty seconds
def test_difference_from_the_full_orbit_falls_with_the_gyroradius():
    # same place and path in units of the scale, rms over the phase of the gyration at the start
    phase = np.arange(6) * np.pi / 3
    n = jnp.asarray(np.stack([0.8 * np.cos(phase), np.full(6, 0.6), 0.8 * np.sin(phase)], axis=1))
    errors = []
    for scale in (50.0, 100.0, 200.0):
        field = toroidal(scale)
        start, path = jnp.array([scale, 0.0, 0.0]), 0.3 * scale
        exits = orbits.trace_ensemble(
            field, start, n, rigidity=RIGIDITY, stop=orbits.PathLength(path),
            pusher=orbits.BlanesMoan4(0.1),
        )  # fmt: skip
        apart = []
        for x, v, first in zip(exits.position, exits.direction, n, strict=True):
            track = orbits.trace_guiding_center(
                field, start, first, rigidity=RIGIDITY, path_length=path, num_samples=1
            )
            strength = np.asarray(field(x))
            center = x + units.GYRORADIUS * RIGIDITY / np.sum(strength**2) * np.cross(v, strength)
            apart.append(np.asarray(center - track.position[-1]) / scale)
        unit = strength / np.linalg.norm(strength)
        along = np.array(apart) @ unit
        across = np.array(apart) - along[:, None] * unit
        errors.append([np.sqrt(np.mean(along**2)), np.sqrt(np.mean(np.sum(across**2, axis=1)))])
    orders = np.log2(np.array(errors[:-1]) / errors[1:])
    # along the field of first order, as the cosine at the start is; across it of second
    assert np.all(np.abs(orders[:, 0] - 1) < 0.3), orders
    assert np.all(np.abs(orders[:, 1] - 2) < 0.4), orders


@pytest.mark.slow
def test_the_pusher_equals_the_guiding_centre_where_it_is_valid():
    field = toroidal(400.0)
    start, n = jnp.array([400.0, 0.0, 0.0]), jnp.array([0.0, 0.6, 0.8])
    exits = orbits.trace_ensemble(
        field, start, n[None], rigidity=RIGIDITY, stop=orbits.PathLength(300.0),
        pusher=orbits.GuidingCenter(),
    )  # fmt: skip
    full = orbits.trace_ensemble(
        field, start, n[None], rigidity=RIGIDITY, stop=orbits.PathLength(300.0),
        pusher=orbits.BlanesMoan4(0.1),
    )  # fmt: skip
    # within a gyroradius (the phase is of first order), with a tenth of the steps
    assert np.linalg.norm(exits.position[0] - full.position[0]) < 0.5
    assert int(exits.num_steps[0]) < int(full.num_steps[0]) / 20


@pytest.mark.slow
def test_it_follows_full_orbits_where_the_field_is_rough():
    grid = fields.realise_grid(
        fields.PowerLaw(5 / 3, outer_scale=6.0, inner_scale=2.0),
        key=jax.random.key(1),
        shape=(16, 16, 16),
        spacing=0.5,
        rms=3.0,
        stencil=fields.CubicSpline(),
    )
    n = jnp.array([[0.6, 0.0, 0.8]])
    exits, full = (
        orbits.trace_ensemble(
            grid, jnp.zeros(3), n, rigidity=RIGIDITY, stop=orbits.PathLength(2.0), pusher=pusher
        )
        for pusher in (orbits.GuidingCenter(), orbits.BlanesMoan4(0.05))
    )
    # Boris steps of a tenth of the local gyroradius
    np.testing.assert_allclose(exits.position, full.position, atol=0.02)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: orbits.GuidingCenter(2.0), r"threshold: expected a number in \[0, 1\)"),
        (lambda: orbits.GuidingCenter(step_share=0.0), r"step_share: expected .* in \(0, 1\]"),
        (
            lambda: orbits.trace_ensemble(
                sheared(9.0), jnp.zeros(3), jnp.array([[1.0, 0.0, 0.0]]), rigidity=1.0,
                stop=orbits.PathLength(1.0), pusher=orbits.GuidingCenter(), rest_rigidity=1.0,
            ),
            "electric, rest_rigidity: expected neither",
        ),
    ],
)  # fmt: skip
def test_bad_input(call, message):
    with pytest.raises(ValueError, match=message):
        call()
