"""Rescaled cubes have what was asked, and the same shape."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcr.fields import (
    CubicSpline,
    GridField,
    Linear,
    describe,
    mhd_snapshot,
    rescale_field,
)
from jaxcr.fields.field import sample_field


@pytest.fixture
def cube(rng):
    samples = (
        jnp.asarray(rng.normal(size=(6, 8, 4, 3))) + jnp.array([2.0, 0.0, 1.0])[None, None, None]
    )
    return GridField(samples, spacing=0.5, origin=jnp.array([1.0, 2.0, 3.0]), stencil=Linear())


def test_numbers_are_those_asked_for(cube):
    field = rescale_field(
        cube, injection_cells=4.0, injection_scale=10.0, mean_strength=3.0, rms=2.0
    )
    report = describe(field)
    # Sums of 192 samples.
    assert report.rms == pytest.approx(2.0, rel=1e-12)
    np.testing.assert_allclose(jnp.linalg.norm(report.mean), 3.0, rtol=1e-12)
    lattice = field.lattice()
    np.testing.assert_allclose(lattice.spacing, 2.5)
    middle = jnp.array([1.0, 2.0, 3.0]) + 0.25 * jnp.array([6.0, 8.0, 4.0])
    np.testing.assert_allclose(lattice.origin + 1.25 * jnp.array([6.0, 8.0, 4.0]), middle)
    # The fluctuations keep their pattern: one factor for all samples.
    old, new = (np.asarray(sample_field(f, f.lattice())) for f in (cube, field))
    ratio = (new - new.mean((0, 1, 2))) / (old - old.mean((0, 1, 2)))
    np.testing.assert_allclose(ratio, ratio[0, 0, 0, 0], rtol=1e-9)


def test_without_wishes_it_is_the_cube(cube):
    here = jnp.array([2.2, 3.3, 4.4])
    # Round-off of adding and taking off the mean.
    np.testing.assert_allclose(rescale_field(cube)(here), cube(here), atol=1e-14)


def test_gradient_by_the_level_is_the_fluctuation(cube):
    here = jnp.array([2.2, 3.3, 4.4])
    slope = jax.jacfwd(lambda rms: rescale_field(cube, rms=rms)(here))(jnp.asarray(2.0))
    step = rescale_field(cube, rms=3.0)(here) - rescale_field(cube, rms=2.0)(here)
    # Linear in rms.
    np.testing.assert_allclose(slope, step, atol=1e-13)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"injection_scale": 10.0}, "injection_cells, injection_scale: expected both or neither"),
        ({"injection_scale": -1.0, "injection_cells": 2.0}, "expected a positive length"),
        ({"rms": -1.0}, "rms: expected a strength in µG, not negative, got -1"),
    ],
)
def test_rejects_what_cannot_be(cube, options, message):
    with pytest.raises(
        ValueError, match="rescale_field: .*" + message if "expected a pos" in message else message
    ):
        rescale_field(cube, **options)


def test_rejects_a_cube_without_what_is_scaled(cube):
    still = GridField(jnp.ones((4, 4, 4, 3)), spacing=1.0, origin=jnp.zeros(3))
    with pytest.raises(ValueError, match="rms: expected a cube with fluctuations, got 0"):
        rescale_field(still, rms=1.0)
    long = GridField(
        jnp.ones((4, 4, 4, 3)), spacing=jnp.array([1.0, 1.0, 2.0]), origin=jnp.zeros(3)
    )
    with pytest.raises(ValueError, match="whose cells are cubes"):
        rescale_field(long, injection_scale=10.0, injection_cells=2.0)


def test_samples_at_cells_that_are_integers_to_rounding_are_the_samples():
    """48 cells of 1.0416666666666665 pc: 2,304 of the places are integers but for 1e-15."""
    cube = mhd_snapshot(stencil=CubicSpline(), storage=jnp.float64)
    cells = 19.200000000000003
    field = rescale_field(cube, injection_cells=cells, injection_scale=40.0, rms=3.0)
    old, new = (np.asarray(sample_field(f, f.lattice())) for f in (cube, field))
    mean = old.mean((0, 1, 2))
    factor = 3 / np.sqrt(np.mean(np.sum((old - mean) ** 2, axis=-1)))
    np.testing.assert_allclose(new, mean + factor * (old - mean), atol=1e-11)
