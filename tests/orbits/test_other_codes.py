"""Orbits against another solver: SciPy's DOP853 on the same field."""

import diffrax
import jax
import jax.numpy as jnp
import numpy as np
from scipy.integrate import solve_ivp

from jaxcr import fields, orbits, units

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
    print(np.abs(exits.position - expected[0]).max())
