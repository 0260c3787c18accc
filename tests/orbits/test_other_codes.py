"""Orbits against another solver, SciPy's DOP853, in our field and in SciPy's."""

import diffrax
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.ndimage import map_coordinates

from jaxcr import fields, orbits, units
from jaxcr.fields.field import sample_field

RIGIDITY = 3.0 / units.GYRORADIUS  # gyroradius 1 pc in 3 µG


def test_a_hundred_orbits_equal_dop853():
    grid = fields.realise_grid(
        fields.PowerLaw(5 / 3, outer_scale=6.0, inner_scale=2.0),
        key=jax.random.key(1),
        shape=(16, 16, 16),
        spacing=0.5,
        rms=3.0,
        stencil=fields.CubicSpline(),
        storage=jnp.float64,
    )
    field = fields.UniformField(jnp.array([3.0, 0.0, 0.0])) + grid
    n = np.random.default_rng(5).standard_normal((100, 3))
    n /= np.linalg.norm(n, axis=1, keepdims=True)
    strength = jax.jit(jax.vmap(field))

    def slope(s, state):
        x, v = state.reshape(2, 100, 3)
        b = np.asarray(strength(jnp.asarray(x)))
        return np.concatenate([v, np.cross(v, b) / (units.GYRORADIUS * RIGIDITY)]).ravel()

    start = np.concatenate([np.zeros((100, 3)), n]).ravel()
    other = solve_ivp(slope, (0, 3), start, method="DOP853", rtol=1e-12, atol=1e-12)
    expected = other.y[:, -1].reshape(2, 100, 3)
    exits = orbits.trace_ensemble(
        field, jnp.zeros(3), jnp.asarray(n), rigidity=RIGIDITY, stop=orbits.PathLength(3.0),
        pusher=orbits.DiffraxPusher(diffrax.Dopri8(), rtol=1e-12, atol=0.0),
    )  # fmt: skip
    # local tolerances of 1e-12, some thousand steps in all, and neighbours that grow by e
    np.testing.assert_allclose(exits.position, expected[0], atol=1e-8)
    np.testing.assert_allclose(exits.direction, expected[1], atol=1e-8)


@pytest.mark.slow
def test_exits_through_a_trilinear_grid_equal_dop853_in_the_field_of_scipy():
    num, rigidity, radius = 12, 30.0, 60.0  # gyroradius 10.8 cells
    grid = fields.realise_grid(
        fields.PowerLaw(5 / 3, outer_scale=100.0, inner_scale=4.0), key=jax.random.key(0),
        shape=(128, 128, 128), spacing=1.0, rms=3.0, exact_rms=True,
    )  # fmt: skip
    samples = np.asarray(sample_field(grid, grid.lattice()), float)
    mean = np.array([3.0, 0.0, 0.0])
    n = np.random.default_rng(0).standard_normal((num, 3))
    n /= np.linalg.norm(n, axis=1, keepdims=True)

    def slope(s, state):
        x, v = state[:3], state[3:]
        cell = (x - np.asarray(grid.origin))[:, None] - 0.5
        b = [map_coordinates(samples[..., i], cell, order=1, mode="grid-wrap")[0] for i in range(3)]
        return np.concatenate([v, np.cross(v, mean + b) / (units.GYRORADIUS * rigidity)])

    def solve(direction):
        leave = lambda s, state: state[:3] @ state[:3] - radius**2  # noqa: E731
        leave.terminal = True
        return solve_ivp(
            slope, (0, 3000), np.append(np.zeros(3), direction), method="DOP853",
            rtol=1e-7, atol=1e-7, events=leave,
        ).y_events[0][0]  # fmt: skip

    expected = np.array([solve(x) for x in n])
    exits = orbits.trace_ensemble(
        fields.UniformField(jnp.asarray(mean)) + grid, jnp.zeros(3), jnp.asarray(n),
        rigidity=rigidity, stop=orbits.Sphere(radius), pusher=orbits.Boris(0.02),
    )  # fmt: skip
    apart = np.linalg.norm(np.asarray(exits.position) - expected[:, :3], axis=1)
    # Boris is off by 0.47 at 0.5, as the square of its step.
    assert np.median(apart) < 5e-3
