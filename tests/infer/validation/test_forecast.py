"""Forecasts against the Fisher matrix by hand."""

import jax.numpy as jnp
import numpy as np
import pytest

from jaxcr import infer

VALUES = jnp.array([0.3, -0.2])


def test_errors_are_those_of_the_fisher_matrix(line):
    found = infer.forecast(
        line.model, VALUES, line.data, num_skies=(1, 8), likelihood=infer.GaussianLikelihood()
    )
    for errors, num in zip(found.errors[:, 0], (1, 8), strict=True):
        by_hand = np.sqrt(np.diagonal(np.linalg.inv(num * line.fisher + line.prior)))
        np.testing.assert_allclose(errors, by_hand, rtol=1e-10)
    assert found.table().splitlines()[0].split() == ["skies", "noise", "x", "a", "b"]
    assert len(found.table().splitlines()) == 3


def test_fixed_parameters_have_no_error_and_tell_the_others(line):
    held = line.model.parameters.with_fixed({"a": 0.0})
    found = infer.forecast(
        line.model, VALUES, line.data, num_skies=(1,), parameters=held,
        likelihood=infer.GaussianLikelihood(),
    )  # fmt: skip
    by_hand = 1 / np.sqrt(line.fisher[1, 1] + line.prior[1, 1])
    np.testing.assert_allclose(found.errors[0, 0], [0.0, by_hand], rtol=1e-10)


def test_skies_needed_inverts_the_forecast(line):
    def needed(most):
        return infer.skies_needed(
            line.model, VALUES, line.data, lambda v: v[1], relative_error=0.05, most=most,
            likelihood=infer.GaussianLikelihood(),
        )  # fmt: skip

    # a and b are orthogonal: error² = 1/(n F + prior) = (0.05 x 0.2)²
    exact = (1 / 0.01**2 - line.prior[1, 1]) / line.fisher[1, 1]
    assert needed(100_000) == int(np.ceil(exact))
    assert needed(8) is None


def test_error_text(line):
    with pytest.raises(
        ValueError, match="skies_needed: relative_error: expected a positive number"
    ):
        infer.skies_needed(line.model, VALUES, line.data, lambda v: v[0], relative_error=0.0)
