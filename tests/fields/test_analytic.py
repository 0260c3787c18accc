import jax
import jax.numpy as jnp
import pytest

from jaxcr.fields import UniformField


def test_uniform_is_the_same_everywhere():
    value = jnp.array([1.0, -2.0, 2.0])
    field = UniformField(value)
    positions = jnp.array([[0.0, 0.0, 0.0], [1e6, -3.0, 0.1]])
    assert jnp.array_equal(jax.vmap(field)(positions), jnp.stack([value, value]))
    assert field.max_strength() == 3.0
    assert field.lattice() is None


def test_uniform_gradient_by_value():
    def component(value):
        return UniformField(value)(jnp.ones(3))[1]

    assert jnp.array_equal(jax.grad(component)(jnp.ones(3)), jnp.array([0.0, 1.0, 0.0]))


def test_uniform_rejects_a_wrong_shape():
    with pytest.raises(ValueError, match=r"UniformField: value: expected shape \(3,\), got .*2"):
        UniformField(jnp.ones(2))


def test_uniform_follows_the_type_of_the_position():
    field = UniformField(jnp.ones(3))
    assert field(jnp.zeros(3, jnp.float32)).dtype == jnp.float32
