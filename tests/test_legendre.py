import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.special

from jaxcr.legendre import legendre_derivatives, legendre_polynomials


def test_lowest_orders_are_the_textbook_polynomials():
    x = jnp.linspace(-1.0, 1.0, 11)
    expected = jnp.stack([jnp.ones_like(x), x, (3 * x**2 - 1) / 2, (5 * x**3 - 3 * x) / 2], axis=-1)
    # 1e-15: a few roundings of numbers of order one
    np.testing.assert_allclose(legendre_polynomials(x, 3), expected, atol=1e-15)


def test_values_at_the_poles():
    order = np.arange(61)
    values = legendre_polynomials(jnp.array([-1.0, 1.0]), 60)
    slopes = legendre_derivatives(jnp.array([-1.0, 1.0]), 60)
    sign = (-1.0) ** order
    # P_l(1) = 1 and P_l'(1) = l(l+1)/2, with parity at -1; every step is exact up to rounding
    np.testing.assert_allclose(values, [sign, np.ones(61)], rtol=1e-13)
    np.testing.assert_allclose(
        slopes, np.stack([-sign, np.ones(61)]) * order * (order + 1) / 2, rtol=1e-13
    )


def test_agrees_with_scipy_up_to_order_60(rng):
    near_pole = 1 - np.logspace(-15, -1, 50)
    x = np.concatenate([rng.uniform(-1.0, 1.0, 500), near_pole, -near_pole, [0.0]])
    order = np.arange(61)
    expected = scipy.special.eval_legendre(order[None, :], x[:, None])
    # 1e-13: scipy's own rounding near the poles is 6e-14
    np.testing.assert_allclose(legendre_polynomials(jnp.asarray(x), 60), expected, atol=1e-13)


def test_recurrence_in_extended_precision(rng):
    x = np.concatenate([rng.uniform(-1.0, 1.0, 500), 1 - np.logspace(-15, -1, 50)])
    wide = x.astype(np.longdouble)
    values = [np.ones_like(wide), wide]
    for l in range(1, 60):
        values.append(((2 * l + 1) * wide * values[l] - l * values[l - 1]) / (l + 1))
    expected = np.stack(values, axis=-1).astype(float)
    # 5e-15: 20 eps; 25 times less than the undifferenced recurrence in float64 (1.2e-13).
    # Where long double is no wider than double the oracle itself has that error.
    atol = 5e-15 if np.finfo(np.longdouble).eps < 1e-18 else 2e-13
    np.testing.assert_allclose(legendre_polynomials(jnp.asarray(x), 60), expected, atol=atol)


def test_orthogonality():
    x, weight = scipy.special.roots_legendre(61)
    values = np.asarray(legendre_polynomials(jnp.asarray(x), 60))
    gram = np.einsum("i,il,im->lm", weight, values, values)
    # 61 Gauss nodes integrate the products exactly; 1e-13 is the rounding of 61 terms
    np.testing.assert_allclose(gram, np.diag(2 / (2 * np.arange(61) + 1)), atol=1e-13)


def test_derivatives_are_the_gradients_of_the_polynomials(rng):
    x = jnp.asarray(np.append(rng.uniform(-1.0, 1.0, 50), 0.0))  # 0: where parity switches
    by_jax = jax.vmap(jax.jacfwd(lambda point: legendre_polynomials(point, 60)))(x)
    slopes = legendre_derivatives(x, 60)
    # 1e-11: 1e-14 of the largest derivative, l(l+1)/2 = 1830
    np.testing.assert_allclose(slopes, by_jax, atol=1e-11)


def test_any_shape_and_order_zero():
    x = jnp.zeros((2, 3))
    assert legendre_polynomials(x, 4).shape == (2, 3, 5)
    assert legendre_polynomials(jnp.asarray(0.3), 0).tolist() == [1.0]
    assert legendre_derivatives(jnp.asarray(0.3), 0).tolist() == [0.0]


@pytest.mark.parametrize("function", [legendre_polynomials, legendre_derivatives])
def test_negative_order_is_rejected(function):
    with pytest.raises(ValueError, match=r"lmax: expected an integer >= 0, got -1"):
        function(jnp.zeros(3), -1)


@pytest.mark.parametrize("function", [legendre_polynomials, legendre_derivatives])
def test_float32_stays_float32(function):
    x = np.linspace(-1.0, 1.0, 101)
    values = function(jnp.asarray(x, jnp.float32), 24)
    assert values.dtype == jnp.float32
    reference = np.asarray(function(jnp.asarray(x), 24))
    # 3e-5 of the largest value: 24 * 25 / 2 = 300 roundings of x in float32
    np.testing.assert_allclose(values, reference, atol=3e-5 * np.abs(reference).max())
