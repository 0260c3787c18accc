"""Magnetic moment and volume in phase space."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcr import fields, orbits, units

RIGIDITY = 3.0 / units.GYRORADIUS  # gyroradius 1 pc in 3 µG


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


def test_moment_of_one_particle():
    field = fields.UniformField(jnp.array([0.0, 0.0, 2.0]))
    n = jnp.array([0.6, 0.0, 0.8])
    assert orbits.magnetic_moment(field, jnp.zeros(3), n) == pytest.approx(0.18)
    nothing = fields.UniformField(jnp.zeros(3))
    assert np.isnan(orbits.magnetic_moment(nothing, jnp.zeros(3), n))


@pytest.mark.slow
def test_the_moment_is_kept_in_a_long_bottle_and_not_in_turbulence(turbulent):
    bottle = fields.MirrorChainField(
        minimum=3.0, left_mirror=9.0, right_mirror=9.0, length=300.0, num_bottles=1
    )
    n = jnp.array([[0.0, 0.9, np.sqrt(0.19)]])

    def scatter(field, start, path):
        tracks = orbits.record_tracks(
            field, start, jnp.tile(n, (4, 1)), rigidity=RIGIDITY, path_length=path,
            num_samples=400, pusher=orbits.Strang(0.05),
        )  # fmt: skip
        return orbits.moment_scatter(field, tracks, num_groups=2)

    kept = scatter(bottle, jnp.array([150.0, 0.0, 0.0]), 200.0)
    lost = scatter(turbulent, jnp.zeros(3), 60.0)
    # r_L/length = 1/300, times a few: the moment wobbles with the gyration at first order
    assert np.all(kept.ratio < 0.02)
    assert np.all(lost.ratio > 0.3)
    np.testing.assert_allclose(kept.ensemble.value.mean(), kept.mean.mean(), rtol=1e-12)


def test_phase_space_does_not_shrink(turbulent):
    n = jnp.array([0.6, 0.0, 0.8])
    volume = orbits.phase_space_jacobian(
        turbulent, jnp.zeros(3), n, rigidity=RIGIDITY, path_length=6.0, num_steps=60
    )
    # round-off times growth of neighbours, e² within 6 gyroradii
    assert float(volume) == pytest.approx(1, abs=1e-10)


def test_a_shrinking_flow_would_be_seen():
    # the determinant is not one by construction: friction, n -> n exp(-rate s), shrinks volume
    class Leaking(fields.Field):
        def __call__(self, position):
            return jnp.array([0.0, 0.0, 3.0]) * (1 + position[2])

        def max_strength(self):
            return jnp.asarray(9.0)

        def lattice(self):
            return None

    kept = orbits.phase_space_jacobian(
        Leaking(), jnp.zeros(3), jnp.array([0.6, 0.0, 0.8]),
        rigidity=RIGIDITY, path_length=0.5, num_steps=10,
    )  # fmt: skip
    assert float(kept) == pytest.approx(1, abs=1e-12)  # holds for div B ≠ 0, too

    motion = orbits.Lorentz(Leaking(), jnp.asarray(RIGIDITY))

    def friction(state):
        x, n = orbits.Boris().advance(motion, state[:3], state[3:], jnp.asarray(0.5))
        return jnp.concatenate([x, 0.9 * n])

    state = jnp.array([0.0, 0.0, 0.0, 0.6, 0.0, 0.8])
    assert jnp.linalg.det(jax.jacfwd(friction)(state)) == pytest.approx(0.9**3, abs=1e-12)
