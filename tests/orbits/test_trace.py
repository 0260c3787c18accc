"""One orbit through diffrax: helix, exits, all of JAX's transformations."""

import diffrax
import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcr import fields, orbits, units
from jaxcr.orbits.exits import LEFT_BOX, NOT_FINITE, REACHED, STARTED_OUTSIDE, TOO_LONG

RIGIDITY = 3.0 / units.GYRORADIUS  # gyroradius 1 pc in 3 µG


@pytest.fixture(scope="module")
def uniform():
    return fields.UniformField(jnp.array([0.0, 0.0, 3.0]))


@pytest.fixture(scope="module")
def turbulent():
    grid = fields.realise_grid(
        fields.PowerLaw(5 / 3, outer_scale=6.0, inner_scale=2.0),
        key=jax.random.key(1),
        shape=(16, 16, 16),
        spacing=0.5,
        rms=3.0,
        stencil=fields.CubicSpline(),
        storage=jnp.float64,
    )
    return fields.UniformField(jnp.array([3.0, 0.0, 0.0])) + grid


@pytest.fixture(scope="module")
def waves():
    """A cheap smooth field for derivatives: adjoints of a grid add up whole grids."""
    turbulence = fields.realise_waves(
        fields.PowerLaw(5 / 3, outer_scale=6.0, inner_scale=2.0),
        key=jax.random.key(1),
        num_waves=10,
        rms=3.0,
    )
    return fields.UniformField(jnp.array([3.0, 0.0, 0.0])) + turbulence


def directions(num):
    n = np.random.default_rng(5).standard_normal((num, 3))
    return jnp.asarray(n / np.linalg.norm(n, axis=1, keepdims=True))


@pytest.mark.parametrize("solver", [diffrax.Tsit5(), diffrax.Dopri8()], ids=["Tsit5", "Dopri8"])
def test_helix(uniform, solver):
    # positive charge, B along z, r_L = 1 pc: n turns clockwise, n = (cos s, -sin s) across
    start = jnp.array([0.6, 0.0, 0.8])
    orbit = orbits.trace(
        uniform,
        jnp.zeros(3),
        start,
        rigidity=RIGIDITY,
        stop=orbits.PathLength(10.0),
        solver=solver,
        rtol=1e-10,
        atol=1e-12,
    )
    s = 10.0
    # tolerance 1e-10 per step over 10 rad
    np.testing.assert_allclose(orbit.direction, [0.6 * np.cos(s), -0.6 * np.sin(s), 0.8], atol=2e-8)
    expected = [0.6 * np.sin(s), -0.6 * (1 - np.cos(s)), 0.8 * s]
    np.testing.assert_allclose(orbit.position, expected, atol=2e-8)
    assert orbit.status == REACHED
    assert orbit.path_length == 10.0


def test_dense_output_follows_the_orbit(uniform):
    orbit = orbits.trace(
        uniform,
        jnp.zeros(3),
        jnp.array([1.0, 0.0, 0.0]),
        rigidity=RIGIDITY,
        stop=orbits.PathLength(6.0),
        dense=True,
    )
    position, direction = orbit.interpolation(2.5)
    # the interpolant is of fourth order on steps of tolerance 1e-7
    np.testing.assert_allclose(direction, [np.cos(2.5), -np.sin(2.5), 0], atol=1e-5)
    np.testing.assert_allclose(position, [np.sin(2.5), np.cos(2.5) - 1, 0], atol=1e-5)


@pytest.mark.slow
def test_a_thousand_particles_end_on_the_sphere(turbulent):
    def one(n):
        return orbits.trace(
            turbulent,
            jnp.zeros(3),
            n,
            rigidity=RIGIDITY,
            stop=orbits.Sphere(2.0),
            rtol=1e-5,
            atol=1e-7,
        )

    out = jax.jit(jax.vmap(one))(directions(1000))
    assert np.all(out.status == REACHED)
    # polished to round-off by three Newton steps
    np.testing.assert_allclose(np.linalg.norm(out.position, axis=1), 2.0, rtol=1e-10)
    ensemble = orbits.trace_ensemble(
        turbulent,
        jnp.zeros(3),
        directions(1000),
        rigidity=RIGIDITY,
        stop=orbits.Sphere(2.0),
        pusher=orbits.DiffraxPusher(rtol=1e-5, atol=1e-7),
    )
    # same solver and tolerance, other step sequences; chaos multiplies 1e-5 by a few e
    apart = np.linalg.norm(out.position - ensemble.position, axis=1)
    assert np.median(apart) < 1e-4
    assert np.quantile(apart, 0.99) < 1e-2


@pytest.mark.slow
def test_gradients_in_both_modes_equal_differences(waves):
    start = directions(1)[0]

    @eqx.filter_jit
    def exit_along(factor, adjoint=None):
        orbit = orbits.trace(
            factor * waves,
            jnp.zeros(3),
            start,
            rigidity=RIGIDITY,
            stop=orbits.Sphere(1.5),
            rtol=1e-9,
            atol=1e-11,
            adjoint=adjoint,
        )
        return orbit.position @ jnp.array([1.0, 2.0, 3.0]) + orbit.direction[0]

    step = 1e-4
    quotient = (exit_along(jnp.asarray(1 + step)) - exit_along(jnp.asarray(1 - step))) / (2 * step)
    reverse = jax.grad(exit_along)(jnp.asarray(1.0))
    # adaptive steps: ten times rtol over the step of the quotient, 1e-4
    np.testing.assert_allclose(reverse, quotient, rtol=1e-4, atol=1e-5)
    forward = jax.jvp(
        lambda x: exit_along(x, diffrax.ForwardMode()), (jnp.asarray(1.0),), (jnp.asarray(1.0),)
    )[1]
    np.testing.assert_allclose(forward, reverse, rtol=1e-6)


@pytest.mark.slow
def test_gradient_under_vmap_and_jit(waves):
    def exit_x(factor, n):
        return orbits.trace(
            factor * waves, jnp.zeros(3), n, rigidity=RIGIDITY, stop=orbits.Sphere(1.5)
        ).position[0]

    start, step = directions(20), 1e-3
    slopes = jax.jit(jax.vmap(jax.grad(exit_x), in_axes=(None, 0)))(jnp.asarray(1.0), start)
    exits = jax.jit(jax.vmap(exit_x, in_axes=(None, 0)))
    quotient = (exits(jnp.asarray(1 + step), start) - exits(jnp.asarray(1 - step), start)) / 2e-3
    # the default tolerance 1e-7 over the step of the quotient
    np.testing.assert_allclose(slopes, quotient, atol=2e-3)


@pytest.mark.slow
def test_an_orbit_that_meets_nothing_says_so(uniform):
    orbit = orbits.trace(
        uniform,
        jnp.zeros(3),
        jnp.array([1.0, 0.0, 0.0]),
        rigidity=RIGIDITY,
        stop=orbits.Sphere(5.0),
        rtol=1e-4,
        atol=1e-6,
    )
    assert orbit.status == TOO_LONG  # a circle of radius 1 about (0, -1)
    assert np.all(np.isfinite(orbit.position))


def test_statuses_tell_what_happened_and_the_state_stays_finite(uniform, hole):
    for field, start, status in (
        (hole, jnp.zeros(3), NOT_FINITE),
        (uniform, jnp.full(3, 9.0), STARTED_OUTSIDE),
    ):
        orbit = orbits.trace(
            field,
            start,
            jnp.array([1.0, 0.0, 0.0]),
            rigidity=RIGIDITY,
            stop=orbits.Sphere(5.0),
            rtol=1e-4,
            atol=1e-6,
        )
        assert orbit.status == status
        assert np.all(np.isfinite(orbit.position))
        assert np.all(np.isfinite(orbit.direction))


def test_several_surfaces_are_for_the_ensemble(uniform):
    with pytest.raises(ValueError, match=r"one radius or length, got 2. Use trace_ensemble"):
        orbits.trace(
            uniform,
            jnp.zeros(3),
            jnp.array([1.0, 0.0, 0.0]),
            rigidity=1.0,
            stop=orbits.Sphere(jnp.array([1.0, 2.0])),
        )


@pytest.mark.slow
def test_lanes_of_vmap_end_each_in_its_way(uniform):
    # one is trapped on its circle of 1 pc, one goes straight up, one on a helix
    n = jnp.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.6, 0.0, 0.8]])

    def one(n):
        return orbits.trace(
            uniform, jnp.zeros(3), n, rigidity=RIGIDITY, stop=orbits.Sphere(5.0),
            rtol=1e-4, atol=1e-6,
        )  # fmt: skip

    out = jax.vmap(one)(n)
    assert list(out.status) == [TOO_LONG, REACHED, REACHED]
    assert float(out.path_length[1]) == pytest.approx(5.0, rel=1e-12)
    np.testing.assert_allclose(np.linalg.norm(out.position[1:], axis=1), 5.0, rtol=1e-12)


@pytest.mark.parametrize("rtol", [pytest.param(1e-3, marks=pytest.mark.slow), 1e-7])
def test_an_orbit_beyond_a_stop_for_less_than_a_step_has_met_it(rtol):
    # The circle reaches 2 pc, where it is beyond 1.9998 pc for 0.06 rad; steps are longer.
    orbit = orbits.trace(
        fields.UniformField(jnp.array([0.0, 0.0, 1.0])),
        jnp.zeros(3),
        jnp.array([1.0, 0.0, 0.0]),
        rigidity=1 / units.GYRORADIUS,
        stop=orbits.Sphere(1.9998, about_start=True),
        rtol=rtol,
        atol=rtol / 100,
    )
    assert orbit.status == REACHED
    # 2 arcsin(R/2); its slope by the radius, 71, times the tolerance over three steps
    assert float(orbit.path_length) == pytest.approx(2 * np.arcsin(0.9999), abs=100 * rtol)
    assert np.linalg.norm(orbit.position) == pytest.approx(1.9998, rel=1e-10)


@pytest.mark.parametrize(
    "stop", [orbits.Sphere(3.6), pytest.param(orbits.PathLength(9.0), marks=pytest.mark.slow)]
)
def test_an_orbit_ends_where_a_clamped_grid_does(stop):
    grid = fields.GridField(
        jnp.ones((8, 8, 8, 3)) * 1e-3, spacing=0.5, origin=jnp.full(3, -2.0),
        boundary=fields.Clamped(),
    )  # fmt: skip
    n = jnp.array([1.0, 0.0, 0.0])
    orbit = orbits.trace(grid, jnp.zeros(3), n, rigidity=RIGIDITY, stop=stop)
    assert orbit.status == LEFT_BOX
    inside = orbits.trace(grid, jnp.zeros(3), n, rigidity=RIGIDITY, stop=orbits.Sphere(1.5))
    assert inside.status == REACHED


def test_forward_mode_without_its_adjoint_is_refused_by_name():
    def exit_x(rigidity):
        orbit = orbits.trace(
            fields.UniformField(jnp.array([1.0, 0.0, 0.5])), jnp.zeros(3),
            jnp.array([0.0, 1.0, 0.0]), rigidity=rigidity, stop=orbits.PathLength(3.0),
        )  # fmt: skip
        return orbit.position[0]

    with pytest.raises(ValueError, match=r"jax\.jvp.*diffrax\.ForwardMode"):
        jax.jacfwd(exit_x)(2.0)
