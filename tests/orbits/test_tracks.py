"""Tracks: equal intervals along a helix, any number of particles and devices, joined ones."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcr import fields, orbits, units

RIGIDITY = 3.0 / units.GYRORADIUS
UP = fields.UniformField(jnp.array([0.0, 0.0, 3.0]))


def directions(num):
    n = np.random.default_rng(5).standard_normal((num, 3))
    return jnp.asarray(n / np.linalg.norm(n, axis=1, keepdims=True))


def record(n, **options):
    return orbits.record_tracks(
        UP, jnp.zeros(3), n,
        **{"rigidity": RIGIDITY, "path_length": 6.0, "num_samples": 12,
           "pusher": orbits.Strang(0.13), **options},
    )  # fmt: skip


def test_samples_lie_on_the_helix():
    tracks = record(jnp.array([[0.6, 0.0, 0.8]]))
    s = np.arange(13) * 0.5
    np.testing.assert_allclose(tracks.path, s, rtol=1e-14)
    # the direction is exact; the circle smaller by h²/12, h = .5/4
    expected = np.stack([0.6 * np.cos(s), -0.6 * np.sin(s), np.full(13, 0.8)], axis=1)
    np.testing.assert_allclose(tracks.direction[:, 0], expected, atol=1e-13)
    expected = np.stack([0.6 * np.sin(s), 0.6 * (np.cos(s) - 1), 0.8 * s], axis=1)
    np.testing.assert_allclose(tracks.position[:, 0], expected, atol=0.6 * 0.125**2 / 12 * 2.1)


def test_particles_do_not_depend_on_their_company():
    n = directions(300)  # more than one block, and a remainder
    together, alone = record(n), record(n[290:291])
    np.testing.assert_allclose(together.position[:, 290], alone.position[:, 0], atol=1e-13)
    assert together.num_particles == 300


def test_the_last_sample_is_the_exit():
    n = directions(7)
    exits = orbits.trace_ensemble(
        UP, jnp.zeros(3), n, rigidity=RIGIDITY, stop=orbits.PathLength(6.0),
        pusher=orbits.Strang(0.125),
    )  # fmt: skip
    tracks = record(n, pusher=orbits.Strang(0.125))
    np.testing.assert_allclose(tracks.position[-1], exits.position, atol=1e-12)


def test_derivative_by_rigidity():
    def end(rigidity):
        return record(directions(3), rigidity=rigidity).position[-1]

    slope = jax.jvp(end, (jnp.asarray(RIGIDITY),), (jnp.asarray(1.0),))[1]
    step = 1e-5
    quotient = (end(RIGIDITY + step) - end(RIGIDITY - step)) / (2 * step)
    np.testing.assert_allclose(slope, quotient, atol=1e-8)


def test_joined_tracks_are_one_after_another():
    first, second = record(directions(4)), record(-directions(4))
    both = orbits.join_tracks([first, second])
    np.testing.assert_array_equal(both.position[:, 4:], second.position)
    with pytest.raises(ValueError, match=r"tracks with the same samples, got \[13, 5\]"):
        orbits.join_tracks([first, record(directions(4), num_samples=4)])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"path_length": -1.0}, "record_tracks: path_length: expected a positive number, got -1"),
        ({"num_samples": 0}, "num_samples: expected a number >= 1, got 0"),
        ({"path_length": np.inf}, "path_length: expected a positive number, got inf"),
        ({"path_length": 1e9}, "path_length, over the step: expected at most 1e\\+07 steps"),
        (
            {"pusher": orbits.DiffraxPusher()},
            "pusher: expected a FixedStepPusher or None, got DiffraxPusher",
        ),
    ],
)
def test_bad_input(options, message):
    with pytest.raises(ValueError, match=message):
        record(directions(2), **options)


def test_orbits_that_leave_a_clamped_grid_are_left_out_and_too_many_refused():
    samples = jnp.ones((8, 8, 8, 3)) * 1e-3
    grid = fields.GridField(
        samples, spacing=0.5, origin=jnp.full(3, -2.0), boundary=fields.Clamped()
    )
    options = {"rigidity": RIGIDITY, "num_samples": 6, "pusher": orbits.Boris(0.1)}
    out = orbits.record_tracks(grid, jnp.zeros(3), directions(8), path_length=6.0, **options)
    assert list(out.status) == [5] * 8
    assert np.all(np.isfinite(out.position[:2]))
    assert np.all(np.isnan(out.position[-1]))
    assert out.num_left_out == 8
    for measure in (orbits.running_diffusion, orbits.mean_free_path):
        with pytest.raises(ValueError, match=r"got 8 of 8\. Start further inside"):
            measure(out, num_groups=2)
    inside = orbits.record_tracks(grid, jnp.zeros(3), directions(8), path_length=1.5, **options)
    assert list(inside.status) == [0] * 8


def test_single_precision_far_from_the_origin():
    # The reported case: steps of 4e-4 pc where coordinates are 1e-3 pc apart; z = n_z s exactly.
    n = jnp.array([[0.6, 0.0, 0.8]], jnp.float32)
    far = jnp.full(3, 8500.0, jnp.float32)
    field = fields.UniformField(jnp.array([0.0, 0.0, 3.0], jnp.float32))
    options = {"rigidity": 0.01, "path_length": 5.0}
    tracks = orbits.record_tracks(field, far, n, num_samples=2, **options)
    exits = orbits.trace_ensemble(
        field, far, n, rigidity=0.01, stop=orbits.PathLength(5.0), pusher=orbits.Boris(5 / 20_000)
    )
    moved = [tracks.displacement[-1, 0, 2], exits.position[0, 2] - far[2]]
    # 20,000 sums, each rounded by 1.2e-7 at most, and the rounding of the result, 5e-4 pc
    np.testing.assert_allclose(moved, 4.0, atol=3e-3)
