"""Boxes, any-of and each-of: where orbits end, which surface that was, and bad ones."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcr import fields, orbits, units
from jaxcr.orbits.exits import LEFT_BOX, REACHED, TOO_LONG
from jaxcr.orbits.stops import check_stop

RIGIDITY = 3.0 / units.GYRORADIUS
UP = fields.UniformField(jnp.array([0.0, 0.0, 3.0]))
STRAIGHT = fields.UniformField(jnp.zeros(3))


def directions(num):
    n = np.random.default_rng(5).standard_normal((num, 3))
    return jnp.asarray(n / np.linalg.norm(n, axis=1, keepdims=True))


def end(field, stop, n=None, **options):
    return orbits.trace_ensemble(
        field,
        jnp.zeros(3),
        directions(40) if n is None else n,
        rigidity=RIGIDITY,
        stop=stop,
        pusher=orbits.Boris(0.1),
        **options,
    )


def test_straight_lines_leave_a_box_where_geometry_says():
    lower, upper = jnp.array([-1.0, -2.0, -3.0]), jnp.array([1.5, 2.5, 3.5])
    n = np.asarray(directions(40))
    exits = end(STRAIGHT, orbits.Box(lower, upper))
    walls = np.where(n > 0, upper, lower)
    length = np.min(walls / n, axis=1)
    np.testing.assert_allclose(exits.path_length, length, rtol=1e-12)
    np.testing.assert_allclose(exits.position, length[:, None] * n, rtol=1e-11, atol=1e-12)


def test_derivative_of_an_exit_through_a_face():
    def x(width):
        box = orbits.Box(jnp.full(3, -9.0), jnp.array([9.0, 9.0, 1.0]) * width)
        return end(STRAIGHT, box, jnp.array([[0.6, 0.0, 0.8]])).position[0]

    slope = jax.jvp(x, (jnp.asarray(1.0),), (jnp.asarray(1.0),))[1]
    np.testing.assert_allclose(slope, [0.75, 0.0, 1.0], atol=1e-12)


def test_any_of_ends_at_the_first_and_tells_which():
    stop = orbits.AnyOf(orbits.Sphere(1.5), orbits.PathLength(1.6))
    exits = end(UP, stop)
    which = jax.vmap(stop.which, in_axes=(0, None, 0))(
        exits.position, jnp.zeros(3), exits.path_length
    )
    away = np.linalg.norm(exits.position, axis=1)
    assert 0 < np.sum(which == 0) < 40
    np.testing.assert_allclose(away[which == 0], 1.5, rtol=1e-12)
    assert np.all(exits.path_length[which == 0] < 1.6)
    np.testing.assert_allclose(exits.path_length[which == 1], 1.6, rtol=1e-12)
    assert np.all(away[which == 1] < 1.5)


@pytest.mark.slow
def test_each_of_records_radii_and_lengths_in_one_pass():
    stop = orbits.EachOf(orbits.Sphere(jnp.array([0.5, 1.0])), orbits.PathLength(4.0))
    exits = end(UP, stop)
    assert exits.position.shape == (3, 40, 3)
    assert np.all(exits.status == REACHED)
    for row, alone in enumerate((orbits.Sphere(0.5), orbits.Sphere(1.0), orbits.PathLength(4.0))):
        np.testing.assert_allclose(exits.position[row], end(UP, alone).position, atol=1e-11)


LOOP = fields.UniformField(jnp.array([0.0, 0.0, 1.0]))
ONE_PC = 1 / units.GYRORADIUS  # rigidity of a gyroradius of 1 pc in 1 µG


@pytest.mark.parametrize(
    "stop",
    [
        orbits.Sphere(1.9998, about_start=True),
        orbits.Sphere(jnp.array([1.0, 1.9998])),
        orbits.Box(jnp.array([-3.0, -1.9998, -3.0]), jnp.full(3, 3.0)),
        orbits.AnyOf(orbits.PathLength(9.0), orbits.Sphere(1.9998)),
        orbits.EachOf(orbits.Sphere(1.9998), orbits.PathLength(5.0)),
    ],
    ids=["sphere", "radii", "box", "any", "each"],
)
def test_an_orbit_beyond_a_stop_for_less_than_a_step_has_met_it(stop):
    # A circle through the start reaches 2 r_L, where it is beyond 1.9998 for 0.04 or 0.06 rad;
    # steps are 0.1 rad: of the chord 2 sin(s/2), or of the distance 1 - cos(s) to a face.
    exits = orbits.trace_ensemble(
        LOOP, jnp.zeros(3), jnp.array([[1.0, 0.0, 0.0]]), rigidity=ONE_PC, stop=stop
    )
    expected = 2 * np.arcsin(0.9999) if not isinstance(stop, orbits.Box) else np.arccos(-0.9998)
    several = (0, 0) if isinstance(stop, orbits.EachOf) else (1, 0)
    assert np.all(exits.status == REACHED)
    # Boris lags by h²/12 of the phase, 1e-3 of it
    assert float(exits.path_length[several if stop.shape else (0,)]) == pytest.approx(
        float(expected), rel=1e-3
    )


@pytest.mark.parametrize(
    "pusher",
    [
        orbits.Strang(0.5),
        pytest.param(orbits.BlanesMoan4(0.5), marks=pytest.mark.slow),
    ],
)
def test_no_orbit_ends_later_than_its_own_steps_cross(pusher):
    rng = np.random.default_rng(2)
    n, x = directions(400), jnp.asarray(rng.uniform(-0.8, 0.8, (400, 3)))
    exits = orbits.trace_ensemble(
        LOOP, x, n, rigidity=ONE_PC, stop=orbits.Sphere(1.5), pusher=pusher
    )
    motion = orbits.Lorentz(LOOP, jnp.asarray(ONE_PC))
    parts = jnp.linspace(0, 0.5, 33)[1:]

    @jax.jit
    @jax.vmap
    def first_crossing(x, n):
        def step(state, _):
            within = jax.vmap(lambda part: pusher.advance(motion, *state, part)[0])(parts)
            # the top is found to 1e-3 of the step, its level to 1e-7 pc
            return pusher.advance(motion, *state, parts[-1]), jnp.linalg.norm(within, axis=1)

        distance = jax.lax.scan(step, (x, n), length=100)[1].ravel()
        beyond = distance > 1.5 + 1e-5
        return jnp.where(
            jnp.any(beyond), (jnp.argmax(beyond) + 1).astype(float) * parts[0], jnp.inf
        )

    crossed = np.asarray(first_crossing(x, n))
    ended = np.where(np.asarray(exits.status) == REACHED, exits.path_length, np.inf)
    assert np.sum(np.isfinite(crossed)) > 300
    assert np.sum(ended > crossed) == 0


def test_adaptive_steps_cross_where_the_helix_does():
    # Where the circle across the axis passes the face by 1e-3 pc or more, the tolerance allows
    # no later gyration.
    n = directions(400)
    stop = orbits.Box(jnp.array([-9.0, -1.0, -99.0]), jnp.array([9.0, 9.0, 99.0]))
    exits = orbits.trace_ensemble(
        LOOP, jnp.zeros(3), n, rigidity=ONE_PC, stop=stop,
        pusher=orbits.DiffraxPusher(rtol=1e-4), max_path_length=50.0,
    )  # fmt: skip
    across = np.hypot(n[:, 0], n[:, 1])
    lowest = -n[:, 0] - across
    reaches = lowest < -1.001
    assert 50 < np.sum(reaches) < 350
    assert np.all(exits.path_length[reaches] < 2 * np.pi)


def test_the_derivative_of_an_exit_within_a_step():
    def path(radius):
        stop = orbits.Sphere(radius)
        n = jnp.array([[1.0, 0.0, 0.0]])
        return orbits.trace_ensemble(LOOP, jnp.zeros(3), n, rigidity=ONE_PC, stop=stop).path_length[
            0
        ]

    slope = jax.jvp(path, (jnp.asarray(1.9998),), (jnp.asarray(1.0),))[1]
    # d/dR 2 arcsin(R/2) = 1/sqrt(1 - R²/4) = 70.7, less well known so near the top
    assert slope == pytest.approx(1 / np.sqrt(1 - 0.9999**2), rel=0.1)
    step = 1e-6
    quotient = (path(1.9998 + step) - path(1.9998 - step)) / (2 * step)
    assert slope == pytest.approx(float(quotient), rel=1e-4)


def test_what_was_met_counts_even_when_the_orbit_never_ended():
    # circles of radius 1 about the origin's neighbour stay within 2
    stop = orbits.EachOf(orbits.Sphere(1.0), orbits.Sphere(5.0))
    exits = end(UP, stop, jnp.array([[1.0, 0.0, 0.0]]), max_path_length=30.0)
    assert exits.status[0] == TOO_LONG
    assert list(exits.met[:, 0]) == [True, False]
    assert np.linalg.norm(exits.position[0, 0]) == pytest.approx(1.0, rel=1e-12)
    assert "trapped: met no stop within the longest path" in exits.report()
    assert "1 of 1" in exits.report()


def test_orbits_end_where_a_clamped_grid_does():
    samples = jnp.ones((8, 8, 8, 3)) * 1e-3
    inside = fields.GridField(
        samples, spacing=0.5, origin=jnp.full(3, -2.0), boundary=fields.Clamped()
    )
    exits = end(inside, orbits.Sphere(3.6))
    assert np.all(exits.status == LEFT_BOX)
    # the last state before the step that left
    assert np.all(np.abs(exits.position).max(axis=1) <= 2.0)
    assert np.all(np.abs(exits.position).max(axis=1) > 2.0 - 0.11)
    assert np.all(end(inside, orbits.Sphere(1.5)).status == REACHED)
    far = inside.at(jnp.full(3, 10.0), inside.spacing)
    assert np.all(end(far, orbits.Sphere(1.5)).status == LEFT_BOX)
    around = fields.GridField(
        samples, spacing=0.5, origin=jnp.full(3, -2.0), boundary=fields.ZeroOutside()
    )
    assert np.all(end(around, orbits.Sphere(3.6)).status == REACHED)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: orbits.Box(jnp.zeros(3), jnp.zeros(3)),
            "Box: upper - lower: expected a positive number",
        ),
        (lambda: orbits.AnyOf(), "AnyOf: stops: expected at least one stop"),
        (lambda: orbits.AnyOf(orbits.Sphere(jnp.array([1.0, 2.0]))), "with one radius or length"),
        (lambda: orbits.EachOf(), "EachOf: stops: expected at least one stop, got 0"),
        (
            lambda: end(UP, orbits.PathLength(5.0), max_path_length=4.0),
            "max_path_length: expected at least 5 pc, the shortest way to the stop, got 4.0",
        ),
        (lambda: end(UP, orbits.Sphere(1.0), lanes=0), "lanes: expected at least 1, got 0"),
        (lambda: end(UP, orbits.Sphere(1.0), refill_interval=0), "refill_interval"),
        (
            lambda: end(UP, orbits.Sphere(1.0), jnp.array([[1.0, 1.0, 0.0]])),
            "direction: expected unit vectors, got length 1.41421 in row 0",
        ),
        (
            lambda: end(UP, orbits.Sphere(1.0), jnp.array([[jnp.nan, 1.0, 0.0]])),
            "direction: expected unit vectors, got length nan",
        ),
        (
            lambda: orbits.trace_ensemble(
                UP, jnp.zeros(3), directions(2), rigidity=0.0, stop=orbits.Sphere(1.0)
            ),
            "rigidity: expected a rigidity in PV other than 0, got 0",
        ),
        (lambda: orbits.Sphere(1.0, center=[0.0, jnp.nan, 0.0]), "center: expected finite numbers"),
        (lambda: orbits.PathLength(jnp.inf), "PathLength: length: expected a positive number"),
        (lambda: end(UP, orbits.Sphere), "stop: expected a Stop"),
        (lambda: end(UP, orbits.EachOf(orbits.Sphere(1.0), 2.0)), "EachOf: stops: expected a stop"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_a_number_is_no_stop():
    check_stop("trace: stop", orbits.PathLength(6.0))
    with pytest.raises(ValueError, match=r"stop: expected .*PathLength\(length\), got float"):
        check_stop("trace: stop", 6.0)
