"""Skies on a sphere in equal steps: a sphere met within a step, against the circle itself."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcr.fields import UniformField
from jaxcr.infer.skies.first_crossing import backtrack_first_crossing
from jaxcr.orbits import Sphere
from jaxcr.units import GYRORADIUS

FIELD = UniformField(jnp.array([0.0, 0.0, 1.0]))
STEP = 0.9
RADII = (1.5, 1.988, 1.995)
"""On a circle of radius 1 through the observer all ends of Boris steps lie within 1.9855."""


def path_to(radius):
    """Return the path in a plane across the field, to a sphere that circles of radius 1 meet."""
    arrivals = backtrack_first_crossing(
        FIELD,
        rigidity=jnp.asarray(1 / GYRORADIUS),
        stop=Sphere(radius),
        step=jnp.asarray(STEP),
        num_steps=12,
        observer=jnp.zeros(3),
        directions=jnp.array([[[1.0, 0.0, 0.0]]]),
    )
    return arrivals.path_length[0, 0], arrivals.reached[0, 0]


@pytest.mark.parametrize("radius", RADII)
def test_a_sphere_met_within_a_step_is_met(radius):
    path, reached = path_to(jnp.asarray(radius))
    assert reached
    # A chord of the circle; Boris lags by (h/r)²/12 of the angle.
    assert path == pytest.approx(2 * np.arcsin(radius / 2), abs=0.2)


@pytest.mark.parametrize("radius", RADII[1:2])
def test_both_modes_of_derivative_agree_there(radius):
    def path(r):
        return path_to(r)[0]

    radius = jnp.asarray(radius)
    forward = jax.jvp(path, (radius,), (jnp.ones_like(radius),))[1]
    assert jax.grad(path)(radius) == pytest.approx(float(forward), rel=1e-12)
    quotient = (path(radius + 1e-6) - path(radius - 1e-6)) / 2e-6
    assert forward == pytest.approx(float(quotient), rel=1e-4)


def test_a_sphere_beyond_the_circle_is_not_met():
    assert not path_to(jnp.asarray(2.1))[1]
