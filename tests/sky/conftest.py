"""Turbulence that tests of back-tracked skies share."""

import jax
import jax.numpy as jnp
import pytest

from jaxcr.fields import PowerLaw, UniformField, realise_grid


@pytest.fixture(scope="session")
def turbulence():
    """Turbulence of dB/B0 = 1 on 32³ cells."""
    field = realise_grid(
        PowerLaw(5 / 3, outer_scale=12.0, inner_scale=4.0),
        key=jax.random.key(1),
        shape=(32, 32, 32),
        spacing=1.0,
        rms=1.0,
        exact_rms=True,
    )
    return UniformField(jnp.array([1.0, 0.0, 0.0])) + field
