"""Bulirsch-Stoer as a diffrax solver: order, dense output, error control, both modes."""

import diffrax
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcr import fields, orbits, units

RIGIDITY = 3.0 / units.GYRORADIUS


def pendulum(t, y, args):
    return jnp.stack([y[1], -jnp.sin(y[0])]) + 0.1 * jnp.cos(t)


START = jnp.array([0.5, 0.3])


@pytest.fixture(scope="module")
def exact():
    return solve(diffrax.Dopri8(), 2000)


def solve(solver, num_steps):
    return diffrax.diffeqsolve(
        diffrax.ODETerm(pendulum), solver, 0.0, 4.0, 4.0 / num_steps, START, max_steps=4000
    ).ys[0]


@pytest.mark.parametrize("columns", [2, 3, 4])
def test_order(exact, columns):
    solver = orbits.BulirschStoer(columns)
    coarse, fine = (
        np.linalg.norm(solve(solver, n) - exact) for n in ((4, 8) if columns < 4 else (2, 4))
    )
    # steps of order one: the next order shows
    assert np.log2(coarse / fine) == pytest.approx(2 * columns, abs=1.0)
    assert solver.order(None) == 2 * columns


def test_dense_output_is_of_order_six(exact):
    errors = []
    for steps in (8, 16):
        solution = diffrax.diffeqsolve(
            diffrax.ODETerm(pendulum), orbits.BulirschStoer(), 0.0, 4.0, 4.0 / steps, START,
            saveat=diffrax.SaveAt(dense=True),
        )  # fmt: skip
        reference = diffrax.diffeqsolve(
            diffrax.ODETerm(pendulum), diffrax.Dopri8(), 0.0, 4.0, 1e-3, START,
            saveat=diffrax.SaveAt(ts=jnp.linspace(0, 4, 41)), max_steps=5000,
        ).ys  # fmt: skip
        inside = jax.vmap(solution.evaluate)(jnp.linspace(0, 4, 41))
        errors.append(np.abs(inside - reference).max())
    assert np.log2(errors[0] / errors[1]) == pytest.approx(6, abs=0.8)


def test_the_error_estimate_bounds_the_error():
    solver, term = orbits.BulirschStoer(3), diffrax.ODETerm(pendulum)
    y1, error, *_ = solver.step(term, jnp.asarray(0.0), jnp.asarray(0.8), START, None, None, False)
    fine = diffrax.diffeqsolve(term, diffrax.Dopri8(), 0.0, 0.8, 1e-3, START).ys[0]
    assert np.all(np.abs(y1 - fine) < error)
    assert np.all(error < 1e-3)


@pytest.mark.slow
def test_derivatives_in_both_modes():
    def end(x, adjoint):
        return diffrax.diffeqsolve(
            diffrax.ODETerm(pendulum), orbits.BulirschStoer(3), 0.0, 2.0, 0.2, x, adjoint=adjoint
        ).ys[0, 0]

    reverse = jax.grad(lambda x: end(x, diffrax.RecursiveCheckpointAdjoint()))(START)
    forward = jax.jacfwd(lambda x: end(x, diffrax.ForwardMode()))(START)
    np.testing.assert_allclose(forward, reverse, rtol=1e-12)


@pytest.mark.slow
def test_lanes_and_single_orbits_agree_on_a_helix():
    field = fields.UniformField(jnp.array([0.0, 0.0, 3.0]))
    n, s = jnp.array([0.6, 0.0, 0.8]), 10.0
    expected = [0.6 * np.sin(s), -0.6 * (1 - np.cos(s)), 0.8 * s]
    options = {"rigidity": RIGIDITY, "stop": orbits.PathLength(s)}
    many = orbits.trace_ensemble(
        field, jnp.zeros(3), n[None], **options,
        pusher=orbits.DiffraxPusher(orbits.BulirschStoer(), rtol=1e-10, atol=0.0),
    )  # fmt: skip
    one = orbits.trace(
        field, jnp.zeros(3), n, **options, solver=orbits.BulirschStoer(), rtol=1e-10, atol=1e-10
    )
    np.testing.assert_allclose(many.position[0], expected, atol=1e-9)
    np.testing.assert_allclose(one.position, expected, atol=1e-9)


@pytest.mark.slow
def test_float32_stays_float32():
    field = fields.UniformField(jnp.array([0.0, 0.0, 3.0]))
    exits = orbits.trace_ensemble(
        field, jnp.zeros(3), jnp.array([[0.6, 0.0, 0.8]], jnp.float32), rigidity=RIGIDITY,
        stop=orbits.Sphere(2.0), pusher=orbits.BulirschStoer(),
    )  # fmt: skip
    assert exits.position.dtype == jnp.float32
    assert np.linalg.norm(exits.position[0]) == pytest.approx(2.0, rel=1e-6)


def test_one_column_is_refused():
    with pytest.raises(
        ValueError, match="BulirschStoer: num_columns: expected a number >= 2, got 1"
    ):
        orbits.BulirschStoer(1)
