"""Derivatives of exits in both modes, by walking back along the orbits."""

import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcr import fields, orbits, units

WAVES = fields.realise_waves(
    fields.PowerLaw(5 / 3, outer_scale=12.0, inner_scale=4.0),
    key=jax.random.key(1), num_waves=20, rms=2.0,
)  # fmt: skip
N = np.random.default_rng(0).standard_normal((7, 3))
N = jnp.asarray(N / np.linalg.norm(N, axis=1, keepdims=True))
LENGTHS = jnp.array([0.4, 1.0])
STOPS = {
    "sphere": lambda size: orbits.Sphere(size),
    "spheres": lambda size: orbits.Sphere(size * LENGTHS),
    "path": lambda size: orbits.PathLength(size),
    "paths": lambda size: orbits.PathLength(size * LENGTHS),
    "box": lambda size: orbits.Box(-jnp.ones(3) * size, jnp.ones(3) * size),
    "first": lambda size: orbits.AnyOf(orbits.Sphere(size), orbits.PathLength(1.2 * size)),
}
# No whole number of steps: past one the derivative jumps by the square of the step.
THETA = jnp.array([10.0, 3.0, 0.5, 5.03, 0.3, 0.1])


def exits(theta, stop="sphere", pusher=None, dtype=float):
    """Return exits by rigidity, mean field, scale of the waves, size, start and direction."""
    rigidity, mean, scale, size, x, turn = theta
    field = fields.UniformField(mean * jnp.array([1.0, 0.0, 0.0])) + WAVES * scale
    (x0, y0, z0), cos, sin = N.T, jnp.cos(turn), jnp.sin(turn)
    n = jnp.stack([x0 * cos - y0 * sin, x0 * sin + y0 * cos, z0], axis=-1)
    return orbits.trace_ensemble(
        field, (x * jnp.array([1.0, 0.0, 0.0])).astype(dtype), n.astype(dtype), rigidity=rigidity,
        stop=STOPS[stop](size), pusher=orbits.Boris(0.1) if pusher is None else pusher,
    )  # fmt: skip


def number(theta, *options):
    """Return one number that depends on all of an exit."""
    found = exits(theta, *options)
    return (
        jnp.mean(jnp.sin(found.position[..., 0] / 5))
        + jnp.mean(found.direction[..., 1] ** 2)
        + jnp.mean(found.path_length) / 30
    )


def differences(function, theta, step=1e-6):
    rows = step * jnp.eye(len(theta))
    return jnp.stack([(function(theta + e) - function(theta - e)) / (2 * step) for e in rows])


FIRST, *OTHERS = STOPS


@pytest.mark.parametrize(
    "stop", [FIRST, *(pytest.param(x, marks=pytest.mark.slow) for x in OTHERS)]
)
def test_both_modes_equal_differences_for_every_stop(stop):
    backward = jax.grad(number)(THETA, stop)
    np.testing.assert_allclose(jax.jacfwd(number)(THETA, stop), backward, rtol=1e-9, atol=1e-12)
    expected = differences(lambda x: number(x, stop), THETA)
    # round-off over the step
    np.testing.assert_allclose(backward, expected, atol=1e-7)


@pytest.mark.slow
@pytest.mark.parametrize("pusher", [orbits.Strang(0.2), orbits.BlanesMoan4(0.5), orbits.Boris()])
def test_every_pusher_with_equal_steps_walks_back(pusher):
    backward = jax.grad(number)(THETA, "sphere", pusher)
    np.testing.assert_allclose(
        backward, jax.jacfwd(number)(THETA, "sphere", pusher), rtol=1e-9, atol=1e-12
    )
    expected = differences(lambda x: number(x, "sphere", pusher), THETA)
    np.testing.assert_allclose(backward, expected, atol=1e-7)


@pytest.mark.slow
def test_transformations_go_together():
    thetas = THETA[None] + 0.1 * jnp.eye(6)[:3]
    each = jnp.stack([jax.grad(number)(x) for x in thetas])
    np.testing.assert_allclose(jax.jit(jax.vmap(jax.grad(number)))(thetas), each, rtol=1e-9)
    both = jax.jacrev(lambda x: exits(x).position[0])(THETA)
    np.testing.assert_allclose(
        both, jax.jacfwd(lambda x: exits(x).position[0])(THETA), rtol=1e-8, atol=1e-10
    )
    second = jax.jacfwd(jax.grad(number))(THETA)
    np.testing.assert_allclose(second, differences(jax.grad(number), THETA), atol=1e-5)


@pytest.mark.slow
def test_single_precision_is_that_of_its_rounding():
    single = jax.grad(number)(THETA, "sphere", None, jnp.float32)
    # eps times some hundred steps, and neighbours that grow by e
    np.testing.assert_allclose(single, jax.grad(number)(THETA), rtol=1e-3, atol=1e-4)


@pytest.mark.slow
def test_a_sphere_that_is_met_and_left_within_a_step():
    # On a circle of radius 1 through the start, all ends of Boris steps lie within 1.9855.
    field = fields.UniformField(jnp.array([0.0, 0.0, 1.0]))

    def path(radius):
        found = orbits.trace_ensemble(
            field, jnp.zeros(3), jnp.array([[1.0, 0.0, 0.0]]), rigidity=1 / units.GYRORADIUS,
            stop=orbits.Sphere(radius), pusher=orbits.Boris(0.9),
        )  # fmt: skip
        return found.path_length[0]

    # A chord of the circle; Boris lags by (h/r)²/12 of the angle.
    assert path(1.988) == pytest.approx(2 * np.arcsin(1.988 / 2), abs=0.2)
    quotient = (path(1.988 + 1e-6) - path(1.988 - 1e-6)) / 2e-6
    assert jax.grad(path)(1.988) == pytest.approx(float(quotient), rel=1e-4)
    assert jax.jvp(path, (1.988,), (1.0,))[1] == pytest.approx(float(quotient), rel=1e-4)


@pytest.mark.slow
def test_samples_of_a_grid():
    def loss(samples, pusher):
        grid = fields.GridField(samples, spacing=1.0, origin=jnp.full(3, -4.0))
        field = fields.UniformField(jnp.array([3.0, 0.0, 0.0])) + grid
        found = orbits.trace_ensemble(
            field, jnp.zeros(3), N, rigidity=10.0, stop=orbits.Sphere(8.0), pusher=pusher
        )
        return jnp.mean(found.position[:, 0] + found.direction[:, 1])

    samples = jax.random.normal(jax.random.key(0), (8, 8, 8, 3))
    pusher = orbits.Boris(0.1)
    slopes = jax.grad(loss)(samples, pusher)
    along = jax.random.normal(jax.random.key(1), samples.shape)
    forward = jax.jvp(lambda x: loss(x, pusher), (samples,), (along,))[1]
    np.testing.assert_allclose(jnp.sum(slopes * along), forward, rtol=1e-9)


@pytest.mark.slow
def test_memory_does_not_grow_with_the_path():
    def peak(size):
        gradient = jax.jit(jax.grad(lambda x: number(x.at[3].set(size))))
        return gradient.lower(THETA).compile().memory_analysis().temp_size_in_bytes

    assert peak(200.0) == peak(2.0)


ADAPTIVE = {
    "Tsit5": orbits.DiffraxPusher(rtol=1e-9, atol=1e-9),
    "BulirschStoer": orbits.DiffraxPusher(orbits.BulirschStoer(), rtol=1e-9, atol=1e-9),
}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("stop", "pusher"),
    [("path", "Tsit5"), ("spheres", "Tsit5"), ("first", "Tsit5"), ("sphere", "BulirschStoer")],
)
def test_steps_that_adapt_have_both_modes(stop, pusher):
    options = stop, ADAPTIVE[pusher]
    backward = jax.grad(number)(THETA, *options)
    forward = jax.jacfwd(number)(THETA, *options)
    np.testing.assert_allclose(backward, forward, rtol=1e-8, atol=1e-11)
    expected = differences(lambda x: number(x, *options), THETA, 1e-4)
    # ten times the tolerance over the step of the quotient
    np.testing.assert_allclose(backward, expected, atol=1e-4)


@pytest.mark.slow
def test_two_devices_give_the_gradient_of_one():
    script = """
import jax
jax.config.update("jax_enable_x64", True)
jax.config.update("jax_num_cpu_devices", 2)
import jax.numpy as jnp, numpy as np
from jaxcr import fields, orbits
n = np.random.default_rng(5).standard_normal((9, 3))
n = jnp.asarray(n / np.linalg.norm(n, axis=1, keepdims=True))
def loss(mean, k):
    exits = orbits.trace_ensemble(fields.UniformField(mean), jnp.zeros(3), n, rigidity=2.8,
        stop=orbits.Sphere(2.0), pusher=orbits.Boris(0.1), devices=jax.devices()[:k])
    return jnp.sum(exits.position[:, 0] * exits.direction[:, 1])
mean = jnp.array([3.0, 1.0, 0.0])
one, two = (jax.grad(loss)(mean, k) for k in (1, 2))
np.testing.assert_allclose(one, two, rtol=1e-9)
print("equal")
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.stdout.strip() == "equal", done.stderr[-2000:]
