import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import integrate, special

from jaxcr.arrays import Scalar
from jaxcr.kinetic.pitch_angle.operators import FiniteVolume, LegendreSeries, scattering_matrix
from jaxcr.kinetic.pitch_angle.quadrature import half_range_rule, integrals_from_zero

METHODS = [LegendreSeries(9), FiniteVolume(12)]
ROUNDING = 1e-12  # of matrices whose largest entries are some hundreds


class Scattering(eqx.Module):
    """D = nu (1 - mu²)(1 + b mu²)|mu|^s / 2."""

    nu: Scalar
    bend: Scalar
    power: Scalar

    def __init__(self, nu, bend=0.0, power=0.0):
        self.nu, self.bend, self.power = (jnp.asarray(x) for x in (nu, bend, power))

    def __call__(self, mu):
        # |mu|^s without the NaN slope of 0^0
        size = jnp.where(mu == 0, 1.0, jnp.abs(mu))
        gap = jnp.where((mu == 0) & (self.power > 0), 0.0, size**self.power)
        return self.nu * (1 - mu**2) * (1 + self.bend * mu**2) * gap / 2


@eqx.filter_jit
def operator(method, diffusion, focusing):
    return method.operator(diffusion, focusing)


def eigenvalues(matrix):
    return np.sort(np.linalg.eigvals(np.asarray(matrix)).real)[::-1]


@pytest.mark.parametrize("method", METHODS, ids=repr)
def test_particles_only_move_and_the_isotropic_state_obeys_liouville(method):
    matrix = operator(method, Scattering(0.7, 0.5, 2 / 3), jnp.asarray(0.3))
    cosines = np.asarray(method.cosines())
    np.testing.assert_allclose(method.weights() @ matrix, 0, atol=ROUNDING)
    # d_mu (1 - mu²) = -2 mu, with the sign of the operator
    np.testing.assert_allclose(matrix.sum(axis=1), 2 * 0.3 * cosines, atol=ROUNDING)
    np.testing.assert_allclose(cosines, -cosines[::-1], atol=0)
    np.testing.assert_allclose(method.weights().sum(), 2, rtol=1e-15)


@pytest.mark.parametrize("method", METHODS, ids=repr)
def test_isotropic_scattering_has_the_rates_of_legendre(method):
    rates = eigenvalues(operator(method, Scattering(0.7), jnp.asarray(0.0)))
    order = np.arange(rates.size)
    # The discrete Legendre polynomials diagonalise the finite volumes with the same eigenvalues.
    np.testing.assert_allclose(rates, -0.7 * order * (order + 1) / 2, atol=ROUNDING)


def test_matrix_elements_are_the_integrals():
    diffusion = Scattering(0.7, 0.5, 2 / 3)
    matrix = scattering_matrix(diffusion, lmax=3)

    def element(l, k):
        slopes = [special.legendre(n).deriv() for n in (l, k)]

        def integrand(u):  # mu = u³
            mu = u**3
            even = slopes[0](mu) * slopes[1](mu) + slopes[0](-mu) * slopes[1](-mu)
            return 0.35 * (1 - mu**2) * (1 + 0.5 * mu**2) * u**2 * even * 3 * u**2

        return -(l + 0.5) * integrate.quad(integrand, 0, 1, epsabs=1e-13)[0]

    expected = [[element(l, k) for k in range(4)] for l in range(4)]
    np.testing.assert_allclose(matrix, expected, atol=ROUNDING)


def test_finite_volumes_converge_to_second_order():
    diffusion = Scattering(1.0, 1.0)
    exact = eigenvalues(operator(LegendreSeries(9), diffusion, jnp.asarray(0.2)))[1:4]
    errors = [
        np.abs(eigenvalues(operator(FiniteVolume(n), diffusion, jnp.asarray(0.2)))[1:4] - exact)
        for n in (12, 24)
    ]
    # 4 up to the next order, h² = 1/36
    np.testing.assert_allclose(errors[0] / errors[1], 4, atol=0.15)


def test_finite_volumes_hold_the_focused_equilibrium_and_stay_positive():
    nu, focusing = 0.5, 1.5
    method = FiniteVolume(5)
    # dG/dmu = focusing (1 - mu²)/D = 2 focusing/nu; the exponential fit has it in its own cells
    equilibrium = jnp.exp(2 * focusing / nu * method.cosines())
    matrix = operator(method, Scattering(nu), jnp.asarray(focusing))
    np.testing.assert_allclose(matrix @ equilibrium, 0, atol=1e-12 * float(equilibrium.max()))
    for scattering in (nu, 1e-3, 0.0):
        matrix = operator(method, Scattering(scattering), jnp.asarray(-focusing))
        outside = matrix - jnp.diag(jnp.diag(matrix))
        assert float(outside.min()) >= 0  # no cell is drawn below zero by its neighbours


@pytest.mark.parametrize("method", METHODS, ids=repr)
def test_coefficients_of_a_series(method):
    cosines = method.cosines()
    values = jnp.stack([1 + 0 * cosines, 0.3 * cosines])
    series = np.asarray(method.coefficients(values, 11))
    expected = np.zeros((2, 12))
    expected[0, 0], expected[1, 1] = 1, 0.3
    if isinstance(method, LegendreSeries):
        np.testing.assert_allclose(series, expected, atol=1e-14)  # rounding
    else:  # a staircase has the dipole 1 - h²/4, h = 1/6
        np.testing.assert_allclose(series[0], expected[0], atol=1e-14)
        np.testing.assert_allclose(series[1, 1], 0.3 * (1 - 1 / 144), rtol=1e-13)


def test_integrals_through_a_cusp():
    nodes, weights = half_range_rule(24, power=6)
    values = 1 / jnp.abs(nodes) ** (2 / 3) + nodes**2
    exact = 3 * jnp.sign(nodes) * jnp.abs(nodes) ** (1 / 3) + nodes**3 / 3
    np.testing.assert_allclose(weights @ values, 6 + 2 / 3, rtol=1e-13)
    integrals = integrals_from_zero(24, power=6) @ values
    np.testing.assert_allclose(integrals, exact, atol=1e-12)  # the largest value is 3


@pytest.mark.parametrize("method", METHODS, ids=repr)
def test_gradient_by_rate_and_focusing(method):
    weight = jnp.asarray(np.random.default_rng(1).normal(size=(method.cosines().size,) * 2))

    @jax.jit
    @jax.value_and_grad
    def number(x):
        return jnp.sum(weight * method.operator(Scattering(x[0], 0.5), x[1]))

    x, step = jnp.array([0.4, 0.3]), 1e-5
    shifts = step * jnp.eye(2)
    difference = [(number(x + d)[0] - number(x - d)[0]) / (2 * step) for d in shifts]
    # 1e-7: step² of truncation and 1e-14/step of rounding
    np.testing.assert_allclose(number(x)[1], difference, rtol=1e-7)


def test_errors():
    with pytest.raises(ValueError, match="LegendreSeries: lmax: expected a number >= 1"):
        LegendreSeries(0)
    with pytest.raises(ValueError, match="FiniteVolume: num_cells: expected a number >= 2"):
        FiniteVolume(1)
    with pytest.raises(ValueError, match="scattering_matrix: diffusion: expected a number >="):
        scattering_matrix(Scattering(-1.0), lmax=2)
    with pytest.raises(ValueError, match="FiniteVolume: diffusion: expected shape"):
        FiniteVolume(4).operator(lambda mu: jnp.asarray(1.0), 0.0)


@pytest.mark.parametrize("num_cells", [40, 41])
def test_cells_diffuse_through_a_rate_that_touches_zero(num_cells):
    """D = (1 - mu²) abs(mu)^(2/3)/2: kappa = (1/8) int (1 - mu²)²/D = 9/7, though D(0) = 0.

    kappa = int mu g dmu/2 with d_mu(D d_mu g) = -mu; sampled at a face of mu = 0 the hemispheres
    would part and kappa be infinite.
    """
    method = FiniteVolume(num_cells)
    matrix = method.operator(lambda mu: (1 - mu**2) * jnp.abs(mu) ** (2 / 3) / 2, 0.0)
    mu = np.asarray(method.cosines())
    flow = np.linalg.lstsq(np.asarray(matrix), -mu, rcond=None)[0]
    np.testing.assert_allclose(np.mean(mu * flow), 9 / 7, rtol=4e-3)
