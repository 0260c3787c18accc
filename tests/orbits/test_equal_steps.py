"""Orbits of one length, all stepped together: what lanes give, and derivatives in both modes."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from jaxcr import fields, orbits, units

RIGIDITY = 3.0 / units.GYRORADIUS  # gyroradius 1 pc in 3 µG
LENGTH, NUM_STEPS, NUM = 2.0, 20, 6


def grid(stencil, boundary, storage=jnp.float64, seed=3):
    samples = np.random.default_rng(seed).normal(size=(5, 4, 6, 3))
    return fields.GridField(
        jnp.asarray(samples),
        spacing=0.7,
        origin=jnp.full(3, -1.5),
        stencil=stencil,
        boundary=boundary,
        storage=storage,
    )


def turbulent(stencil=None, boundary=None, **options):
    """Return a mean field plus 1.3 times a grid."""
    uniform = fields.UniformField(jnp.array([0.5, 0.0, 3.0]))
    return uniform + 1.3 * grid(stencil, boundary, **options)


def start(dtype=jnp.float64):
    rng = np.random.default_rng(5)
    n = rng.standard_normal((NUM, 3))
    n /= np.linalg.norm(n, axis=1, keepdims=True)
    return jnp.asarray(rng.uniform(-1, 1, (NUM, 3)), dtype), jnp.asarray(n, dtype)


def all_inputs(field):
    rigidity = RIGIDITY * jnp.linspace(0.8, -1.5, NUM)
    return field, *start(), rigidity, jnp.asarray(LENGTH)


def end_states(inputs):
    field, positions, directions, rigidity, length = inputs
    exits = orbits.trace_ensemble(
        field, positions, directions, rigidity=rigidity, stop=orbits.PathLength(length),
        pusher=orbits.Boris(length / NUM_STEPS),
    )  # fmt: skip
    return exits.position, exits.direction


def plain_end_states(inputs):
    """Return the end states by a scan that JAX differentiates itself."""
    field, positions, directions, rigidity, length = inputs

    def step(state, _):
        def one(x, n, r):
            return orbits.Boris().advance(orbits.Lorentz(field, r), x, n, length / NUM_STEPS)

        return jax.vmap(one)(*state, rigidity), None

    return lax.scan(step, (positions, directions), length=NUM_STEPS)[0]


@eqx.filter_jit
def number_of(inputs):
    return number(end_states(inputs))


def number(states):
    """Return one number that all end states move."""
    positions, directions = states
    weights = jnp.asarray(np.random.default_rng(7).normal(size=(2, NUM, 3)), positions.dtype)
    return jnp.sum(weights[0] * positions**2) + jnp.sum(weights[1] * directions)


class Hole(fields.Field):
    """1 µG along z, and no number beyond x = 0.6."""

    def __call__(self, position):
        strength = jnp.where(position[0] > 0.6, jnp.nan, 1.0)
        return strength * jnp.array([0.0, 0.0, 1.0], position.dtype)

    def max_strength(self):
        return jnp.asarray(1.0)

    def lattice(self):
        return None


CASES = {
    "a turbulent field": (turbulent(fields.CubicSpline()), {}),
    "no number somewhere": (Hole(), {}),
    "samples that end": (grid(fields.Linear(), fields.Clamped()), {}),
    "too many steps": (turbulent(), {"max_steps": 13}),
    "too long a path": (turbulent(), {"max_path_length": 1.31}),
}


FAST = ("a turbulent field", "no number somewhere")


@pytest.mark.parametrize(
    "case", [x if x in FAST else pytest.param(x, marks=pytest.mark.slow) for x in CASES]
)
@pytest.mark.parametrize(
    ("dtype", "tolerance"),
    [(jnp.float64, 1e-12), pytest.param(jnp.float32, 2e-5, marks=pytest.mark.slow)],
)
def test_exits_are_those_of_lanes(case, dtype, tolerance):
    field, options = CASES[case][0], dict(CASES[case][1])
    limit = options.pop("max_path_length", 10.0)  # one that is known is checked
    # The last one is a whole number of steps.
    stop = orbits.PathLength(jnp.array([0.04, 1.3, 2.05, 2.1]))

    @jax.jit
    def exits(stop, limit):
        return orbits.trace_ensemble(
            field, *start(dtype), rigidity=RIGIDITY, stop=stop, pusher=orbits.Boris(0.1),
            max_path_length=limit, **options
        )  # fmt: skip

    # Several kinds of stop go in lanes.
    got, expected = exits(stop, limit), exits(orbits.EachOf(stop), limit)
    assert got.position.dtype == dtype
    for name in ("status", "met", "num_steps"):
        np.testing.assert_array_equal(getattr(got, name), getattr(expected, name))
    for name in ("position", "direction", "path_length"):
        # Round-off of 20 steps, times the growth of neighbours over two gyroradii.
        a, b = getattr(got, name), getattr(expected, name)
        np.testing.assert_allclose(a, b, rtol=0, atol=tolerance)
    assert (np.asarray(got.status) != 0).any() == (case != "a turbulent field")


def test_steps_below_the_rounding_of_the_place_are_lost_as_in_lanes():
    field = fields.UniformField(jnp.array([0.0, 0.0, 1e-6], jnp.float32))
    n = jnp.array([[0.6, 0.0, 0.8]], jnp.float32)

    def exits(stop):
        pusher = orbits.Boris(1e-3)
        return orbits.trace_ensemble(field, jnp.zeros(3), n, rigidity=1.0, stop=stop, pusher=pusher)

    stop = orbits.PathLength(jnp.array([150.0, 200.0]))
    got, expected = exits(stop), exits(orbits.EachOf(stop))
    assert got.status == expected.status != 0
    np.testing.assert_array_equal(got.met, expected.met)
    np.testing.assert_allclose(got.num_steps, expected.num_steps, rtol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("stencil", "boundary"),
    [
        (fields.Linear(), fields.ZeroOutside()),
        pytest.param(fields.CubicSpline(), fields.Mirrored(), marks=pytest.mark.slow),
    ],
)
def test_every_derivative_is_that_of_plain_reverse_mode(stencil, boundary):
    inputs = all_inputs(turbulent(stencil, boundary))
    got = eqx.filter_grad(number_of)(inputs)
    expected = eqx.filter_jit(eqx.filter_grad(lambda x: number(plain_end_states(x))))(inputs)
    for a, b in zip(jax.tree.leaves(got), jax.tree.leaves(expected), strict=True):
        # Round-off of sums over 120 evaluations; the largest derivatives are of order 100.
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-11)
        assert np.max(np.abs(b)) > 1e-3


@pytest.mark.parametrize("stencil", [fields.Linear(), fields.CubicSpline()])
@pytest.mark.slow
def test_derivative_by_the_grid_equals_differences(stencil):
    field = turbulent(stencil)

    def of_coefficients(coefficients):
        changed = eqx.tree_at(lambda f: f.second.field.coefficients, field, coefficients)
        return number_of(all_inputs(changed))

    coefficients = field.second.field.coefficients
    gradient = jax.grad(of_coefficients)(coefficients)
    largest = np.argsort(np.abs(gradient).ravel())[-3:]
    for index in (*np.stack(np.unravel_index(largest, gradient.shape), axis=-1), (1, 2, 3, 0)):
        step = 1e-5 * jnp.zeros_like(coefficients).at[tuple(index)].set(1.0)
        ahead, behind = of_coefficients(coefficients + step), of_coefficients(coefficients - step)
        quotient = (ahead - behind) / 2e-5
        # Round-off 1e-14/1e-5 = 1e-9; truncation 1e-10 times a third derivative of order 100.
        assert gradient[tuple(index)] == pytest.approx(float(quotient), rel=0, abs=1e-7)


@pytest.mark.slow
def test_derivative_by_the_samples_equals_differences():
    kind = {"spacing": 0.7, "origin": jnp.full(3, -1.5), "stencil": fields.CubicSpline()}
    samples = jnp.asarray(np.random.default_rng(3).normal(size=(5, 4, 6, 3)))

    def of_samples(samples):
        return number_of(all_inputs(fields.GridField(samples, **kind)))

    tangent = jnp.asarray(np.random.default_rng(4).normal(size=samples.shape))
    slope = jnp.sum(jax.grad(of_samples)(samples) * tangent)
    quotient = (of_samples(samples + 1e-6 * tangent) - of_samples(samples - 1e-6 * tangent)) / 2e-6
    # Round-off 1e-14/1e-6 = 1e-8; truncation 1e-12 times a third derivative of order 1e4.
    assert slope == pytest.approx(float(quotient), rel=0, abs=1e-6)
    forward = jax.jvp(of_samples, (samples,), (tangent,))[1]
    # The same sum in another order.
    assert slope == pytest.approx(float(forward), rel=1e-10)


def test_derivatives_by_numbers_equal_differences():
    positions, directions = start()
    turbulence = grid(fields.CubicSpline(), fields.Periodic())

    def of_numbers(theta):
        uniform = fields.UniformField(jnp.array([0.5, 0.0, 3.0]) + theta[:3])
        field = uniform + (1.3 + theta[3]) * turbulence
        turned = directions + theta[6] * jnp.ones((1, 3))
        rigidity, length = RIGIDITY * (1 + theta[4]), LENGTH * (1 + theta[5])
        return number_of((field, positions, turned, rigidity, length))

    gradient = jax.grad(of_numbers)(jnp.zeros(7))
    for i in range(7):
        step = jnp.zeros(7).at[i].set(1e-5)
        quotient = (of_numbers(step) - of_numbers(-step)) / 2e-5
        # Round-off 1e-9; truncation 1e-10 times a third derivative of order 1e3.
        assert gradient[i] == pytest.approx(float(quotient), rel=0, abs=1e-6)


@pytest.mark.slow
def test_other_leaves_are_differentiable_where_the_grid_is_not():
    def of_factor(factor, storage):
        field = factor * grid(fields.Linear(), fields.Periodic(), storage=storage)
        return number_of(all_inputs(field))

    exact = jax.grad(of_factor)(1.3, jnp.float64)
    # A store of 16 bits is off by 1e-5 in each sample, times a derivative of order 100.
    assert jax.grad(of_factor)(1.3, jnp.int16) == pytest.approx(float(exact), rel=0, abs=1e-2)


@pytest.mark.slow
def test_gradient_by_the_grid_has_its_type():
    field = turbulent(fields.Linear(), storage=jnp.float32)
    positions, directions = start(jnp.float32)

    def of_field(field):
        rigidity = jnp.asarray(RIGIDITY, jnp.float32)
        return number(end_states((field, positions, directions, rigidity, jnp.float32(LENGTH))))

    gradient = eqx.filter_grad(of_field)(field).second.field.coefficients
    assert gradient.dtype == jnp.float32
