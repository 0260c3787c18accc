"""Dipole and Parker spiral: closed forms, divergence, curl, bounds."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcr.fields import DipoleField, ParkerSpiralField

CENTER = jnp.array([1.0, 2.0, 3.0])


def dipole(**changes):
    settings = {"polar_strength": 6.0, "radius": 2.0, "axis": jnp.array([0, 0, 5.0])}
    return DipoleField(**(settings | {"center": CENTER} | changes))


def spiral(**changes):
    settings = {"strength": 30.0, "source_radius": 0.1, "pitch": 1.0, "sheet_width": 0.0}
    return ParkerSpiralField(**(settings | changes))


def shell(rng, low, high, num=200):
    n = rng.standard_normal((num, 3))
    n /= np.linalg.norm(n, axis=1, keepdims=True)
    return jnp.asarray(n * rng.uniform(low, high, (num, 1)))


def divergence_and_curl(field, points):
    j = jax.vmap(jax.jacfwd(field))(points)
    curl = jnp.stack(
        [j[:, 2, 1] - j[:, 1, 2], j[:, 0, 2] - j[:, 2, 0], j[:, 1, 0] - j[:, 0, 1]], axis=1
    )
    return jnp.trace(j, axis1=1, axis2=2), curl


def test_dipole_at_pole_and_equator():
    field = dipole()
    # Products of a few numbers: round-off.
    np.testing.assert_allclose(field(CENTER + jnp.array([0, 0, 2.0])), [0, 0, 6], atol=1e-14)
    np.testing.assert_allclose(field(CENTER + jnp.array([2.0, 0, 0])), [0, 0, -3], atol=1e-14)
    np.testing.assert_allclose(field(CENTER - jnp.array([0, 0, 4.0])), [0, 0, 0.75], atol=1e-14)
    assert jnp.all(jnp.isfinite(field(CENTER)))
    assert field.max_strength() >= jnp.linalg.norm(field(CENTER + jnp.array([0, 0, 0.02])))


def test_dipole_has_neither_divergence_nor_curl(rng):
    field = dipole(axis=jnp.array([1.0, -2.0, 0.5]))
    divergence, curl = divergence_and_curl(field, CENTER[None] + shell(rng, 1.0, 5.0))
    # Derivatives up to 100 µG/pc.
    np.testing.assert_allclose(divergence, 0, atol=1e-12)
    np.testing.assert_allclose(curl, 0, atol=1e-12)


def test_spiral_by_hand():
    field = spiral()
    # At r = 1 in the direction (1, 0, small): radial 0.3, wound by -(1 - 0.1)/1 of it.
    value = field(jnp.array([1.0, 0.0, 1e-9]))
    np.testing.assert_allclose(value, [0.3, -0.27, 3e-10], atol=1e-12)
    south = field(jnp.array([1.0, 0.0, -1e-9]))
    np.testing.assert_allclose(south, [-0.3, 0.27, 3e-10], atol=1e-12)
    # On the axis it never winds.
    np.testing.assert_allclose(field(jnp.array([0.0, 0.0, 0.5])), [0, 0, 1.2], atol=1e-14)


def test_spiral_winds_by_45_degrees_at_its_pitch():
    value = spiral(source_radius=1e-4)(jnp.array([1.0, 0.0, 1e-6]))
    assert abs(np.degrees(np.arctan2(-value[1], value[0])) - 45) < 0.01


@pytest.mark.parametrize("width", [0.0, 0.2])
def test_spiral_has_no_divergence_outside_its_source(rng, width):
    divergence, curl = divergence_and_curl(spiral(sheet_width=width), shell(rng, 0.15, 3.0))
    # Derivatives up to 300 µG/pc.
    np.testing.assert_allclose(divergence, 0, atol=1e-12)
    assert jnp.max(jnp.abs(curl)) > 0.1


def test_spiral_is_finite_at_the_star_and_within_its_bound(rng):
    field = spiral(sheet_width=0.1)
    assert jnp.all(jnp.isfinite(field(jnp.zeros(3))))
    for source in (0.1, 3.0, 100.0):
        field = spiral(source_radius=source)
        strength = jnp.linalg.norm(jax.vmap(field)(shell(rng, source, 5 * source, 5000)), axis=1)
        assert jnp.max(strength) <= field.max_strength() * (1 + 1e-12)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: dipole(radius=0.0), "DipoleField: radius: expected a positive length, got 0"),
        (lambda: dipole(axis=jnp.zeros(3)), "DipoleField: axis: expected a direction"),
        (lambda: spiral(pitch=-1.0), "ParkerSpiralField: pitch: expected a positive length"),
        (lambda: spiral(sheet_width=-0.1), "ParkerSpiralField: sheet_width: expected an angle"),
    ],
)
def test_rejects_what_is_no_field(make, message):
    with pytest.raises(ValueError, match=message):
        make()
