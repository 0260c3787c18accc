import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import eval_legendre, poch

from jaxcr.sky.theory import bgk_spectrum, fokker_planck_spectrum

EXPONENTS = [-0.5, 0.0, 0.5, 0.95]


def legendre_moment(s, l):
    """Return int (1-x)^s P_l dx = 2^(s+1) (-s)_l / (s+1)_(l+1)."""
    return 2 ** (s + 1) * poch(-s, l) / poch(s + 1, l + 1)


def power_law(p, lmax):
    """Return C_l / C_1 of both closures for nu_r ~ (1-x)^p, with x = 1 - (1-x)."""
    l = np.arange(1, lmax + 1)
    bgk = legendre_moment(-p, l) - legendre_moment(1 - p, l)
    both = bgk / bgk[0], 2 * bgk / bgk[0] / (l * (l + 1))
    return tuple(np.concatenate([[0.0], x]) for x in both)


@pytest.mark.parametrize("p", EXPONENTS)
def test_quadrature_equals_the_power_law(p):
    exponent = jnp.asarray(p)
    found = bgk_spectrum(lambda x: 3 * (1 - x) ** exponent, 64)
    # 1e-9: the rate below 1 - x = 1e-6, where x is rounded, has a share of that times the
    # rounding of the exponent found there; 2e-10 is reached, at p = 0.95.
    assert np.allclose(found, power_law(p, 64)[0], rtol=0, atol=1e-9)
    found = fokker_planck_spectrum(lambda x: (1 - x) ** exponent, 20)
    assert np.allclose(found, power_law(p, 20)[1], rtol=0, atol=1e-9)


def test_a_rate_that_knows_no_angle_leaves_the_dipole():
    # int x P_l dx is 2/3 at l = 1 and 0 elsewhere.
    assert np.allclose(bgk_spectrum(lambda x: 2.0, 10), np.eye(11)[1], atol=1e-14)


def test_slopes():
    # C_l ~ l^(2p-2) and l^(2p-4)
    for p in (0.3, 0.5, 0.8):
        for closure, slope in ((bgk_spectrum, 2 * p - 2), (fokker_planck_spectrum, 2 * p - 4)):
            c_ell = closure(lambda x, p=p: (1 - x) ** p, 200)
            found = np.log(c_ell[200] / c_ell[100]) / np.log(2)
            assert np.isclose(found, slope, atol=2e-2)  # terms of relative order 1/l


def test_equals_scipy_on_a_rate_of_another_form():
    # With x = 1 - u² the integrand is smooth at the end.
    def reference(l):
        def integrand(u):
            x = 1 - u**2
            rate = u * (1 + 0.5 * x) / (1 + u**2)
            return 2 * u * x * eval_legendre(l, x) / rate

        return quad(integrand, 0, np.sqrt(2), epsabs=1e-13, epsrel=1e-13, limit=200)[0]

    found = bgk_spectrum(lambda x: jnp.sqrt(1 - x) * (1 + 0.5 * x) / (2 - x), 16)
    expected = [reference(l) / reference(1) for l in (2, 5, 16)]
    # 1e-8: below the edge, 1e-6, the continued power is right to 1e-6 on a share of 1e-3.
    assert np.allclose(np.asarray(found)[[2, 5, 16]], expected, rtol=0, atol=1e-8)


def test_gradient_against_the_closed_form():
    row = np.arange(9.0)
    numeric = jax.jit(lambda p: jnp.sum(row * fokker_planck_spectrum(lambda x: (1 - x) ** p, 8)))
    size = 1e-5
    high, low = (np.sum(row * power_law(0.4 + s, 8)[1]) for s in (size, -size))
    found = jax.jit(jax.grad(numeric))(0.4)
    # as the values, times a logarithm of 1e-6; truncation size²
    assert np.isclose(found, (high - low) / (2 * size), rtol=1e-8)


def test_jit_with_the_rate_as_parameter():
    found = jax.jit(lambda p: bgk_spectrum(lambda x: (1 - x) ** p, 8))(0.5)
    assert np.allclose(found, power_law(0.5, 8)[0], rtol=0, atol=1e-9)


def test_errors():
    with pytest.raises(
        ValueError, match=r"bgk_spectrum: .*of the rate.* diverges from p = 1\), got 1\."
    ):
        bgk_spectrum(lambda x: 1 - x, 8)
    with pytest.raises(
        ValueError, match=r"fokker_planck_spectrum: rate: expected a positive number"
    ):
        fokker_planck_spectrum(lambda x: x, 8)
    for function in (bgk_spectrum, fokker_planck_spectrum):
        with pytest.raises(ValueError, match=r"_spectrum: lmax: expected a number >= 1, got 0"):
            function(lambda x: 2.0, 0)


def test_float32():
    with jax.enable_x64(False):
        found = bgk_spectrum(lambda x: jnp.sqrt(1 - x), 16)
        assert found.dtype == jnp.float32
        # 1e-5: x near 1 is rounded to 6e-8, and the rate is continued from 1 - x = 3e-3.
        assert np.allclose(found, power_law(0.5, 16)[0], rtol=0, atol=1e-5)
