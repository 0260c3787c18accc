import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcr.fields import GridField, Lattice, UniformField
from jaxcr.fields.field import sample_field

HERE = jnp.array([0.3, -0.2, 1.7])


def uniform(x=1.0, y=2.0, z=3.0):
    return UniformField(jnp.array([x, y, z]))


def grid(shape, spacing=1.0):
    return GridField(jnp.ones((*shape, 3)), spacing=spacing, origin=jnp.zeros(3))


def test_fields_add():
    assert jnp.array_equal((uniform() + uniform(4.0, 5.0, 6.0))(HERE), jnp.array([5.0, 7.0, 9.0]))


@pytest.mark.parametrize("factor", [2, 2.0, np.float64(2), jnp.array(2.0)])
def test_fields_scale_from_either_side(factor):
    expected = jnp.array([2.0, 4.0, 6.0])
    assert jnp.array_equal((uniform() * factor)(HERE), expected)
    assert jnp.array_equal((factor * uniform())(HERE), expected)


def test_strength_bounds_add_and_scale():
    field = uniform(3.0, 0.0, 4.0) + uniform(0.0, 1.0, 0.0) * -2.0
    assert field.max_strength() == 7.0
    # The bound is above the true strength of the sum, sqrt(9 + 4 + 16).
    assert jnp.linalg.norm(field(HERE)) < field.max_strength()


def test_lattice_is_found_inside_sums_and_multiples():
    coarse, fine = grid((4, 4, 4)), grid((8, 8, 8), 0.5)
    assert (uniform() + uniform()).lattice() is None
    assert (uniform() + 2.0 * coarse).lattice().shape == (4, 4, 4)
    assert (coarse + fine).lattice().shape == (8, 8, 8)
    assert (fine + coarse).lattice().shape == (8, 8, 8)


def test_lattice_centers_are_half_a_cell_inside():
    lattice = Lattice(jnp.array([1.0, 0.0, -1.0]), jnp.array([1.0, 2.0, 4.0]), (2, 3, 1))
    centers = lattice.centers()
    assert centers.shape == (2, 3, 1, 3)
    assert jnp.array_equal(centers[1, 2, 0], jnp.array([2.5, 5.0, 1.0]))


def test_sample_field_returns_the_samples_in_order(rng):
    # 41³ samples are more than one batch, and no multiple of it. Half a rounding error of the
    # position, 41 × 1e-16 cells, times differences of samples of order one: 1e-13.
    samples = jnp.asarray(rng.normal(size=(41, 41, 41, 3)))
    field = GridField(samples, spacing=0.3, origin=jnp.array([1.0, 2.0, 3.0]))
    assert jnp.allclose(sample_field(field, field.lattice()), samples, rtol=0, atol=1e-13)


def test_gradient_by_factor_is_the_field():
    def component(factor):
        return (uniform() + factor * uniform(4.0, 5.0, 6.0))(HERE)[1]

    assert jax.grad(component)(jnp.array(0.7)) == 5.0


def test_only_fields_add_and_only_numbers_multiply():
    with pytest.raises(TypeError, match="unsupported operand"):
        uniform() + 1.0
    with pytest.raises(TypeError, match=r"unsupported operand|factor"):
        uniform() * uniform()


def test_scaled_field_follows_the_type_of_the_position():
    field = uniform() + jnp.array(2.0) * uniform()
    assert field(HERE.astype(jnp.float32)).dtype == jnp.float32
