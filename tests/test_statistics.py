"""Jackknife: standard errors of means, a nonlinear estimator, rows that are left out."""

import jax.numpy as jnp
import numpy as np
import pytest

from jaxcr.statistics import group_means, jackknife


def test_of_a_mean_it_is_the_standard_error():
    x = np.random.default_rng(1).standard_normal((40, 3))
    found = jackknife(lambda m: m, group_means(jnp.asarray(x), 40))
    np.testing.assert_allclose(found.value, x.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(found.error, x.std(axis=0, ddof=1) / np.sqrt(40), rtol=1e-12)


def test_of_a_ratio_it_is_the_spread_of_many_samples():
    rng = np.random.default_rng(2)
    x = rng.standard_normal((2000, 64)) + 4
    y = x + rng.standard_normal((2000, 64))
    found = jackknife(
        lambda m: m[0] / m[1],
        (group_means(jnp.asarray(x[0]), 32), group_means(jnp.asarray(y[0]), 32)),
    )
    ratios = x.mean(axis=1) / y.mean(axis=1)
    # an error from 32 groups is itself uncertain by 1/sqrt(62) = 13 %; 3 of these
    assert float(found.error) == pytest.approx(ratios.std(), rel=0.4)


def test_rows_that_are_not_finite_are_left_out():
    x = jnp.array([1.0, jnp.nan, 3.0, 5.0])
    np.testing.assert_allclose(group_means(x, 2), [1.0, 4.0])


@pytest.mark.parametrize("groups", [1, 3])
def test_groups_must_divide(groups):
    with pytest.raises(ValueError, match="at least 2, and a divisor of the 4 particles"):
        group_means(jnp.zeros(4), groups)
