"""Orbits of fixed path in equal steps: the arrivals of the general engine."""

import dataclasses

import jax.numpy as jnp
import numpy as np
import pytest

from jaxcr import infer
from jaxcr.orbits import Boris, PathLength


@pytest.fixture(scope="module")
def field(skies):
    return skies.turbulence(0)


def test_equal_steps_end_where_the_engine_ends(skies, field):
    new = skies.arrivals(field, 0.8)
    old = skies.arrivals(field, 0.8, pusher=Boris(step=skies.step))
    assert new.position.shape == old.position.shape
    # float32: 24 steps of 8 cells' gyroradius at 1e-7 of 32 cells each, amplified by e^1.
    np.testing.assert_allclose(new.position, old.position, atol=1e-4)
    np.testing.assert_allclose(new.direction, old.direction, atol=1e-5)
    np.testing.assert_allclose(new.path_length, old.path_length, rtol=1e-6)
    for name in ("reached", "arrival", "observer", "weight"):
        np.testing.assert_array_equal(getattr(new, name), getattr(old, name))


def test_several_paths_in_one_pass_are_those_of_single_passes(skies, field):
    lengths = jnp.array([6.0, 10.0, 24.0])
    together = skies.arrivals(field, 0.8, stop=PathLength(lengths))
    assert together.position.shape[:2] == (skies.num_observers, 3)
    for i, length in enumerate(lengths):
        alone = skies.arrivals(field, 0.8, stop=PathLength(length), num_steps=int(length))
        # The same steps; lengths of stretches differ from their sum by round-off of float32.
        np.testing.assert_allclose(together.position[:, i], alone.position, atol=1e-4)
        np.testing.assert_allclose(together.path_length[:, i], alone.path_length, rtol=1e-6)


def test_path_systematic_is_that_of_single_paths(skies):
    systematic = infer.path_systematic(skies, 0.8, num_fields=1, factors=(0.5, 1.0))
    half = infer.simulated_spectra(skies, skies.at(level=jnp.float32(0.8), reach=1.5), 0)
    # 12 steps either way, float32.
    np.testing.assert_allclose(systematic.c_1[0], half[:, 1].mean(), rtol=1e-4)


def test_path_systematic_is_for_paths(skies):
    sphere = dataclasses.replace(skies, convention=infer.FixedSphere())
    with pytest.raises(ValueError, match="convention: expected orbits of fixed path, got dB/B0 at"):
        infer.path_systematic(sphere, 0.8, num_fields=1)
    with pytest.raises(ValueError, match="factors: expected positive factors in rising order"):
        infer.path_systematic(skies, 0.8, num_fields=1, factors=(2.0, 1.0))
