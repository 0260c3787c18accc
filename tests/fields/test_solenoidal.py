"""The divergence-free part: exact where it is known, and nothing else is touched."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcr.fields import Clamped, GridField, PowerLaw, describe, realise_grid, solenoidal_part
from jaxcr.fields.field import sample_field

PLACE = {"spacing": jnp.array([1.0, 2.0, 0.5]), "origin": jnp.zeros(3)}


def samples_of(field):
    return np.asarray(sample_field(field, field.lattice()))


def test_a_gradient_is_taken_away_and_a_curl_is_kept():
    law = PowerLaw(5 / 3, outer_scale=16.0, inner_scale=3.0)
    curl = realise_grid(
        law, key=jax.random.key(1), shape=(16, 16, 16), spacing=1.0, rms=1.0, storage=jnp.float64
    )
    x = 2 * np.pi * (np.arange(16) + 0.5) / 16
    # grad cos(2x + y - 3z)
    phase = 2 * x[:, None, None] + x[None, :, None] - 3 * x[None, None, :]
    gradient = -np.sin(phase)[..., None] * np.array([2.0, 1.0, -3.0])
    mixed = GridField(
        jnp.asarray(samples_of(curl) + gradient + 4.0), spacing=1.0, origin=curl.origin
    )
    # Round-off of transforms.
    np.testing.assert_allclose(
        samples_of(solenoidal_part(mixed)), samples_of(curl) + 4.0, atol=1e-13
    )


def test_divergence_vanishes_whatever_the_cells(rng):
    noise = GridField(jnp.asarray(rng.normal(size=(7, 9, 11, 3))), **PLACE)
    assert describe(noise).divergence > 0.3
    clean = solenoidal_part(noise)
    # Round-off of transforms.
    assert describe(clean).divergence < 1e-13
    np.testing.assert_allclose(samples_of(solenoidal_part(clean)), samples_of(clean), atol=1e-13)


def test_rejects_a_grid_that_is_not_periodic():
    field = GridField(jnp.ones((4, 4, 4, 3)), boundary=Clamped(), **PLACE)
    with pytest.raises(ValueError, match="expected one of Periodic, got 'Clamped'"):
        solenoidal_part(field)
