import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcr.traps import (
    AbsorbingEnd,
    Chain,
    convection_diffusion,
    evolve,
    steady_exponent,
    steady_state,
    transport_cumulants,
)

OPEN = {"left_end": AbsorbingEnd(), "right_end": AbsorbingEnd()}


def uniform(g, r, num_sites):
    return Chain(jnp.full(num_sites, g), jnp.full(num_sites, r), **OPEN)


def test_cumulants_are_those_of_the_spreading_chain():
    g, r, length, time, num = 1.3, 0.8, 2.0, 4.0, 101
    middle = num // 2
    start = jnp.zeros(num).at[middle].set(1.0)
    p = np.asarray(evolve(uniform(g, r, num), start, jnp.array([time]))[0])
    x = length * (np.arange(num) - middle)
    mean = p @ x
    second, third, fourth = (p @ (x - mean) ** i for i in (2, 3, 4))
    expected = [mean, second, third, fourth - 3 * second**2]
    # 1e-9: nothing has reached the ends; the fourth cumulant cancels from 3 variances squared
    cumulants = transport_cumulants(g, r, length)
    np.testing.assert_allclose(time * cumulants, expected, rtol=1e-9)


def test_cumulants_of_every_site():
    rates = jnp.array([1.0, 2.0]), jnp.array([0.5, 2.0])
    drift, spread = transport_cumulants(*rates, 2.0, order=2)
    np.testing.assert_allclose(drift, [1.0, 0.0])
    np.testing.assert_allclose(spread, [6.0, 16.0])
    with pytest.raises(ValueError, match="transport_cumulants: order: expected a number >= 1"):
        transport_cumulants(1.0, 1.0, 1.0, order=0)


def test_exponents_of_the_chain_and_of_its_truncations():
    g, r = 1.5, 1.0
    log_a = np.log(1.5)
    np.testing.assert_allclose(steady_exponent(g, r), log_a, rtol=1e-14)
    # V lam/D = 2 tanh(ln a/2)
    np.testing.assert_allclose(steady_exponent(g, r, order=2), 2 * np.tanh(log_a / 2), rtol=1e-14)
    third = float(steady_exponent(g, r, order=3))
    np.testing.assert_allclose(
        -(g - r) + (g + r) * third / 2 - (g - r) * third**2 / 6, 0, atol=1e-14
    )
    assert abs(third - log_a) > 1e-3  # a third derivative does not restore ln a
    assert jnp.isnan(steady_exponent(5.0, 1.0, order=3))
    with pytest.raises(ValueError, match="steady_exponent: order: expected 2, 3 or None, got 4"):
        steady_exponent(g, r, order=4)


def test_the_second_order_falls_short_by_a_twelfth_of_the_square():
    log_a = np.array([0.4, 0.2, 0.1])
    short = [1 - float(steady_exponent(np.exp(x), 1.0, order=2)) / x for x in log_a]
    np.testing.assert_allclose(short / log_a**2, 1 / 12, rtol=0.02)
    orders = np.log2(np.divide(short[:-1], short[1:]))
    np.testing.assert_allclose(orders, 2, atol=0.05)


def truncation_error(num_sites):
    """Largest error of drift and diffusion over one length, with V and D of it kept."""
    lam = 1.0 / (num_sites + 1)
    drift, diffusion = 3.0, 0.5
    g = diffusion / lam**2 + drift / (2 * lam)
    r = diffusion / lam**2 - drift / (2 * lam)
    chain = uniform(g, r, num_sites)
    site = (num_sites + 1) // 2 - 1
    exact = steady_state(chain, jnp.zeros(num_sites).at[site].set(1.0)) / lam
    truncated = convection_diffusion(chain, site) / lam
    return float(jnp.max(jnp.abs(truncated - exact)) / jnp.max(exact))


@pytest.mark.slow
def test_the_truncated_equation_converges_at_second_order():
    errors = np.array([truncation_error(n) for n in (31, 63, 127, 255)])
    np.testing.assert_allclose(np.log2(errors[:-1] / errors[1:]), 2.0, atol=0.03)


@pytest.mark.parametrize(("g", "r"), [(1.0, 1.0), (1.0 + 1e-9, 1.0), (1.2, 1.0), (1.0, 1.2)])
def test_convection_and_diffusion_solve_their_equation(g, r):
    chain = uniform(g, r, 40)
    n = np.asarray(convection_diffusion(chain, 29, strength=2.0))
    q = 2 * (g - r) / (g + r)
    a = np.exp(q)  # exact for the sites of an exponential: n_{k+1} - (1 + a) n_k + a n_{k-1} = 0
    inside = n[2:] - (1 + a) * n[1:-1] + a * n[:-2]
    np.testing.assert_allclose(np.delete(inside, 28), 0, atol=1e-12)
    np.testing.assert_allclose([n[1] - (1 + a) * n[0], n[-2] * a - (1 + a) * n[-1]], 0, atol=1e-12)
    if g == r:
        expected = (
            2 * np.minimum(np.arange(1, 41), 30) * (41 - np.maximum(np.arange(1, 41), 30)) / 41
        )
        np.testing.assert_allclose(n, expected, rtol=1e-12)


@pytest.mark.slow
def test_long_chains_do_not_overflow():
    chain = uniform(3.0, 1.0, 5000)
    n = convection_diffusion(chain, 2500)
    assert jnp.all(jnp.isfinite(n))
    # upstream nothing, downstream J/V
    np.testing.assert_allclose(n[3000], 1 / 2.0, rtol=1e-12)
    gradient = jax.grad(lambda g: convection_diffusion(uniform(g, 1.0, 50), 25)[10])(1.0)
    assert jnp.isfinite(gradient)


def test_a_site_outside_is_rejected():
    with pytest.raises(
        ValueError, match=r"convection_diffusion: site: expected a number in \[0, 3\]"
    ):
        convection_diffusion(uniform(1.0, 1.0, 4), 4)
