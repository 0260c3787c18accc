import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import integrate, linalg, special

from jaxcr.arrays import Scalar
from jaxcr.kinetic.pitch_angle.anisotropy import damping_matrix, steady_anisotropy
from jaxcr.kinetic.pitch_angle.operators import scattering_matrix

# Uniform L and D(mu): f = e^(kz) g(mu) solves v mu f_z + (v/2L)(1 - mu²) f_mu = d_mu(D f_mu) for
# k = 0 with g = 1, which carries no flux, and for k = -1/L, where N = f/B does not depend on z and
# its flux in mu vanishes: (v/2L)(1 - mu²) g = D g', g = e^G. All others, k between sources and
# ends, fade within some mean free paths: the flux per area, int v mu f dmu/B, is constant, and so
# k = -1/L for all with a flux. In between
#   f = c0 + c1 e^(-z/L) e^G,   f_0 = c0 + c1 e^(-z/L) <e^G>,
#   k = dlnf_0/dz = -c1 e^(-z/L) <e^G>/(L f_0),
# and f/f_0 = 1 - k L (e^G/<e^G> - 1).


class Scattering(eqx.Module):
    """D = nu (1 - mu²)|mu|^s / 2."""

    nu: Scalar
    power: Scalar

    def __init__(self, nu, power=0.0):
        self.nu, self.power = jnp.asarray(nu), jnp.asarray(power)

    def __call__(self, mu):
        return self.nu * (1 - mu**2) * jnp.abs(mu) ** self.power / 2


@eqx.filter_jit
def anisotropy(diffusion, gradient, inverse, speed):
    return steady_anisotropy(
        diffusion, gradient=gradient, inverse_focusing_length=inverse, speed=speed, lmax=4
    )


@eqx.filter_jit
def damped(diffusion, path):
    return damping_matrix(diffusion, path, lmax=5)


def series(nu, power, gradient, inverse, speed):
    return anisotropy(
        Scattering(nu, power), jnp.asarray(gradient), jnp.asarray(inverse), jnp.asarray(speed)
    )


def test_without_focusing_a_pure_dipole_of_the_mean_free_path():
    # lambda = v/nu
    np.testing.assert_allclose(
        series(0.5, 0.0, 0.01, 0.0, 0.8), [1, -0.8 / 0.5 * 0.01, 0, 0, 0], atol=1e-14
    )


@pytest.mark.parametrize("inverse", [0.2, -2.0, 20.0])
def test_focusing_makes_spherical_bessel_functions(inverse):
    # G = xi mu, xi = v/(nu L), and <e^(xi mu) P_l> = i_l(xi)
    xi, order = 0.8 / 0.5 * inverse, np.arange(5)
    bessel = special.spherical_in(order, abs(xi)) * np.sign(xi) ** order
    expected = -0.01 / inverse * (2 * order + 1) * bessel / bessel[0]
    expected[0] = 1
    # 1e-11: a hundred Gauss nodes in each half for e^(xi mu), of width 1/xi
    np.testing.assert_allclose(
        series(0.5, 0.0, 0.01, inverse, 0.8), expected, rtol=1e-11, atol=1e-15
    )


@pytest.mark.parametrize("power", [1 / 2, 2 / 3])
def test_a_gap_at_90_degrees_against_quadrature(power):
    nu, inverse, gradient = 0.5, 0.3, 0.02

    def exponent(mu):  # inverse int_0^mu (1 - mu²)/(2 D)
        return inverse * np.sign(mu) * np.abs(mu) ** (1 - power) / (nu * (1 - power))

    def mean(order):
        def integrand(u):  # mu = ±u⁶
            mu = u**6
            both = sum(np.exp(exponent(m)) * special.eval_legendre(order, m) for m in (mu, -mu))
            return 3 * u**5 * both

        return integrate.quad(integrand, 0, 1, epsabs=1e-14)[0]

    expected = [-gradient / inverse * (2 * l + 1) * mean(l) / mean(0) for l in range(1, 5)]
    # 1e-10: of the quadrature, by differences of its terms
    np.testing.assert_allclose(series(nu, power, gradient, inverse, 1.0)[1:], expected, rtol=1e-10)


def test_no_gradient_is_isotropic_and_the_equilibrium_of_n_is_exp_g():
    np.testing.assert_allclose(series(0.5, 0.5, 0.0, 0.3, 1.0), [1, 0, 0, 0, 0], atol=0)
    # k = -1/L: f/f_0 = e^G/<e^G>, with f_1 = 3 (coth xi - 1/xi)
    xi = 0.3 / 0.5
    expected = 3 * (1 / np.tanh(xi) - 1 / xi)
    np.testing.assert_allclose(series(0.5, 0.0, -0.3, 0.3, 1.0)[1], expected, rtol=1e-13)


def test_gradient_by_rate_and_focusing_length():
    def dipole(x):
        return series(x[0], 2 / 3, 0.01, x[1], 1.0)[1:3]

    jacobian = eqx.filter_jit(jax.jacrev(dipole))
    for inverse in (0.3, 0.0):
        x, step = jnp.array([0.5, inverse]), 1e-5
        difference = [(dipole(x + d) - dipole(x - d)) / (2 * step) for d in step * jnp.eye(2)]
        # 1e-7 of the largest: step² of truncation and eps/step of rounding
        slopes = jacobian(x)
        np.testing.assert_allclose(
            slopes, np.transpose(difference), atol=1e-7 * float(jnp.abs(slopes).max())
        )


def test_isotropic_scattering_damps_each_order_alone():
    order = np.arange(6)
    factors = np.exp(-0.1 * order * (order + 1))  # nu l(l + 1) path/2
    # 1e-12: rounding, times the largest of 26 orders, exponent 0.1 x 700, in the exponential
    np.testing.assert_allclose(
        damped(Scattering(0.5), jnp.asarray(0.4)), np.diag(factors), atol=1e-12
    )


def test_a_gap_couples_orders_and_keeps_particles_and_parity():
    matrix = np.asarray(damped(Scattering(0.5, 2 / 3), jnp.asarray(0.4)))
    np.testing.assert_allclose(matrix[0], np.eye(6)[0], atol=1e-14)
    np.testing.assert_allclose(matrix[::2, 1::2], 0, atol=1e-14)
    assert abs(matrix[1, 3]) > 1e-3
    # orders above exchange power with those kept; the 26 followed leave less than 5e-3
    longer = linalg.expm(0.4 * np.asarray(scattering_matrix(Scattering(0.5, 2 / 3), lmax=56)))[
        :6, :6
    ]
    np.testing.assert_allclose(matrix, longer, atol=5e-3)
    # symmetric in normalised polynomials
    weight = 2 * np.arange(6) + 1
    np.testing.assert_allclose(matrix / weight[:, None], (matrix / weight[:, None]).T, atol=1e-13)


def test_errors():
    with pytest.raises(ValueError, match="steady_anisotropy: lmax: expected a number >= 1"):
        steady_anisotropy(Scattering(0.5), gradient=0.1, lmax=0)
    with pytest.raises(ValueError, match="steady_anisotropy: diffusion: expected a number > 0"):
        steady_anisotropy(Scattering(0.0), gradient=0.1, lmax=2)
    with pytest.raises(ValueError, match="damping_matrix: path: expected a number >= 0"):
        damping_matrix(Scattering(0.5), -1.0, lmax=2)
    with pytest.raises(ValueError, match="damping_matrix: lmax"):
        damping_matrix(Scattering(0.5), 1.0, lmax=0)
