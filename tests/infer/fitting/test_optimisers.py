"""Optimisers: linear problems in closed form, bounds, rough functions with estimated slopes."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcr import infer
from jaxcr.infer.fitting.optimiser import start_angles

MATRIX = np.array([[1.0, 0.5], [-0.3, 1.2], [0.8, -0.4], [0.1, 0.9]])
LOG_C = np.array([0.2, -0.4, 0.5, 0.1])
SIGMA = 0.1


def linear(values):
    return jnp.asarray(MATRIX) @ values


@pytest.fixture(scope="module")
def objective(toy):
    parameters = (
        infer.Parameter("a", 0.1, -2.0, 2.0, infer.Flat()),
        infer.Parameter("b", -0.5, -2.0, 2.0, infer.Normal(0.0, 0.2)),
    )
    return infer.Objective(toy(linear, LOG_C, parameters, SIGMA))


@eqx.filter_jit
def values_at(objective, angles):
    return jax.vmap(objective.values)(angles)


@eqx.filter_jit
def distance_at(objective, values):
    return objective.place(objective.angles(values)).distance


def values_of(objective, runs):
    return np.asarray(values_at(objective, runs.angles))


def exact():
    information = MATRIX.T @ MATRIX / SIGMA**2 + np.diag([0, 1 / 0.2**2])
    return np.linalg.solve(information, MATRIX.T @ LOG_C / SIGMA**2), np.linalg.inv(information)


@pytest.mark.parametrize(
    ("optimiser", "within"),
    [
        # its last steps are of second order in a tolerance of 1e-7
        (infer.LevenbergMarquardt(), 1e-6),
        # a hundredth of an error: the rate decays, but the momentum rings
        pytest.param(infer.Adam(num_steps=400), 1e-2, marks=pytest.mark.slow),
        # sixty steps of a method that converges faster than linearly
        pytest.param(infer.LBFGS(), 1e-6, marks=pytest.mark.slow),
    ],
)
def test_a_linear_problem_in_closed_form(objective, optimiser, within):
    starts = start_angles(objective, jnp.array([[0.1, -0.5], [-1.5, 1.5]]))
    runs = infer.run_starts(optimiser, objective, starts)
    best, covariance = exact()
    for i in range(2):
        away = values_of(objective, runs)[i] - best
        assert np.all(np.abs(away) < within * np.sqrt(np.diagonal(covariance)))
    assert bool(jnp.all(runs.converged))
    assert np.all(np.asarray(runs.history)[:, 0] >= np.asarray(runs.cost))


def test_distance_is_counted_in_errors(objective):
    best, covariance = exact()
    at = jnp.asarray(best) + 0.5 * jnp.sqrt(covariance[0, 0]) * jnp.asarray(
        covariance[:, 0] / covariance[0, 0]
    )
    # half an error along the first parameter's regression; angles are curved at second order,
    # and their unit prior takes 1 %
    assert float(distance_at(objective, at)) == pytest.approx(0.5, rel=0.05)


def test_an_optimum_on_a_bound_counts_as_reached(objective):
    problem = objective.problem
    parameters = problem.parameters.replace("a", lower=-2.0, upper=0.12)
    held = infer.Objective(infer.Problem(problem.model, problem.data, parameters))
    run = infer.run_starts(
        infer.LevenbergMarquardt(), held, start_angles(held, parameters.start[None])
    )
    assert exact()[0][0] > 0.2
    assert bool(run.converged[0])
    assert values_of(held, run)[0, 0] == pytest.approx(0.12, abs=1e-6)


def rippled(values):
    """A line with ripples of 0.03 whose slope, 3, exceeds its own: chaos in a nutshell."""
    return linear(values) + 0.03 * jnp.sin(100 * values[0] + jnp.arange(4.0))


@jax.custom_jvp
def estimated(values):
    return rippled(values)


@estimated.defjvp
def _slope_of_the_mean(primals, tangents):
    return rippled(primals[0]), jnp.asarray(MATRIX) @ tangents[0]


def test_an_estimated_jacobian_leads_through_ripples(toy, objective):
    def distance(function):
        parameters = objective.problem.parameters.parameters
        rough = infer.Objective(toy(function, LOG_C, parameters, SIGMA))
        start = start_angles(rough, jnp.array([[-1.5, 1.5]]))
        run = infer.run_starts(infer.LevenbergMarquardt(), rough, start)
        best, covariance = exact()
        away = values_of(rough, run)[0] - best
        return float(np.sqrt(away @ np.linalg.solve(covariance, away)))

    # ripples of 0.3 sigma at four multipoles move the optimum by less than 1 sigma
    assert distance(estimated) < 1
    assert distance(rippled) > 3  # the exact slope ends in the first ripple


def test_optimisers_have_names_and_fixed_parameters_stay(objective):
    names = [str(x) for x in (infer.LevenbergMarquardt(), infer.Adam(), infer.LBFGS())]
    assert names == ["Levenberg-Marquardt", "Adam", "L-BFGS"]
    held = objective.problem.parameters.with_fixed({"b": 0.3})
    fixed = infer.Objective(dataclasses.replace(objective.problem, parameters=held))
    run = infer.run_starts(infer.LevenbergMarquardt(), fixed, jnp.array([[1.0]]))
    values = values_of(fixed, run)[0]
    assert float(values[1]) == 0.3
    column = MATRIX[:, 0]
    one = column @ (LOG_C - 0.3 * MATRIX[:, 1]) / (column @ column)
    # Levenberg-Marquardt's tolerance of 1e-7, of an angle
    assert float(values[0]) == pytest.approx(one, abs=1e-6)
