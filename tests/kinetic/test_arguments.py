"""Arrays in place of numbers, and numbers that no particle or plasma has."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcr import fields, kinetic


@pytest.fixture(scope="module")
def scattering():
    law = fields.BendOver(
        index=5 / 3, energy_index=3.0, bend_over_scale=10.0, outer_scale=1e3, inner_scale=1e-3
    )
    return kinetic.SlabScattering(law, rms=1.0, mean_strength=3.0)


@pytest.mark.parametrize(
    "function",
    [kinetic.parallel_mean_free_path, kinetic.kappa_parallel, kinetic.rigidity_exponent],
)
def test_arrays_of_rigidities_give_arrays(function, scattering):
    rigidity = jnp.geomspace(0.1, 10.0, 6).reshape(2, 3)
    found = function(scattering, rigidity)
    assert found.shape == (2, 3)
    expected = [[function(scattering, float(x)) for x in row] for row in rigidity]
    np.testing.assert_allclose(found, np.array(expected), rtol=1e-12)


def test_arrays_broadcast_against_each_other():
    found = kinetic.gyrofrequency(np.array([[1.0], [2.0]]), [1, 2, 4])
    np.testing.assert_allclose(found, np.array([[1, 2, 4], [0.5, 1, 2]]) / 1.0810076, rtol=1e-7)
    slopes = jax.jacfwd(lambda r: kinetic.gyrofrequency(r, jnp.ones(2)))(jnp.array([1.0, 2.0]))
    np.testing.assert_allclose(slopes, -np.diag([1, 0.25]) / 1.0810076, rtol=1e-7)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: kinetic.composite_field_line_diffusion(-1, 0.1), "slab: expected a number >= 0"),
    ],
)
def test_numbers_without_a_meaning_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
