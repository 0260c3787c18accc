"""Orbits in fields that change in time, against closed forms and conserved quantities."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcr import fields, orbits, runs, sky, units

RIGIDITY = 3.0 / units.GYRORADIUS  # gyroradius 1 pc in 3 µG
WEAK, STRONG = (fields.UniformField(jnp.array([0.0, 0.0, x])) for x in (1.0, 3.0))
GROWING = fields.FieldSequence([WEAK, STRONG], jnp.array([0.0, 8.0]))
WAVES = fields.WaveField(
    jnp.array([[0.1, 0.0, 0.05], [0.0, 0.15, 0.0]]),
    jnp.array([0.1, 0.7]),
    jnp.array([[0.0, 2.0, 0.0], [1.5, 0.0, 1.5]]),
)
U = jnp.array([0.2, -0.1, 0.15])
N = np.random.default_rng(0).standard_normal((5, 3))
N = jnp.asarray(N / np.linalg.norm(N, axis=1, keepdims=True))
ADAPTIVE = orbits.DiffraxPusher(rtol=1e-10, atol=1e-10)


def trace(field, stop, pusher, **options):
    options = {"direction": N, "position": jnp.zeros(3)} | options
    return orbits.trace_ensemble(field, rigidity=RIGIDITY, stop=stop, pusher=pusher, **options)


def turned(path):
    """Return the direction after a path in GROWING: turned by the integral of B over 3."""
    angle = (path + path**2 / 8) / 3
    cos, sin = np.cos(angle), np.sin(angle)
    x, y, z = N.T
    return np.stack([x * cos + y * sin, y * cos - x * sin, z], axis=-1)


PATHS = orbits.PathLength(jnp.array([3.333, 7.0]))
LANES = orbits.Sphere(2.5)


@pytest.mark.parametrize(
    ("pusher", "stop", "atol"),
    [
        (ADAPTIVE, LANES, 1e-8),
        # (h/r)²/12 of the phase
        pytest.param(orbits.Boris(0.02), LANES, 2e-4, marks=pytest.mark.slow),
        pytest.param(orbits.Boris(0.02), PATHS, 2e-4, marks=pytest.mark.slow),
        # B halfway is the mean of a field linear in time
        pytest.param(orbits.Strang(0.05), LANES, 1e-12, marks=pytest.mark.slow),
        pytest.param(orbits.Strang(0.05), PATHS, 1e-12, marks=pytest.mark.slow),
        pytest.param(orbits.BlanesMoan4(0.05), PATHS, 1e-12, marks=pytest.mark.slow),
        pytest.param(ADAPTIVE, PATHS, 1e-8, marks=pytest.mark.slow),
        pytest.param(orbits.BulirschStoer(), PATHS, 1e-4, marks=pytest.mark.slow),
    ],
)
def test_a_growing_uniform_field_turns_by_its_integral(pusher, stop, atol):
    # Without an electric field |u| stays. Steps to the stops are shorter than the others.
    exits = trace(GROWING, stop, pusher)
    assert np.all(exits.met)
    for found, path in zip(
        exits.direction.reshape(-1, 5, 3), exits.path_length.reshape(-1, 5), strict=True
    ):
        np.testing.assert_allclose(found, turned(np.asarray(path)), atol=atol)


def test_single_orbits_count_their_path_from_the_start():
    orbit = orbits.trace(
        GROWING, jnp.ones(3), N[0], rigidity=RIGIDITY, stop=orbits.PathLength(7.0), dense=True
    )
    np.testing.assert_allclose(orbit.direction, turned(7.0)[0], atol=1e-6)
    np.testing.assert_allclose(orbit.interpolation(3.0)[1], turned(3.0)[0], atol=1e-4)


@pytest.mark.slow
def test_single_orbits_end_on_a_sphere():
    orbit = orbits.trace(
        GROWING, jnp.zeros(3), N[0], rigidity=RIGIDITY, stop=orbits.Sphere(2.5),
        solver=orbits.BulirschStoer(),
    )  # fmt: skip
    np.testing.assert_allclose(orbit.direction, turned(float(orbit.path_length))[0], atol=1e-6)
    np.testing.assert_allclose(jnp.linalg.norm(orbit.position), 2.5, rtol=1e-12)


def comoving_energy(exits, mass):
    """Return E - u·p over the momentum at the start: times gamma the energy in the frame of u."""
    p = np.asarray(exits.direction)
    return np.sqrt(np.sum(p**2, axis=-1) + mass**2) - p @ np.asarray(U)


MOVING = fields.MovingField(WAVES, U)
MOTIONAL = fields.MotionalField(fields.UniformField(U), MOVING)


def test_a_field_carried_along_conserves_the_energy_in_its_own_frame():
    # B(x - ut) and -u × B are, for every u, the boost of a static magnetic field: d(E - u·p)/ds
    # = E·v - u·(E + v × B) = 0, whatever B. In our frame the energy changes by u·dp.
    stop, mass = orbits.PathLength(20.0), 0.7
    options = {"electric": MOTIONAL, "rest_rigidity": mass * RIGIDITY}
    start = np.sqrt(1 + mass**2) - np.asarray(N @ U)
    exits = [trace(MOVING, stop, orbits.Boris(x), **options) for x in (0.1, 0.05)]
    # of second order, in time as well: half the step, a quarter of the error
    errors = [np.abs(comoving_energy(x, mass) - start).max() for x in exits]
    assert 3 < errors[0] / errors[1] < 5.5
    assert errors[1] < 1e-3
    # it does change here, by as much as u: nothing of the above holds by itself
    assert np.ptp(np.linalg.norm(exits[1].direction, axis=-1)) > 0.05


@pytest.mark.slow
def test_to_the_tolerance_of_a_solver_and_in_no_other_field():
    stop, mass = orbits.PathLength(20.0), 0.7
    start = np.sqrt(1 + mass**2) - np.asarray(N @ U)
    exits = trace(MOVING, stop, ADAPTIVE, electric=MOTIONAL, rest_rigidity=mass * RIGIDITY)
    np.testing.assert_allclose(comoving_energy(exits, mass), start, rtol=1e-7)
    start = 1 - np.asarray(N @ U)
    exits = trace(MOVING, stop, ADAPTIVE, electric=MOTIONAL)
    np.testing.assert_allclose(comoving_energy(exits, 0), start, rtol=1e-7)
    exits = trace(WAVES, stop, ADAPTIVE, electric=MOTIONAL)
    assert np.abs(comoving_energy(exits, 0) - start).max() > 1e-2


@pytest.mark.slow
def test_equal_snapshots_are_the_static_field():
    still = fields.FieldSequence([WAVES, WAVES], jnp.array([0.0, 8.0]))
    a, b = (trace(x, orbits.PathLength(9.0), orbits.Boris(0.1)) for x in (WAVES, still))
    # (1 - w) B + w B is B to round-off
    np.testing.assert_allclose(a.position, b.position, atol=1e-12)
    np.testing.assert_allclose(a.direction, b.direction, atol=1e-12)


def test_the_way_back_meets_the_times_of_the_way_there():
    # By a factor on the field the angle, and by the length B at the end: closed forms.
    def end(factor, length):
        return trace(factor * GROWING, orbits.PathLength(length), orbits.Strang(0.05)).direction[0]

    factor, length = jnp.array(1.0), jnp.array(7.03)
    x, y, _ = turned(7.03)[0]
    slope = jax.jit(jax.jacrev(end, argnums=(0, 1)))(factor, length)
    across = np.array([y, -x, 0.0])
    np.testing.assert_allclose(slope[0], across * (7.03 + 7.03**2 / 8) / 3, atol=1e-10)
    np.testing.assert_allclose(slope[1], across * (1 + 7.03 / 4) / 3, atol=1e-10)


@pytest.mark.slow
@pytest.mark.parametrize("pusher", [orbits.Boris(0.15), orbits.DiffraxPusher()])
def test_both_modes_through_a_field_in_time(pusher):
    def number(theta):
        strength, factor, speed, length = theta
        up = fields.UniformField(jnp.array([0.0, 0.5, 2.0]))
        times = jnp.stack([jnp.zeros(()), 5 * strength])
        b = fields.FieldSequence([up * strength, up * factor], times)
        electric = 0.2 * fields.MovingField(WAVES, speed * U)
        exits = trace(b, orbits.Sphere(length), pusher, electric=electric)
        return jnp.sum(exits.position[..., 0]) / 5 + jnp.mean(exits.direction**2)

    theta = jnp.array([1.0, 1.5, 0.7, 3.0])
    backward = jax.jit(jax.grad(number))(theta)
    forward = jax.jit(jax.jacfwd(number))(theta)
    np.testing.assert_allclose(forward, backward, rtol=1e-9, atol=1e-12)
    step, value = 1e-6, jax.jit(number)
    expected = [(value(theta + step * e) - value(theta - step * e)) / (2 * step) for e in np.eye(4)]
    # round-off over the step; steps that adapt change with theta, within the tolerance
    rtol = 1e-6 if isinstance(pusher, orbits.Boris) else 2e-2
    np.testing.assert_allclose(backward, expected, rtol=rtol)


def test_a_program_of_static_fields_has_no_time_in_it():
    motion = orbits.Lorentz(WAVES, jnp.asarray(RIGIDITY), WAVES)
    assert motion.at(jnp.asarray(3.0)) is motion
    assert motion.after(jnp.asarray(3.0)) is motion


STOP = orbits.PathLength(1.0)
WANT_STATIC = {
    "backtrack": lambda f: sky.backtrack(
        f, observer=jnp.zeros(3), nside=1, rigidity=1.0, stop=STOP
    ),
    "OrbitRun": lambda f: runs.OrbitRun(
        f, rigidity=1.0, stop=STOP, key=jax.random.key(0), num_orbits=1024
    ),
    "record_tracks": lambda f: orbits.record_tracks(
        f, jnp.zeros(3), N, rigidity=1.0, path_length=1.0, num_samples=2
    ),
    "trace_guiding_center": lambda f: orbits.trace_guiding_center(
        f, jnp.zeros(3), N[0], rigidity=1.0, path_length=1.0, num_samples=2
    ),
    "GuidingCenter": lambda f: trace(f, STOP, orbits.GuidingCenter()),
    "phase_space_jacobian": lambda f: orbits.phase_space_jacobian(
        f, jnp.zeros(3), N[0], rigidity=1.0, path_length=1.0, num_steps=2
    ),
}


@pytest.mark.parametrize("name", WANT_STATIC)
def test_what_needs_a_static_field_says_so(name):
    with pytest.raises(ValueError, match=rf"{name}: field: expected a static field"):
        WANT_STATIC[name](GROWING)
