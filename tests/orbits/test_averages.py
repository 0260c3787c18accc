"""Averages in flat memory: equal to those of stored orbits, for any chunk."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcr import fields, orbits, units
from jaxcr.orbits.exits import REACHED, TOO_LONG

RIGIDITY = 3.0 / units.GYRORADIUS
UP = fields.UniformField(jnp.array([0.0, 0.0, 3.0]))


def start(number):
    n = jax.random.normal(jax.random.fold_in(jax.random.key(3), number), (3,))
    return jnp.zeros(3), n / jnp.sqrt(jnp.sum(n * n))


def moments(exit_):
    return {"x": exit_.position, "xx": exit_.position[..., 2] ** 2, "s": exit_.path_length}


def average(num, **options):
    return orbits.average_over_orbits(
        UP, start, num, moments, rigidity=RIGIDITY, pusher=orbits.Boris(0.1),
        **{"stop": orbits.Sphere(jnp.array([0.5, 1.5])), **options},
    )  # fmt: skip


@pytest.mark.slow
def test_means_are_those_of_stored_orbits():
    found = average(3000)
    position, direction = jax.vmap(start)(jnp.arange(3000))
    exits = orbits.trace_ensemble(
        UP, position, direction, rigidity=RIGIDITY, stop=orbits.Sphere(jnp.array([0.5, 1.5])),
        pusher=orbits.Boris(0.1),
    )  # fmt: skip
    np.testing.assert_allclose(found.mean["x"].value, exits.position.mean(axis=1), atol=1e-14)
    np.testing.assert_allclose(found.mean["s"].value, exits.path_length.mean(axis=1), rtol=1e-13)
    error = np.std(exits.position[..., 2] ** 2, axis=1, ddof=1) / np.sqrt(3000)
    np.testing.assert_allclose(found.mean["xx"].error, error, rtol=1e-9)
    assert found.num_by_status[REACHED] == 3000
    assert found.num_steps == int(exits.num_steps.sum())


@pytest.mark.slow
def test_chunks_and_lanes_change_rounding_only():
    ways = [
        average(2500, chunk_size=1024),
        average(2500, chunk_size=4096, lanes=64, refill_interval=5),
    ]
    first, second = (jax.tree.leaves(x.mean) for x in ways)
    for a, b in zip(first, second, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12)


def test_orbits_that_miss_a_stop_are_counted_and_left_out():
    # those that turn more than they advance never leave a sphere of 2.2 gyroradii in a path of 4
    found = average(1500, stop=orbits.Sphere(2.2), max_path_length=4.0)
    lost, kept = found.num_by_status[TOO_LONG], found.num_by_status[REACHED]
    assert lost > 100
    assert kept > 100
    assert lost + kept == 1500
    assert found.mean["s"].value < 4.0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"chunk_size": 1000}, "chunk_size: expected a multiple of 1024, got 0"),
        ({"max_steps": 2}, r"at least two orbits that meet every stop, got 1500: met no stop"),
    ],
)
def test_bad_input(options, message):
    with pytest.raises(ValueError, match=message):
        average(1500, **options)
