import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcr.fields import DipoleField, UniformField
from jaxcr.sky import (
    BoundaryDistribution,
    ConvectionBoundary,
    DipoleBoundary,
    FunctionBoundary,
    GradientBoundary,
    QuasiSteadyBoundary,
    TrapBoundary,
)

AXIS = np.array([1.0, -2.0, 2.0])  # of length 3
ORIGIN = jnp.zeros(3)
SIDEWAYS = jnp.array([0.6, 0.8, 0.0])


@pytest.fixture
def directions(rng):
    vectors = rng.standard_normal((50, 3))
    return jnp.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True))


def excess(boundary, directions):
    return jax.vmap(lambda n: boundary.excess(ORIGIN, n, ORIGIN))(directions)


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
    assert boundary.excess(jnp.array([2.0, 0.0, 0.0]), jnp.array([0.0, 0.0, 0.5]), ORIGIN) == 1.0


def test_cosines_rounded_beyond_one_stay_inside():
    boundary = TrapBoundary(jnp.array([1.0, 0.0, 1.0]), jnp.array([1.0, 0.0, 0.0]))
    # P_2(1) = 1; unclipped, the excess would be 3e-3 more.
    assert boundary.excess(ORIGIN, jnp.array([1.001, 0.0, 0.0]), ORIGIN) == 1.0


def test_gradient_by_the_coefficients():
    direction = jnp.array([0.6, 0.0, 0.8])
    coefficients = jnp.array([2.0, 0.3, -0.1, 0.05])

    def value(coefficients):
        return TrapBoundary(coefficients, jnp.array([1.0, 0.0, 0.0])).excess(
            ORIGIN, direction, ORIGIN
        )

    gradient = jax.grad(value)(coefficients)
    cosine = 0.6
    legendre = np.array([cosine, (3 * cosine**2 - 1) / 2, (5 * cosine**3 - 3 * cosine) / 2])
    # 1e-15: a dozen roundings. The excess is a ratio, so f_0 takes back what the others give.
    assert np.allclose(gradient[1:], legendre / 2, atol=1e-15)
    assert np.allclose(gradient[0], -value(coefficients) / 2, atol=1e-15)


def test_gradient_by_the_amplitude():
    direction = jnp.array([0.0, 0.6, 0.8])
    gradient = jax.grad(lambda a: DipoleBoundary(jnp.array([0.0, 0.0, 1.0]), a).excess(
        ORIGIN, direction, ORIGIN))(0.1)  # fmt: skip
    assert gradient == 0.8


def test_the_interface_cannot_be_built():
    with pytest.raises(TypeError, match="abstract"):
        BoundaryDistribution()


@pytest.mark.parametrize("width", [jnp.float32, jnp.float64])
def test_excess_has_the_type_of_the_orbit(width):
    direction = jnp.array([0.0, 0.0, 1.0], width)
    axis = jnp.asarray(AXIS)
    for boundary in (DipoleBoundary(axis, 1e-3), TrapBoundary(jnp.ones(3), axis)):
        assert boundary.excess(ORIGIN.astype(width), direction, ORIGIN.astype(width)).dtype == width


SIDEWAYS, ORIGIN = jnp.array([3.0, 1.0, -2.0]), jnp.array([1.0, 1.0, 1.0])


def test_dipole_along_the_local_field(directions):
    field = DipoleField(
        polar_strength=2.0, radius=1.0, axis=jnp.array([0.0, 0.0, 1.0]), center=jnp.zeros(3)
    )
    boundary = DipoleBoundary(field, 2e-3)
    b = np.asarray(field(SIDEWAYS))
    expected = 2e-3 * np.asarray(directions) @ b / np.linalg.norm(b)
    found = jax.vmap(lambda n: boundary.excess(SIDEWAYS, n, ORIGIN))(directions)
    assert np.allclose(found, expected, rtol=0, atol=1e-17)  # ten roundings below 2e-3
    uniform = DipoleBoundary(UniformField(jnp.asarray(AXIS)), 2e-3)
    assert np.allclose(
        excess(uniform, directions), excess(DipoleBoundary(jnp.asarray(AXIS), 2e-3), directions),
        rtol=0, atol=1e-17,
    )  # fmt: skip


def test_dipole_in_position_is_about_the_observer():
    boundary = DipoleBoundary(jnp.asarray(AXIS), 0.5, by_position=True)
    away = np.array([2.0, 0.0, -3.0])
    expected = 0.5 * (away @ AXIS / 3) / np.sqrt(13)
    for direction in ([1.0, 0.0, 0.0], [0.0, 0.0, 1.0]):
        found = boundary.excess(SIDEWAYS, jnp.array(direction), ORIGIN)
        assert np.isclose(found, expected, rtol=1e-15)  # a few roundings
    assert boundary.excess(ORIGIN, jnp.array(direction), ORIGIN) == 0


def test_without_a_local_field_there_is_no_dipole():
    boundary = DipoleBoundary(UniformField(jnp.zeros(3)), 1.0)

    def value(position):
        return boundary.excess(position, jnp.array([1.0, 0.0, 0.0]), ORIGIN)

    assert value(SIDEWAYS) == 0
    assert np.all(jax.grad(value)(SIDEWAYS) == 0)


def test_gradient_counts_from_the_observer():
    boundary = GradientBoundary(jnp.array([0.1, 0.2, -0.3]))
    assert np.isclose(boundary.excess(SIDEWAYS, jnp.array([1.0, 0, 0]), ORIGIN), 0.2 + 0.9)


def test_diffusion_has_the_flux_of_fick(rng):
    gradient, tensor = jnp.asarray(rng.standard_normal(3)), jnp.asarray(rng.standard_normal((3, 3)))
    boundary = QuasiSteadyBoundary(gradient, tensor)
    # The flux over n v is a third of the dipole: <n (1 + d · n)> = d / 3 over directions, by
    # Gauss's rule in the cosine and four azimuths, exact for polynomials of degree 2.
    z, weight = np.polynomial.legendre.leggauss(3)
    angle = np.arange(4) * np.pi / 2
    sky = np.stack(
        [
            (np.sqrt(1 - z[:, None] ** 2) * np.cos(angle)).ravel(),
            (np.sqrt(1 - z[:, None] ** 2) * np.sin(angle)).ravel(),
            np.repeat(z, 4),
        ],
        axis=-1,
    )
    value = jax.vmap(lambda n: boundary.excess(ORIGIN, n, ORIGIN))(jnp.asarray(sky))
    flux = np.repeat(weight, 4) / 8 @ (sky * np.asarray(value)[:, None])
    assert np.allclose(flux, -np.asarray(tensor) @ np.asarray(gradient), atol=1e-14)  # round-off


def test_a_trap_behind_a_gradient_has_the_dipole_of_the_flux(rng):
    gradient = jnp.array([0.02, -0.01, 0.03])
    tensor = jnp.asarray(rng.standard_normal((3, 3)))
    trap = TrapBoundary(jnp.array([2.0, -0.5, 0.3, 0.1]), jnp.array([0.0, 0.0, 2.0]))
    position, n = jnp.array([1.0, 2.0, 3.0]), jnp.array([0.48, 0.6, 0.64])
    value = QuasiSteadyBoundary(gradient, tensor, trap).excess(position, n, ORIGIN)
    f_1 = -3 * (tensor @ gradient)[2]
    mu = 0.64
    beyond = 0.3 / -0.5 * (1.5 * mu**2 - 0.5) + 0.1 / -0.5 * (2.5 * mu**3 - 1.5 * mu)
    plain = QuasiSteadyBoundary(gradient, tensor).excess(position, n, ORIGIN)
    np.testing.assert_allclose(value, plain + f_1 * beyond, rtol=1e-13)


def test_a_trap_without_flux_is_no_source_of_one():
    level = TrapBoundary(jnp.array([1.0, 0.0, 0.3]), SIDEWAYS)
    with pytest.raises(ValueError, match=r"QuasiSteadyBoundary: trap: .f_1.: expected a positive"):
        QuasiSteadyBoundary(SIDEWAYS, jnp.eye(3), level)


def test_motion_of_the_earth_is_the_compton_getting_effect():
    # 29.8 km/s through isotropic particles of index 2.7: 4.7 * 29.8 / 299,792.458 = 4.67e-4,
    # more from ahead, that is with momentum against the motion.
    motion = np.array([29.8 / 299_792.458, 0.0, 0.0])
    boundary = ConvectionBoundary(-jnp.asarray(motion), index=2.7)
    ahead = boundary.excess(ORIGIN, jnp.array([-1.0, 0.0, 0.0]), ORIGIN)
    assert np.isclose(ahead, 4.672e-4, rtol=1e-4)  # digits given


def test_compton_getting_is_the_transformed_power_law(rng):
    # f(p) ~ p^-(index + 2) is invariant: in the observer's frame at the same p the particle has
    # the momentum p' = p (1 - n · V) in the moving frame, to first order.
    velocity = 1e-6 * rng.standard_normal(3)
    direction = rng.standard_normal(3)
    direction /= np.linalg.norm(direction)
    momentum = np.linalg.norm(direction - velocity)
    expected = momentum ** -(2.4 + 2) - 1
    found = ConvectionBoundary(jnp.asarray(velocity), 2.4).excess(
        ORIGIN, jnp.asarray(direction), ORIGIN
    )
    assert np.isclose(found, expected, rtol=0, atol=1e-10)  # second order in 1e-6, times 20


def test_boundaries_add(directions):
    parts = (GradientBoundary(jnp.array([0.1, 0.0, 0.0])), DipoleBoundary(jnp.asarray(AXIS), 0.3))
    together = parts[0] + parts[1]
    found = together.excess(SIDEWAYS, directions[0], ORIGIN)
    assert found == sum(part.excess(SIDEWAYS, directions[0], ORIGIN) for part in parts)
    with pytest.raises(TypeError, match="unsupported operand"):
        parts[0] + 1.0


@pytest.mark.parametrize("kind", [lambda a: DipoleBoundary(a, 1.0),
                                  lambda a: TrapBoundary(jnp.ones(2), a)])  # fmt: skip
def test_an_axis_without_length(kind):
    with pytest.raises(ValueError, match=r"Boundary: axis: expected a direction, got \[0.0, 0.0"):
        kind(jnp.zeros(3))


def test_a_function_of_many_particles_is_refused():
    boundary = FunctionBoundary(lambda position, direction: direction)
    with pytest.raises(ValueError, match=r"result: expected shape \(\), got shape \(3,\)"):
        boundary.excess(ORIGIN, SIDEWAYS, ORIGIN)


@pytest.mark.parametrize(
    "kind",
    [
        lambda vector: DipoleBoundary(vector, 1.0),
        lambda vector: TrapBoundary(jnp.ones(2), vector),
        GradientBoundary,
        ConvectionBoundary,
        lambda vector: QuasiSteadyBoundary(vector, jnp.eye(3)),
    ],
)
@pytest.mark.parametrize("shape", [(1,), (2,)])
def test_a_vector_of_another_shape_is_refused(kind, shape):
    message = rf"Boundary: \w+: expected .* of shape \(xyz=3\).* of shape \({shape[0]},\)"
    with pytest.raises(ValueError, match=message):
        kind(jnp.ones(shape))


def test_a_diffusion_tensor_of_another_shape_is_refused():
    with pytest.raises(ValueError, match=r"diffusion: expected .* of shape \(xyz=3 xyz=3\), got"):
        QuasiSteadyBoundary(jnp.ones(3), jnp.ones((1, 3)))


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda x: DipoleBoundary(SIDEWAYS, x), "DipoleBoundary: amplitude: expected finite"),
        (lambda x: DipoleBoundary(x * SIDEWAYS, 1), "DipoleBoundary: axis: expected a direction"),
        (lambda x: GradientBoundary(x * SIDEWAYS), "GradientBoundary: gradient: expected finite"),
        (lambda x: QuasiSteadyBoundary(SIDEWAYS, x * jnp.eye(3)), "diffusion: expected finite"),
        (lambda x: ConvectionBoundary(x * SIDEWAYS), r"velocity: expected .* in \[0, 1\)"),
        (lambda x: ConvectionBoundary(1e-4 * SIDEWAYS, x), "index: expected finite"),
        (lambda x: TrapBoundary(jnp.array([1, x]), SIDEWAYS), "coefficients: expected finite"),
        (lambda x: TrapBoundary(jnp.array([x, 1]), SIDEWAYS), "coefficients: expected finite"),
    ],
)
@pytest.mark.parametrize("number", [np.nan, np.inf])
def test_numbers_that_are_none_are_refused_and_stay_none_inside_jit(build, message, number):
    with pytest.raises(ValueError, match=message):
        build(number)
    excess = jax.jit(lambda x: build(x).excess(ORIGIN, SIDEWAYS, ORIGIN))
    assert not np.isfinite(excess(number))


def test_a_series_without_its_monopole_is_no_distribution():
    """f_l / f_1 with 0 in place of f_0, which a series of traps gives, was a sky of NaN."""
    message = r"f_0, the first coefficient: expected a number other.*TrapSeries\.coefficients"
    with pytest.raises(ValueError, match=message):
        TrapBoundary(jnp.array([0.0, 1.0, 0.5]), SIDEWAYS)
    with pytest.raises(ValueError, match=r"velocity: expected .*got 30000.*In units of c"):
        ConvectionBoundary(jnp.array([3e4, 0, 0]))  # km/s


def test_a_local_axis_of_nan_is_no_excess_of_zero():
    boundary = DipoleBoundary(UniformField(jnp.full(3, jnp.nan)), 1.0)
    assert np.isnan(boundary.excess(ORIGIN, SIDEWAYS, ORIGIN))
