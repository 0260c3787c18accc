"""Fixed parameters: vectors of values hold all, angles the free; errors name the parameter."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcr import infer


@pytest.fixture
def parameters():
    return infer.ParameterSet(
        (
            infer.Parameter("ln A", 0.5, 0.0, 2.0, infer.Flat()),
            infer.Parameter("b", -1.0, -4.0, 1.0, infer.Normal(-2.0, 0.5)),
            infer.Parameter("size", 0.2, 0.0, 0.6, infer.HalfNormal(0.3)),
        )
    )


def test_angles_are_those_of_the_free_parameters(parameters):
    held = parameters.with_fixed({"b": -3.0})
    values = jnp.array([1.9, -3.0, 0.1])
    assert held.free_names == ("ln A", "size")
    assert held.free(values).shape == (2,)
    # round-off, amplified by the slope of the arc cosine near the bounds
    np.testing.assert_allclose(held.bounded(held.free(values)), values, rtol=1e-13)
    slope = jax.jacfwd(held.bounded)(held.free(values))
    np.testing.assert_array_equal(slope[1], [0, 0])


def test_starts_keep_what_is_fixed_and_a_bound_may_be_held(parameters):
    held = parameters.with_fixed({"size": 0.0})
    starts = np.asarray(held.starts(8))
    np.testing.assert_array_equal(starts[:, 2], np.zeros(8))
    assert np.ptp(starts[:, 0]) > 1  # of the middle 80 % of a range of 2
    assert held.with_free("ln A").free_names == ("ln A", "b")


def test_a_fixed_parameter_has_no_prior_residual(parameters):
    held = parameters.with_fixed({"b": -3.0})
    np.testing.assert_allclose(held.prior_residuals(jnp.array([1.0, -3.0, 0.3])), [0, 0, 1])


def test_values_by_name_and_replaced_fields(parameters):
    assert parameters.by_name(jnp.array([1.0, 2.0, 3.0])) == {"ln A": 1, "b": 2, "size": 3}
    new = parameters.replace("b", prior=infer.Flat(), upper=5.0)
    assert new.parameters[1].upper == 5
    assert str(new.parameters[1].prior) == "flat"
    assert str(parameters.parameters[2].prior) == "half N(0.3)"


def test_errors_name_the_parameter(parameters):
    with pytest.raises(ValueError, match=r"expected one of ln A, b, size, got 'dB'"):
        parameters.with_fixed({"dB": 1.0})
    with pytest.raises(ValueError, match=r"Parameter b: start: expected a number in \[-4, 1\]"):
        parameters.with_fixed({"b": 2.0})
    with pytest.raises(ValueError, match=r"Parameter x: lower: expected a number >= 0"):
        infer.Parameter("x", 0.0, -1.0, 1.0, infer.HalfNormal(0.3))
    with pytest.raises(ValueError, match=r"names that differ, got a, a"):
        infer.ParameterSet((infer.Parameter("a", 0.5, 0.0, 1.0, infer.Flat()),) * 2)
