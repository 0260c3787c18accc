import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcr.traps import AbsorbingEnd, Chain, ReflectingEnd

OPEN = {"left_end": AbsorbingEnd(), "right_end": AbsorbingEnd()}


def test_open_ends_keep_the_rates():
    chain = Chain(rate_right=jnp.arange(1.0, 4.0), rate_left=jnp.arange(4.0, 7.0), **OPEN)
    np.testing.assert_array_equal(chain.rate_right, [1.0, 2.0, 3.0])
    np.testing.assert_array_equal(chain.rate_left, [4.0, 5.0, 6.0])
    np.testing.assert_array_equal(chain.losses, np.zeros(3))
    assert chain.num_sites == 3


def test_reflecting_ends_close_the_way_out():
    ends = {"left_end": ReflectingEnd(), "right_end": ReflectingEnd()}
    chain = Chain(jnp.ones(3), 2 * jnp.ones(3), **ends, loss_rate=jnp.full(3, 0.5))
    np.testing.assert_array_equal(chain.rate_right, [1.0, 1.0, 0.0])
    np.testing.assert_array_equal(chain.rate_left, [0.0, 2.0, 2.0])
    np.testing.assert_array_equal(chain.losses, [0.5, 0.5, 0.5])


def test_a_single_site_has_both_ends():
    chain = Chain(jnp.ones(1), jnp.ones(1), left_end=ReflectingEnd(), right_end=AbsorbingEnd())
    assert (chain.rate_left.item(), chain.rate_right.item()) == (0.0, 1.0)


def test_chains_vmap():
    chains = jax.vmap(lambda g, r: Chain(g, r, **OPEN))(jnp.ones((4, 3)), jnp.ones((4, 3)))
    assert chains.rate_right.shape == (4, 3)
    assert chains.num_sites == 3


def test_shapes_that_differ_are_rejected():
    with pytest.raises(ValueError, match=r"rate_left: expected .* shape \(site\), got .*\(2,\)"):
        Chain(jnp.ones(3), jnp.ones(2), **OPEN)
    with pytest.raises(ValueError, match=r"loss_rate: expected real .* shape \(site\)"):
        Chain(jnp.ones(3), jnp.ones(3), **OPEN, loss_rate=jnp.ones(4))


@pytest.mark.parametrize("shape", [(), (0,), (2, 3)])
def test_not_a_chain_is_rejected(shape):
    with pytest.raises(
        ValueError,
        match=r"rate_right: expected (real .*\(site\)|one site or more)",
    ):
        Chain(jnp.ones(shape), jnp.ones(shape), **OPEN)


@pytest.mark.parametrize("bad", [-0.5, float("nan"), float("inf")])
def test_rates_that_are_no_rates_are_rejected(bad):
    with pytest.raises(ValueError, match=r"Chain: rate_left: expected finite rates >= 0"):
        Chain(jnp.ones(3), jnp.array([1.0, bad, 1.0]), **OPEN)


def test_float32_stays_float32():
    rate = jnp.ones(3, jnp.float32)
    chain = Chain(rate, rate, left_end=ReflectingEnd(), right_end=AbsorbingEnd())
    assert chain.rate_left.dtype == chain.losses.dtype == jnp.float32
