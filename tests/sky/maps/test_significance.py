import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcr.sky.healpix.grid import UNSEEN
from jaxcr.sky.maps import li_ma_significance, significance_map


def equation_17(on, off, ratio):
    """Evaluate Li & Ma 1983, equation 17, as printed, in long double."""
    on, off, ratio = (np.asarray(v, dtype=np.longdouble) for v in (on, off, ratio))
    first = on * np.log((1 + ratio) / ratio * on / (on + off))
    second = off * np.log((1 + ratio) * off / (on + off))
    return np.sign(on - ratio * off) * np.sqrt(2 * (first + second))


def test_equation_17(rng):
    on, off = rng.integers(1, 200, 1000).astype(float), rng.integers(1, 2000, 1000).astype(float)
    ratio = rng.uniform(0.01, 2, 1000)
    # 1e-11: the printed form loses the square of excess / counts, down to 1e-3 here.
    expected = equation_17(on, off, ratio)
    assert np.allclose(li_ma_significance(on, off, ratio), expected, rtol=1e-11, atol=1e-11)


def test_zero_counts():
    # One term of the bracket is left: N ln(1 + a) or N ln[(1 + a) / a].
    assert np.isclose(li_ma_significance(0, 8, 0.25), -np.sqrt(16 * np.log(1.25)), rtol=1e-14)
    assert np.isclose(li_ma_significance(5, 0, 0.25), np.sqrt(10 * np.log(5)), rtol=1e-14)
    assert li_ma_significance(0, 0, 0.25) == 0
    assert li_ma_significance(2, 8, 0.25) == 0


def test_small_excess_of_many_counts():
    # sqrt(N) excess: (N_on - a N_off) / sqrt(a (N_on + N_off)) to first order (their equation 9).
    on, off, ratio = 1e8 + 1e3, 1e10, 0.01
    expected = 1e3 / np.sqrt(ratio * (on + off))
    # 1e-5: next order, excess over counts.
    assert np.isclose(li_ma_significance(on, off, ratio), expected, rtol=1e-5)
    single = li_ma_significance(*(jnp.asarray(v, jnp.float32) for v in (on, off, ratio)))
    assert np.isclose(single, expected, rtol=0.02)  # 1e8 in float32 is rounded to 8 of 1e3


def test_distribution_without_a_source_is_normal(rng):
    off, on = rng.poisson(2000, 20_000), rng.poisson(500, 20_000)
    significance = li_ma_significance(on.astype(float), off.astype(float), 0.25)
    # Mean to 1 / sqrt(N) = 0.007 and spread to 1 / sqrt(2N) = 0.005; 4 standard errors.
    assert abs(np.mean(significance)) < 0.03
    assert abs(np.std(significance) - 1) < 0.02


def test_gradient(rng):
    on = jnp.array([0.5, 3.0, 2.0, 2.001, 300.0])  # the third has no excess

    @jax.jit
    def value_and_slope(n):
        return jax.jvp(lambda n: li_ma_significance(n, 8.0, 0.25), (n,), (jnp.ones_like(n),))

    size = 1e-5
    high, low = value_and_slope(on + size)[0], value_and_slope(on - size)[0]
    # 1e-8: truncation size² times third derivatives of 10, round-off 1e-16 / size.
    slope = value_and_slope(on)[1]
    assert np.allclose(slope, (high - low) / (2 * size), rtol=1e-8, atol=1e-8)
    empty = jax.jit(jax.grad(lambda n: li_ma_significance(n, n, 0.25)))(0.0)
    assert np.isfinite(empty)


def test_significance_map():
    sky, error = np.array([1.0, -2.0, 3.0, 1.0]), np.array([0.5, 1.0, 0.0, np.nan])
    assert np.array_equal(significance_map(sky, error), [2, -2, np.nan, np.nan], equal_nan=True)
    gradient = jax.grad(lambda m: jnp.sum(significance_map(m, error)[:2]))(jnp.asarray(sky))
    assert np.array_equal(gradient, [2, 1, 0, 0])


def test_errors_and_dtype():
    with pytest.raises(ValueError, match=r"significance_map: error: expected shape \(3,\)"):
        significance_map(np.ones(3), np.ones(2))
    with pytest.raises(ValueError, match=r"counts: expected a number >= 0.*raw counts"):
        li_ma_significance(np.array([-1.0, 2.0]), 3, 0.1)
    with pytest.raises(ValueError, match=r"background: expected a number >= 0"):
        li_ma_significance(1, -3, 0.1)
    with pytest.raises(ValueError, match=r"exposure_ratio: expected a positive number"):
        li_ma_significance(1, 3, 0)
    for numbers in [(np.nan, 50, 1), (50, np.nan, 1), (UNSEEN, 50, 1)]:  # no count, no significance
        assert np.isnan(li_ma_significance(*numbers))
    assert np.isnan(jax.jit(li_ma_significance)(50.0, 50.0, jnp.nan))
    with pytest.raises(ValueError, match=r"exposure_ratio: expected a positive number, got nan"):
        li_ma_significance(50, 50, np.nan)
    unknown = significance_map(np.array([UNSEEN, np.nan, 1, 1]), np.array([1, 1, UNSEEN, np.nan]))
    assert np.all(np.isnan(unknown))
    assert li_ma_significance(jnp.float32(4), 3, 0.1).dtype == jnp.float32
    assert significance_map(np.ones(3, np.float32), np.ones(3)).dtype == jnp.float32
