"""Jackknife: standard errors of means, a nonlinear estimator, rows that are left out."""

import jax.numpy as jnp
import numpy as np
import pytest

from jaxcr.statistics import group_means, jackknife, jackknife_sums


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


def test_sums_of_groups_of_equal_size_are_their_means(rng):
    values = jnp.asarray(rng.normal(2, 1, (6, 50)))
    ones = jnp.full(6, 50.0)

    def ratio(sums):
        return (sums[0] / sums[1]) ** 3

    by_sums = jackknife_sums(ratio, (jnp.sum(values, axis=1), ones))
    by_means = jackknife(lambda mean: mean**3, jnp.mean(values, axis=1))
    np.testing.assert_allclose(by_sums.value, by_means.value, rtol=1e-12)
    np.testing.assert_allclose(by_sums.error, by_means.error, rtol=1e-10)


def test_unequal_groups_give_the_error_of_a_ratio(rng):
    # a ratio of sums with groups of 10 to 90 members: error of the mean of 300 values, 1/sqrt(300);
    # twelve groups know it to a fifth, averaged over 40 draws to 4 %: 4 sigma
    sizes = np.array([10, 20, 30, 40, 50, 90, 10, 10, 10, 10, 10, 10])
    group = np.repeat(np.arange(12), sizes)
    errors = []
    for _ in range(40):
        values = rng.normal(0, 1, 300)
        sums = jnp.asarray(np.bincount(group, values)), jnp.asarray(sizes, float)
        errors.append(float(jackknife_sums(lambda s: s[0] / s[1], sums).error))
    np.testing.assert_allclose(np.sqrt(np.mean(np.square(errors))), 300**-0.5, rtol=0.25)
