"""Before a fit: what cannot be fitted is refused, with the reason; directions are named."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcr import infer


def flat(name, start=0.1):
    return infer.Parameter(name, start, -2.0, 2.0, infer.Flat())


def shape(size):
    return jnp.linspace(-1, 1, size)


def line(values):
    return values[0] + values[1] * shape(4)


def sum_and_slope(values):
    return values[0] + values[1] + values[2] * shape(4)


def product(values):
    return jnp.log(values[0] * values[1]) + jnp.zeros(4)


def root(values):
    return jnp.sqrt(values[0]) + values[1] * shape(4)


def test_more_flat_parameters_than_multipoles(toy):
    problem = toy(lambda v: v[:1] + v[1:], [0.0], [flat("a"), flat("b")])
    with pytest.raises(
        ValueError, match=r"flat prior: expected .*\[0, 1\], got 2\. Fix some of a, b"
    ):
        infer.fit(problem)


def test_everything_fixed(toy):
    problem = toy(line, np.zeros(4), [flat("a"), flat("b")])
    held = problem.parameters.with_fixed({"a": 0.0, "b": 1.0})
    with pytest.raises(
        ValueError, match=r"number of free parameters: expected a number >= 1, got 0"
    ):
        infer.fit(dataclasses.replace(problem, parameters=held))


def test_data_under_the_noise(toy):
    problem = toy(line, np.zeros(4), [flat("a"), flat("b")])
    ell = np.arange(1, 5)
    # sigma of the noise at l = 1 is 2 sqrt(2/3): a C_l of 1 is 0.6 of it, at l = 4 1.1
    data = infer.SpectrumData(ell, np.ones(4), np.zeros(4), np.full(4, 2.0))
    with pytest.raises(ValueError, match=r"C_l above 3 sigma: expected a number >= 1, got 0"):
        infer.fit(dataclasses.replace(problem, data=data))


def test_a_start_without_a_posterior_is_printed(toy):
    problem = toy(root, np.zeros(4), [flat("ln A", -0.5), flat("b")])
    with pytest.raises(ValueError, match=r"at ln A = -0\.5, b = 0\.1: expected .*got nan"):
        infer.fit(problem)


def test_a_combination_that_nothing_tells_is_named(toy):
    three = [flat("ln A"), flat("ln path"), flat("c")]
    problem = toy(sum_and_slope, np.zeros(4), three)
    with pytest.raises(ValueError, match=r"no information on 0\.71 ln A - 0\.71 ln path"):
        infer.fit(problem)


def test_a_curved_combination_that_nothing_tells_is_named_at_the_start(toy):
    two = [infer.Parameter(name, 1.0, 0.5, 2.0, infer.Flat()) for name in "ab"]
    with pytest.raises(ValueError, match=r"no information on 0\.71 a - 0\.71 b"):
        infer.fit(toy(product, np.zeros(4), two))


def test_without_float64(toy):
    problem = toy(line, np.zeros(4), [flat("a"), flat("b")])
    with (
        jax.enable_x64(False),
        pytest.raises(ValueError, match="jax_enable_x64: expected one of True"),
    ):
        infer.fit(problem)


def test_an_axis_of_narrow_prior_is_not_the_name_of_every_direction():
    # in widths of the priors the data know a, and b not; b is 100 times narrower, so that its raw
    # weight leads in both: 0.1/0.01 over 0.995/1
    wide = infer.Parameter("a", 0.1, -9.0, 9.0, infer.Normal(0.0, 1.0))
    narrow = infer.Parameter("index", 0.1, -9.0, 9.0, infer.Normal(0.0, 0.01))
    known = np.array([np.sqrt(1 - 0.05**2), 0.05]) / np.array([1.0, 0.01])
    covariance = np.linalg.inv(100 * np.outer(known, known) + np.diag([1.0, 1e4]))
    found = infer.data_directions(infer.ParameterSet((wide, narrow)), covariance)
    np.testing.assert_allclose(found.weights[0], [1, 0])
    told, untold = found.text().split("; ")
    assert told.startswith("these data constrain a (")
    assert untold == "they say little or nothing about index"


def test_directions_in_closed_form():
    # the data know a + b with error 0.1 and nothing else: with the priors I = 100 on all + 1
    parameters = infer.ParameterSet(
        (
            infer.Parameter("a", 0.1, -9.0, 9.0, infer.Normal(0.0, 1.0)),
            infer.Parameter("held", 0.1, -9.0, 9.0, infer.Normal(0.0, 1.0), fixed=True),
            infer.Parameter("b", 0.1, -9.0, 9.0, infer.Normal(0.0, 1.0)),
        )
    )
    covariance = np.zeros((3, 3))
    covariance[::2, ::2] = np.linalg.inv(np.full((2, 2), 100.0) + np.eye(2))
    directions = infer.data_directions(parameters, covariance)
    # prior sigmas from 1,001 points of 18 standard deviations: exact to the sum's 1e-6
    np.testing.assert_allclose(directions.weights[0], np.full(2, np.sqrt(0.5)), rtol=1e-5)
    np.testing.assert_allclose(directions.errors[0], 1 / np.sqrt(201), rtol=1e-5)
    np.testing.assert_allclose(directions.shares, [1 / np.sqrt(201), 1], rtol=1e-5)
    assert directions.text() == (
        "these data constrain 0.71 a + 0.71 b (± 0.071); "
        "they say little or nothing about 0.71 a - 0.71 b"
    )


def test_fewer_skies_than_multipoles_are_a_message_with_both_numbers(toy):
    class Few(type(toy(line, np.zeros(4), [flat("a"), flat("b")]).model)):
        def predict(self, values, data):
            enough = super().predict(values, data)
            return dataclasses.replace(enough, num_simulations=jnp.asarray(8.0))

    problem = toy(line, np.zeros(4), [flat("a"), flat("b")])
    few = Few(problem.model.parameters, problem.model.function, problem.model.sigma)
    with pytest.raises(ValueError, match=r"more than 8, got 8\. Simulate more, .* than these 4"):
        infer.fit(dataclasses.replace(problem, model=few))
