import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcr.fields import CubicSpline, GridField, Linear, Periodic

SHAPES = [(8, 8, 8), (5, 6, 7), (4, 8, 16)]


@pytest.mark.parametrize("shape", SHAPES)
def test_wrap_is_the_remainder(shape):
    for index in ([-1, -9, -1000], [0, 5, 6], [123456789, -123456789, 7]):
        expected = np.array(index) % np.array(shape)
        assert np.array_equal(Periodic().wrap(jnp.array(index, jnp.int32), shape), expected)


def test_pad_appends_the_opposite_faces(rng):
    samples = rng.normal(size=(2, 3, 4, 3))
    padded = Periodic().pad(jnp.asarray(samples), 1, 2)
    i, j, k = np.ix_(np.arange(-1, 4) % 2, np.arange(-1, 5) % 3, np.arange(-1, 6) % 4)
    assert np.array_equal(padded, samples[i, j, k])


@pytest.mark.parametrize("stencil", [Linear(), CubicSpline()])
@pytest.mark.parametrize("shape", SHAPES)
def test_field_repeats_in_every_copy_of_the_box(rng, shape, stencil):
    samples = jnp.asarray(rng.normal(size=(*shape, 3)))
    field = jax.jit(jax.vmap(GridField(samples, spacing=0.5, origin=jnp.zeros(3), stencil=stencil)))
    # Multiples of 2^-20 stay exact when 2^24 boxes are added, so the copies agree in each bit.
    box = np.array(shape) * 0.5
    inside = np.floor(rng.uniform(size=(50, 3)) * box * 2**20) / 2**20
    expected = field(jnp.asarray(inside))
    for copy in ([1, 0, 0], [-1, -1, -1], [2, -3, 5], [1_000_000, -2_000_000, 3_000_000]):
        assert jnp.array_equal(field(jnp.asarray(inside + np.array(copy) * box)), expected)


def test_last_cell_joins_the_first_sample():
    samples = jnp.zeros((5, 5, 5, 3)).at[0, :, :, 0].set(1.0).at[4, :, :, 0].set(3.0)
    field = GridField(samples, spacing=1.0, origin=jnp.zeros(3))
    # Sample 4 sits at 4.5 and the copy of sample 0 at 5.5: halfway lies their mean.
    assert field(jnp.array([5.0, 2.5, 2.5]))[0] == 2.0
    assert field(jnp.array([0.0, 2.5, 2.5]))[0] == 2.0
