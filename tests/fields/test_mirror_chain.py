"""Magnetic bottles: asked mirrors, divergence, loss cone, derivatives."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcr import orbits, units
from jaxcr.fields import MirrorChainField


def bottles(left=6.0, right=7.5, minimum=3.0, length=10.0):
    return MirrorChainField(
        minimum=minimum, left_mirror=left, right_mirror=right, length=length, num_bottles=4
    )


@pytest.mark.parametrize(
    ("left", "right"), [(6.0, 6.0), (6.0, 7.5), (7.5, 6.0), (3.1, 9.0), (9.0, 3.1), (300.0, 30.0)]
)
def test_mirrors_and_minima_are_those_asked_in_every_bottle(left, right):
    field = bottles(left, right)
    x = jnp.linspace(-10, 30, 400_001)
    strength = np.asarray(jax.vmap(lambda x: field(x * jnp.eye(3)[0])[0])(x))
    inner = strength[1:-1]
    highs = inner[(inner > strength[:-2]) & (inner > strength[2:])]
    lows = inner[(inner < strength[:-2]) & (inner < strength[2:])]
    ratio = right / left
    # Samples 1e-5 of a bottle apart: extrema to the square of that, times the curvature.
    np.testing.assert_allclose(lows, 3.0 * ratio ** np.arange(-1, 3), rtol=1e-7)
    np.testing.assert_allclose(highs, left * ratio ** np.arange(3), rtol=1e-7)
    np.testing.assert_allclose(field(jnp.zeros(3))[0], left, rtol=1e-12)
    np.testing.assert_allclose(field(jnp.array([10.0, 0, 0]))[0], right, rtol=1e-12)
    assert field.max_strength() >= strength[x >= 0].max() * (1 - 1e-12)


def test_divergence_vanishes(rng):
    points = jnp.asarray(rng.uniform([-10, -1, -1], [30, 1, 1], size=(100, 3)))
    jacobian = jax.vmap(jax.jacfwd(bottles()))(points)
    # Sums of numbers of order ten.
    assert jnp.max(jnp.abs(jnp.trace(jacobian, axis1=1, axis2=2))) < 1e-14
    assert jnp.max(jnp.abs(jacobian)) > 1


@pytest.mark.parametrize("sign", [1, -1])
def test_the_loss_cone_is_that_of_the_mirror_on_each_side(sign):
    field = bottles()
    axis = jnp.linspace(1, 9, 8001)
    middle = axis[jnp.argmin(jax.vmap(lambda x: field(x * jnp.eye(3)[0])[0])(axis))]
    mirror = {1: 7.5, -1: 6.0}[sign]
    edge = np.sqrt(1 - 3.0 / mirror)
    cosines = sign * np.array([edge - 0.05, edge + 0.05])
    n = jnp.asarray(np.stack([cosines, 0 * cosines, np.sqrt(1 - cosines**2)], axis=1))
    # Gyroradius 0.05 pc: adiabatic to 1e-2 in bottles of 10 pc, hence the 0.05.
    ends = orbits.trace_ensemble(
        field,
        middle * jnp.eye(3)[0],
        n,
        rigidity=0.05 * 3.0 / units.GYRORADIUS,
        stop=orbits.PathLength(jnp.linspace(0.5, 25, 50)),
        pusher=orbits.Boris(step=0.005),
    )
    x = np.asarray(ends.position[..., 0])
    first = np.where(x < 0, -1, np.where(x > 10, 1, 0))
    sides = [row[row != 0][:1] for row in first.T]
    assert sides[0].size == 0 or sides[0][0] == -sign  # turned back by the mirror ahead
    assert sides[1][0] == sign


def test_gradient_by_the_mirror_equals_differences():
    def value(right):
        return bottles(right=right)(jnp.array([3.0, 0.2, 0.1]))[1]

    slope = jax.jacfwd(value)(jnp.asarray(7.5))
    difference = (value(jnp.asarray(7.5 + 1e-5)) - value(jnp.asarray(7.5 - 1e-5))) / 2e-5
    # Truncation 1e-11, rounding 1e-11.
    assert jnp.isclose(slope, difference, rtol=1e-6)


def test_rejects_what_is_no_bottle():
    with pytest.raises(ValueError, match="0 < minimum < both mirrors"):
        bottles(left=2.0)
    with pytest.raises(ValueError, match="a positive length"):
        bottles(length=0.0)
