import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcr.sky import BoundaryDistribution, DipoleBoundary, FunctionBoundary, TrapBoundary

AXIS = np.array([1.0, -2.0, 2.0])  # of length 3
ORIGIN = jnp.zeros(3)


@pytest.fixture
def directions(rng):
    vectors = rng.standard_normal((50, 3))
    return jnp.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True))


def excess(boundary, directions):
    return jax.vmap(lambda n: boundary.excess(ORIGIN, n))(directions)


def test_dipole_is_a_cosine(directions):
    boundary = DipoleBoundary(jnp.asarray(AXIS), 2e-3)
    # 1e-18: two roundings of numbers below 2e-3.
    expected = 2e-3 * np.asarray(directions) @ AXIS / 3
    assert np.allclose(excess(boundary, directions), expected, rtol=0, atol=2e-18)


def test_trap_series_equals_numpy(directions, rng):
    coefficients = rng.standard_normal(25)
    boundary = TrapBoundary(jnp.asarray(coefficients), jnp.asarray(AXIS))
    series = coefficients / coefficients[0]
    series[0] = 0
    expected = np.polynomial.legendre.legval(np.asarray(directions) @ AXIS / 3, series)
    # 1e-12: 25 terms of size 1 / f_0, each of a recurrence of 25 steps.
    assert np.allclose(excess(boundary, directions), expected, rtol=1e-12, atol=1e-12)


def test_trap_of_order_one_is_a_dipole(directions):
    trap = TrapBoundary(jnp.array([2.0, 1e-3]), jnp.asarray(AXIS))
    dipole = DipoleBoundary(jnp.asarray(AXIS), 5e-4)
    assert np.allclose(excess(trap, directions), excess(dipole, directions), atol=1e-18)


def test_a_monopole_alone_is_isotropic(directions):
    boundary = TrapBoundary(jnp.array([3.0]), jnp.asarray(AXIS))
    assert np.all(np.asarray(excess(boundary, directions)) == 0)


def test_the_unit_of_the_density_divides_out(directions, rng):
    coefficients = jnp.asarray(rng.standard_normal(7))
    one, other = (TrapBoundary(x * coefficients, jnp.asarray(AXIS)) for x in (1.0, 1e40))
    # 1e-14: rounding of the factor.
    assert np.allclose(excess(one, directions), excess(other, directions), rtol=1e-14)


def test_the_axis_is_normalised():
    for boundary in (
        DipoleBoundary(jnp.asarray(AXIS), 1.0),
        TrapBoundary(jnp.ones(3), jnp.asarray(AXIS)),
    ):
        assert np.allclose(boundary.axis, AXIS / 3, atol=1e-16)


def test_function_sees_position_and_direction():
    boundary = FunctionBoundary(lambda position, direction: position[0] * direction[2])
    assert boundary.excess(jnp.array([2.0, 0.0, 0.0]), jnp.array([0.0, 0.0, 0.5])) == 1.0


def test_cosines_rounded_beyond_one_stay_inside():
    boundary = TrapBoundary(jnp.array([1.0, 0.0, 1.0]), jnp.array([1.0, 0.0, 0.0]))
    # P_2(1) = 1; unclipped, the excess would be 3e-3 more.
    assert boundary.excess(ORIGIN, jnp.array([1.001, 0.0, 0.0])) == 1.0


def test_gradient_by_the_coefficients():
    direction = jnp.array([0.6, 0.0, 0.8])
    coefficients = jnp.array([2.0, 0.3, -0.1, 0.05])

    def value(coefficients):
        return TrapBoundary(coefficients, jnp.array([1.0, 0.0, 0.0])).excess(ORIGIN, direction)

    gradient = jax.grad(value)(coefficients)
    cosine = 0.6
    legendre = np.array([cosine, (3 * cosine**2 - 1) / 2, (5 * cosine**3 - 3 * cosine) / 2])
    # 1e-15: a dozen roundings. The excess is a ratio, so f_0 takes back what the others give.
    assert np.allclose(gradient[1:], legendre / 2, atol=1e-15)
    assert np.allclose(gradient[0], -value(coefficients) / 2, atol=1e-15)


def test_gradient_by_the_amplitude():
    direction = jnp.array([0.0, 0.6, 0.8])
    gradient = jax.grad(lambda a: DipoleBoundary(jnp.array([0.0, 0.0, 1.0]), a).excess(
        ORIGIN, direction))(0.1)  # fmt: skip
    assert gradient == 0.8


def test_the_interface_cannot_be_built():
    with pytest.raises(TypeError, match="abstract"):
        BoundaryDistribution()


@pytest.mark.parametrize("width", [jnp.float32, jnp.float64])
def test_excess_has_the_type_of_the_orbit(width):
    direction = jnp.array([0.0, 0.0, 1.0], width)
    axis = jnp.asarray(AXIS)
    for boundary in (DipoleBoundary(axis, 1e-3), TrapBoundary(jnp.ones(3), axis)):
        assert boundary.excess(ORIGIN.astype(width), direction).dtype == width
