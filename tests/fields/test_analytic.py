import equinox as eqx
import jax
import jax.numpy as jnp
import pytest

from jaxcr import orbits
from jaxcr.fields import FunctionField, UniformField


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
    with pytest.raises(ValueError, match=r"UniformField: value: .* shape \(xyz=3\), got .*\(2,\)"):
        UniformField(jnp.ones(2))


def test_uniform_follows_the_type_of_the_position():
    field = UniformField(jnp.ones(3))
    assert field(jnp.zeros(3, jnp.float32)).dtype == jnp.float32


class Sheared(eqx.Module):
    """Bz grows along x."""

    slope: jax.Array

    def __call__(self, position):
        return jnp.array([0.0, 0.0, 1.0]) * (1 + self.slope * position[0])


BOX = {"lower": -jnp.ones(3), "upper": jnp.ones(3)}


def test_function_field_is_the_function_and_differentiable_in_it():
    def bz(slope):
        return FunctionField(Sheared(slope), **BOX)(jnp.array([0.5, 0.0, 0.0]))[2]

    assert bz(jnp.asarray(0.2)) == 1.1
    assert jax.grad(bz)(jnp.asarray(0.2)) == 0.5
    field = FunctionField(Sheared(jnp.asarray(0.2)), **BOX)
    assert 2 * 1.19 < field.max_strength() <= 2 * 1.2
    assert FunctionField(Sheared(jnp.asarray(0.2)), **BOX, max_strength=7).max_strength() == 7


def test_orbits_go_through_a_function_as_through_the_field_it_is():
    stop, n = orbits.PathLength(2.0), jnp.array([[0.6, 0.0, 0.8], [0.0, 1.0, 0.0]])
    own = FunctionField(lambda x: jnp.array([0.0, 0.0, 2.0]), **BOX, max_strength=2.0)
    uniform = UniformField(jnp.array([0.0, 0.0, 2.0]))
    ends = [
        orbits.trace_ensemble(f, jnp.zeros(3), n, rigidity=1.0, stop=stop).position
        for f in (own, uniform)
    ]
    # The same steps in two programs.
    assert jnp.allclose(*ends, rtol=0, atol=1e-13)


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda x: x[0], r"FunctionField: function: expected a real array of shape \(3,\)"),
        (lambda x: x / x[0] ** 0 * jnp.log(x[0]), "expected finite values .* one that is not at"),
        (jnp.zeros_like, "expected a field at some of 4096 points"),
    ],
)
def test_function_field_rejects_what_is_no_field(function, message):
    with pytest.raises(ValueError, match=message):
        FunctionField(function, **BOX)
