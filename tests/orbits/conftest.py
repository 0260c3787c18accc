"""Fields that tests of single orbits and of ensembles share."""

import jax.numpy as jnp
import pytest

from jaxcr import fields


class _Hole(fields.Field):
    def __call__(self, position):
        bad = jnp.where(position[0] > 1, jnp.nan, 0.0).astype(position.dtype)
        return jnp.array([0.0, 0.0, 1e-3], position.dtype) + bad

    def max_strength(self):
        return jnp.asarray(1e-3)

    def lattice(self):
        return None


@pytest.fixture
def hole():
    """A weak field along z that is not a number beyond x = 1 pc."""
    return _Hole()
