"""Steps of diffrax solvers within the engine."""

import diffrax
import equinox as eqx
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcr import fields, orbits

SOLVERS = [diffrax.Heun(), diffrax.Bosh3(), diffrax.Tsit5(), diffrax.Dopri5(), diffrax.Dopri8()]


@pytest.mark.parametrize("solver", SOLVERS, ids=lambda x: type(x).__name__)
def test_a_step_is_that_of_diffrax(solver):
    field = fields.UniformField(np.array([1.0, 2.0, -0.5])) + fields.GridField(
        np.random.default_rng(0).standard_normal((8, 8, 8, 3)), spacing=20.0, origin=np.zeros(3)
    )
    motion = orbits.Lorentz(field, jnp.asarray(30.0))
    pusher = orbits.DiffraxPusher(solver, rtol=1.0).prepare(motion)
    terms, zero, length = diffrax.ODETerm(motion), jnp.asarray(0.0), jnp.asarray(5.0)
    one_step = eqx.filter_jit(pusher.step)
    state = (jnp.array([3.0, 4.0, 5.0]), jnp.array([0.6, 0.0, 0.8]))
    theirs = solver.init(terms, zero, length, state, None)
    own = pusher.init(motion, *state)
    for _ in range(2):  # the second begins with what the first has left
        position, direction, moved, own = one_step(motion, *state, pusher.shortened(own, length))
        assert moved == length
        state, _, _, theirs, _ = solver.step(terms, zero, length, state, None, theirs, False)
        np.testing.assert_allclose(position, state[0], rtol=1e-13)
        np.testing.assert_allclose(direction, state[1], rtol=1e-12)
        state = (position, direction)
